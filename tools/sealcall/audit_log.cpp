#include "audit_log.h"

#include <nlohmann/json.hpp>

#include "files.h"

namespace sealcall::cli {
namespace {

/// Takes one line into the report; gives back what is wrong with it.
std::string take(std::string_view line, AuditReport& report) {
    if (line.size() > kAuditLineMax) return "is longer than a record can be";
    const auto record = nlohmann::json::parse(line, nullptr, false);
    if (!record.is_object()) return "is not a record";
    const auto unsigned_of = [&](const char* key) { return record.contains(key) && record[key].is_number_unsigned(); };
    if (!unsigned_of("seq") || !unsigned_of("wall_ms") || !record.contains("event") || !record["event"].is_string() ||
        !record.contains("prev") || !record["prev"].is_string())
        return "lacks seq, wall_ms, event or prev";
    AuditRecord out{.seq = record["seq"], .wall_ms = record["wall_ms"], .event = record["event"], .rest = {}};
    if (record["prev"] != report.head)
        return "does not follow the record before it: something was changed, removed or put in";
    if (!report.records.empty() && out.seq != report.records.back().seq + 1) return "is out of sequence";
    nlohmann::json rest = record;
    for (const char* key : {"seq", "wall_ms", "event", "prev"}) rest.erase(key);
    out.rest = rest.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    report.records.push_back(std::move(out));
    report.head = to_hex(digest_of(as_bytes(line)));
    return {};
}

}  // namespace

AuditReport read_audit(std::string_view file) {
    AuditReport report;
    report.head = std::string(64, '0');
    for (size_t line = 1; !file.empty(); ++line) {
        const size_t end = file.find('\n');
        if (end == std::string_view::npos) {
            report.cut_short = true;
            break;
        }
        const std::string wrong = take(file.substr(0, end), report);
        if (!wrong.empty()) {
            report.broken_line = line;
            report.problem = "Line " + std::to_string(line) + " " + wrong + ".";
            break;
        }
        file.remove_prefix(end + 1);
    }
    return report;
}

}  // namespace sealcall::cli
