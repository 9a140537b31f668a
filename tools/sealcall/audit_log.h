// The enclave's audit log as a reader sees it: JSON lines, each with `prev`, the SHA-256 of the line before (64 zeros
// in the first). Foreign bytes: the file lies in a directory that other programs of the same user can write.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sealcall::cli {

struct AuditRecord {
    uint64_t seq = 0;
    uint64_t wall_ms = 0;
    std::string event;
    std::string rest;  ///< the other members, as one line of JSON
};

struct AuditReport {
    std::vector<AuditRecord> records;
    std::string head;        ///< hex SHA-256 of the last complete line: what a peer keeps as witness
    size_t broken_line = 0;  ///< from 1; 0: the chain holds
    std::string problem;     ///< one sentence, empty when the chain holds
    bool cut_short = false;  ///< the last line has no end: the phone was stopped while it wrote
    [[nodiscard]] bool holds() const { return broken_line == 0; }
};

inline constexpr size_t kAuditLineMax = 16 * 1024;      ///< bytes
inline constexpr size_t kAuditMax = 256 * 1024 * 1024;  ///< bytes of a whole log

/// Checks the whole chain; records up to the first broken line are given back.
AuditReport read_audit(std::string_view file);

}  // namespace sealcall::cli
