// Who did what at the authority: a table that only grows, each record holding the hash of the one before. Written in
// the transaction of the deed itself, so that neither exists without the other. A changed, removed or inserted record
// shows; a cut tail shows against a head that was noted elsewhere.
#pragma once

#include <optional>

#include "database.h"

namespace sealcall::authority {

/// Who acts: "admin:alice", "local:root", "token:ID", "device:ID".
struct Actor {
    std::string name;
};

struct AuditRecord {
    uint64_t seq = 0;  ///< from 1, without gaps
    uint64_t wall_ms = 0;
    std::string actor, action, subject, detail;
    std::string previous, hash;  ///< hex SHA-256
};

/// Appends; inside of the caller's transaction. Text is bounded here: 256 characters each, detail 1024.
void append_audit(Database& database, const Actor& actor, uint64_t wall_ms, const std::string& action,
                  const std::string& subject, const std::string& detail);

/// Records with a number above `after`, at most `most`, in order.
std::vector<AuditRecord> read_audit(Database& database, uint64_t after, size_t most);

struct AuditCheck {
    bool holds = true;
    uint64_t records = 0;
    std::string head;        ///< hash of the last record; of the last good one if it does not hold
    uint64_t broken_at = 0;  ///< number of the first record that does not fit
};
/// Walks the whole trail.
AuditCheck check_audit(Database& database);

/// hex SHA-256 over all fields but `hash`.
std::string audit_hash(const AuditRecord& record);

}  // namespace sealcall::authority
