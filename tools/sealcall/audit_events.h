// Which event of the audit log may hold which fields: the log's purpose, written down. A record with anything else is
// found by `sealcall audit verify`, and by the tests in every log that they make.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "audit_log.h"

namespace sealcall::cli {

struct AuditEvent {
    std::string_view name;
    std::string_view fields;    ///< names, separated by blanks
    std::string_view sentence;  ///< what happened, for a person
};

/// Every event there is, in the order of docs/audit.md.
const std::array<AuditEvent, 40>& audit_events();
/// nullptr: this version of sealcall does not know it.
const AuditEvent* find_audit_event(std::string_view name);
/// A sentence about what does not belong into this record; empty: nothing.
std::string beyond_purpose(const AuditRecord& record);

}  // namespace sealcall::cli
