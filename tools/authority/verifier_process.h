// One sealcall-verifier for each appraisal, as a phone has it: the authority parses no log itself. Any thread.
#pragma once

#include <filesystem>

#include "attestation/passport_office.h"

namespace sealcall::authority {

inline constexpr uint64_t kVerifierDeadline = 3000;  ///< ms, from its start to its answer; then it is killed
inline constexpr int kVerifiersAtOnce = 8;           ///< the next ones wait, at most as long

/// Runs `program` with the request and the logs. Nothing when it does not start, dies, is late, or answers something
/// else.
attestation::AskVerifier verifier_process(std::filesystem::path program);

}  // namespace sealcall::authority
