// What the numbers of audit records stand for, in words for a person. JSON and exports keep the numbers.
#pragma once

#include <string>
#include <vector>

#include "audit_log.h"

namespace sealcall::cli {

/// The fields of a record on one line, for a terminal; without those that record_sentences tells. A number that stands
/// for nothing this version knows stays a number.
std::string fields_line(const AuditRecord& record);

/// Whole sentences of what decided, of reasons and of the bundle, each behind the name of its field.
std::vector<std::string> record_sentences(const AuditRecord& record);

}  // namespace sealcall::cli
