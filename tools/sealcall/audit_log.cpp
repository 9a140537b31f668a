#include "audit_log.h"

#include "files.h"

namespace sealcall::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr size_t kNumbersMax = 64;

/// Adds the member as the one writer would; false: no record has such a value.
bool write_again(audit::Record& record, const std::string& name, const Json& value) {
    if (value.is_string()) return record.put_text(name, value.get_ref<const std::string&>()), true;
    if (value.is_number_unsigned()) return record.put(name, std::to_string(value.get<uint64_t>())), true;
    if (value.is_boolean()) return record.put(name, value.get<bool>() ? "true" : "false"), true;
    if (!value.is_array() || value.size() > kNumbersMax) return false;
    std::string all = "[";
    for (const Json& e : value) {
        if (!e.is_number_unsigned()) return false;
        all += (all.size() == 1 ? "" : ",") + std::to_string(e.get<uint64_t>());
    }
    return record.put(name, all + "]"), true;
}

bool is_hex(std::string_view text, std::span<std::byte> out) { return sealcall::from_hex(text, out); }

/// Takes one line into the report; gives back what is wrong with it.
std::string take(std::string_view line, AuditReport& report) {
    AuditRecord record;
    if (std::string wrong = read_record(line, record); !wrong.empty()) return wrong;
    if (report.records.empty()) {
        report.continues = record.seq != 0;
        if (!report.continues && record.prev != Digest{}) return "does not begin a log: something stood before it";
    } else if (record.prev != report.records.back().digest) {
        return "does not follow the record before it: something was changed, removed or put in";
    } else if (record.seq != report.records.back().seq + 1) {
        return "is out of sequence";
    }
    report.head = to_hex(record.digest);
    report.records.push_back(std::move(record));
    return {};
}

const Json* member(const AuditRecord& record, std::string_view name) {
    const auto at = record.fields.find(std::string(name));
    return at == record.fields.end() ? nullptr : &*at;
}

}  // namespace

std::string AuditRecord::text(std::string_view name) const {
    const Json* m = member(*this, name);
    return m != nullptr && m->is_string() ? m->get<std::string>() : std::string();
}

uint64_t AuditRecord::number(std::string_view name) const {
    const Json* m = member(*this, name);
    return m != nullptr && m->is_number_unsigned() ? m->get<uint64_t>() : 0;
}

bool AuditRecord::flag(std::string_view name) const {
    const Json* m = member(*this, name);
    return m != nullptr && m->is_boolean() && m->get<bool>();
}

Bytes AuditRecord::hex(std::string_view name) const {
    const std::string digits = text(name);
    Bytes out(digits.size() / 2);
    return is_hex(digits, out) ? out : Bytes{};
}

std::string AuditRecord::line() const {
    audit::Record again(event);
    for (const auto& [name, value] : fields.items()) write_again(again, name, value);
    return again.line(seq, wall_ms, to_hex(prev));
}

std::string read_record(std::string_view line, AuditRecord& out) {
    if (line.size() > kAuditLineMax) return "is longer than a record can be";
    const Json record = Json::parse(line, nullptr, false);
    if (!record.is_object()) return "is not a record";
    const auto unsigned_of = [&](const char* key) { return record.contains(key) && record[key].is_number_unsigned(); };
    const auto text_of = [&](const char* key) { return record.contains(key) && record[key].is_string(); };
    if (!unsigned_of("seq") || !unsigned_of("wall_ms") || !text_of("event") || !text_of("prev"))
        return "lacks seq, wall_ms, event or prev";
    out.seq = record["seq"].get<uint64_t>();
    out.wall_ms = record["wall_ms"].get<uint64_t>();
    out.event = record["event"].get<std::string>();
    if (!is_hex(record["prev"].get_ref<const std::string&>(), out.prev)) return "names no record before it";
    audit::Record scratch("");
    for (const auto& [name, value] : record.items()) {
        if (name == "seq" || name == "wall_ms" || name == "event" || name == "prev") continue;
        if (!write_again(scratch, name, value)) return "holds a value that no record has";
        out.fields[name] = value;
    }
    if (out.line() != line) return "is not written in the canonical form";
    out.digest = digest_of(as_bytes(line));
    return {};
}

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
