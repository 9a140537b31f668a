// The list of programs that sealcall-guard measures (made by sealcall-approve), read to foresee what the measurement
// PCR will hold. Somebody's file: bounded, and what is no such list is a Problem.
#pragma once

#include <string_view>

#include "reference_store.h"

namespace sealcall::reference {

inline constexpr size_t kProgramListMax = 64 * 1024;  ///< bytes
inline constexpr uint8_t kMeasurementPcr = 13;        ///< of managed computers

/// What each of these programs will be in sealcall's own measurement: the guard measures the others.
std::vector<Entry> from_program_list(std::string_view list, const std::string& source);
/// The kind of a record of that measurement, by its role.
rats::ReferenceKind kind_of_role(std::string_view role);
/// The value of the measurement PCR after every role of the list was extended into zero, before the cap.
Digest measured_state(std::string_view list);

}  // namespace sealcall::reference
