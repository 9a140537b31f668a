#include "audit_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "files.h"
#include "problem.h"

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

/// A log that comes in parts.
class Lines {
  public:
    Lines() { report_.head = std::string(64, '0'); }
    /// False: a line is broken, what follows is not looked at.
    bool add(std::string_view part) {
        while (!part.empty() && report_.holds()) {
            const size_t end = part.find('\n');
            rest_ += part.substr(0, end);
            if (end == std::string_view::npos && rest_.size() <= kAuditLineMax) break;
            ++line_;
            if (const std::string wrong = take(rest_, report_); !wrong.empty()) {
                report_.broken_line = line_;
                report_.problem = "Line " + std::to_string(line_) + " " + wrong + ".";
                break;
            }
            rest_.clear();
            part.remove_prefix(end + 1);
        }
        return report_.holds();
    }
    AuditReport end() {
        report_.cut_short = report_.holds() && !rest_.empty();
        return std::move(report_);
    }

  private:
    AuditReport report_;
    std::string rest_;
    size_t line_ = 0;
};

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
    bool deep = false;  // whoever made the line does not choose how deep this program's stack goes
    const auto flat = [&](int depth, Json::parse_event_t, Json&) {
        deep = deep || depth > 2;
        return !deep;
    };
    const Json record = Json::parse(line, flat, false);
    if (deep) return "it is nested";
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

std::string counted(uint64_t n, std::string_view one, std::string_view many) {
    std::string out = std::to_string(n) + " ";
    if (n == 1) return out.append(one);
    return many.empty() ? out.append(one) + "s" : out.append(many);
}

AuditReport read_audit(std::string_view file) {
    Lines lines;
    (void)lines.add(file);
    return lines.end();
}

std::optional<AuditReport> read_audit_file(const std::filesystem::path& file) {
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd.valid() && (errno == ENOENT || errno == ENOTDIR)) return {};
    Lines lines;
    std::string part(64 * 1024, '\0');
    for (uint64_t size = 0;;) {
        const ssize_t n = fd.valid() ? ::read(fd.get(), part.data(), part.size()) : -1;
        if (n < 0 && fd.valid() && errno == EINTR) continue;
        if (n < 0)
            throw Problem("The file " + file.string() + " cannot be read: " + std::strerror(errno) + ".",
                          "Check who owns it, and the disk.");
        size += static_cast<uint64_t>(n);
        if (size > kAuditMax)
            throw Problem("The audit log " + file.string() + " is larger than 4 GiB.",
                          "Keep it as evidence in another place; --file names the other files.");
        if (n == 0 || !lines.add(std::string_view(part).substr(0, static_cast<size_t>(n)))) return lines.end();
    }
}

}  // namespace sealcall::cli
