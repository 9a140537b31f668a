#include "audit_trail.h"

#include <algorithm>

#include "paths.h"
#include "problem.h"

namespace sealcall::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPutAway = "audit-", kEnding = ".log";
constexpr size_t kSeqDigits = 20;

bool is_put_away(const std::string& name) {
    if (name.size() != kPutAway.size() + kSeqDigits + kEnding.size()) return false;
    return name.starts_with(kPutAway) && name.ends_with(kEnding) &&
           std::ranges::all_of(name.substr(kPutAway.size(), kSeqDigits), [](char c) { return c >= '0' && c <= '9'; });
}

void fail(AuditReport& all, const AuditReport& part, size_t line, const std::string& problem) {
    all.broken_line = line;
    all.problem = problem;
    all.head = part.head;
}

/// False: the chain ends here.
bool join(AuditTrail& trail, AuditReport part, const fs::path& file) {
    AuditReport& all = trail.log;
    const std::string where = trail.files.size() > 1 ? "In " + file.filename().string() + ": " : std::string();
    if (!all.records.empty() && !part.records.empty()) {
        if (part.records.front().digest != all.records.back().digest) {
            fail(all, part, 1, where + "Line 1 is not the last record of the file before: a file is missing.");
            return false;
        }
        part.records.erase(part.records.begin());
    } else if (all.records.empty()) {
        all.continues = part.continues;
    }
    if (!part.records.empty()) all.head = part.head;
    all.cut_short |= part.cut_short;
    all.records.insert(all.records.end(), std::make_move_iterator(part.records.begin()),
                       std::make_move_iterator(part.records.end()));
    if (part.holds()) return true;
    fail(all, part, part.broken_line, where + part.problem);
    return false;
}

}  // namespace

std::string audit_file_name(uint64_t last_seq) {
    std::string digits = std::to_string(last_seq);
    digits.insert(0, kSeqDigits - digits.size(), '0');
    return std::string(kPutAway) + digits + std::string(kEnding);
}

std::vector<fs::path> audit_files(const ProfilePaths& paths) { return audit_files(paths.audit_log()); }

std::vector<fs::path> audit_files(const fs::path& log) {
    std::vector<fs::path> out;
    std::error_code error;
    for (fs::directory_iterator at(log.parent_path(), error), end; !error && at != end; at.increment(error))
        if (is_put_away(at->path().filename().string())) out.push_back(at->path());
    // One that was about to be put away when the power failed has two names.
    std::erase_if(out, [&](const fs::path& file) { return fs::equivalent(file, log, error); });
    std::ranges::sort(out);
    if (fs::exists(log, error)) out.push_back(log);
    return out;
}

AuditTrail read_trail(const std::vector<fs::path>& files) {
    AuditTrail trail;
    trail.files = files;
    trail.log.head = std::string(64, '0');
    for (const fs::path& file : files) {
        auto part = read_audit_file(file);
        if (!part)
            throw Problem("There is no audit log at " + file.string() + ".",
                          "It is made when the phone runs for the first time.", exit_status::kNotSetUp);
        if (part->records.empty() && part->holds())
            throw Problem(file.string() + " is no audit log: there is no whole record in it.",
                          "Name another file. If this was a log once, it was cut: keep it as evidence.",
                          exit_status::kDoesNotHold);
        if (!join(trail, *std::move(part), file)) break;
    }
    return trail;
}

std::optional<size_t> find_record(const AuditReport& log, uint64_t seq) {
    if (log.records.empty() || seq < log.records.front().seq) return {};
    const uint64_t at = seq - log.records.front().seq;  // numbers have no gaps in a chain
    if (at >= log.records.size()) return {};
    return at;
}

}  // namespace sealcall::cli
