// The enclave's audit log as a reader sees it: canonical records (sealcall/audit/record.h), each with `prev`, the
// SHA-256 of the line before (64 zeros in the first). Foreign bytes: the file lies in a directory that other programs
// of the same user can write.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sealcall/audit/record.h"

namespace sealcall::cli {

struct AuditRecord {
    uint64_t seq = 0;
    uint64_t wall_ms = 0;
    std::string event;
    nlohmann::ordered_json fields = nlohmann::ordered_json::object();  ///< without seq, wall_ms, event and prev
    Digest prev{}, digest{};                                           ///< of the line before, and of this one
    /// As it stands in the file, without a newline.
    [[nodiscard]] std::string line() const;
    /// Empty text, 0, false or nothing when there is no such field of that kind.
    [[nodiscard]] std::string text(std::string_view name) const;
    [[nodiscard]] uint64_t number(std::string_view name) const;
    [[nodiscard]] bool flag(std::string_view name) const;
    [[nodiscard]] Bytes hex(std::string_view name) const;
};

struct AuditReport {
    std::vector<AuditRecord> records;
    std::string head;        ///< hex SHA-256 of the last complete line: what a peer keeps as witness
    size_t broken_line = 0;  ///< from 1; 0: the chain holds
    std::string problem;     ///< one sentence, empty when the chain holds
    bool cut_short = false;  ///< the last line has no end: the phone was stopped while it wrote
    bool continues = false;  ///< begins with the last record of an older file
    [[nodiscard]] bool holds() const { return broken_line == 0; }
};

inline constexpr size_t kAuditLineMax = audit::kLineMax;
inline constexpr uint64_t kAuditMax = uint64_t{4} << 30;  ///< bytes of a file: a phone that runs on begins no new one

/// A record of one line without its newline, its place in the chain aside. The sentence says what is wrong, empty:
/// nothing.
std::string read_record(std::string_view line, AuditRecord& out);

/// Checks the whole chain; records up to the first broken line are given back. A file that continues an older one
/// begins with a copy of that one's last record: its number and `prev` are then taken as they are.
AuditReport read_audit(std::string_view file);
/// The same line by line, up to the first that is broken. Nothing if there is no such file; Problem: it cannot be read,
/// or is too large.
std::optional<AuditReport> read_audit_file(const std::filesystem::path& file);

/// "1 record", "2 records"; `many` where more than an "s" is different.
std::string counted(uint64_t n, std::string_view one, std::string_view many = {});

}  // namespace sealcall::cli
