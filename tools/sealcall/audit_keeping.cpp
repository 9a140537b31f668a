#include "audit_keeping.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "files.h"
#include "paths.h"
#include "problem.h"

namespace sealcall::cli {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kDayMs = 24ULL * 3600 * 1000;

void sync_directory(const fs::path& dir) {
    const UniqueFd fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (fd.valid()) (void)::fsync(fd.get());
}

/// The last record of a file; nothing when its last line has no end, or is no record.
std::optional<AuditRecord> last_record(const fs::path& file) {
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    const off_t size = fd.valid() ? ::lseek(fd.get(), 0, SEEK_END) : 0;
    std::string tail(std::min<size_t>(static_cast<size_t>(std::max<off_t>(size, 0)), 2 * kAuditLineMax), '\0');
    if (tail.empty() || ::pread(fd.get(), tail.data(), tail.size(), size - static_cast<off_t>(tail.size())) !=
                            static_cast<ssize_t>(tail.size()))
        return {};
    if (tail.back() != '\n') return {};
    tail.pop_back();
    AuditRecord record;
    if (!read_record(std::string_view(tail).substr(tail.rfind('\n') + 1), record).empty()) return {};
    return record;
}

/// Does the log say that everything up to this record goes, and has the TPM signed behind that?
bool drop_is_signed(const AuditReport& log, const AuditRecord& last) {
    bool recorded = false;
    for (const AuditRecord& r : log.records) {
        recorded =
            recorded || (r.event == "dropped" && r.number("last") == last.seq && r.text("head") == to_hex(last.digest));
        if (recorded && r.event == "certified") return log.holds();
    }
    return false;
}

ipc::AuditDrop drop_due(const ProfilePaths& paths, uint32_t keep_days, uint64_t wall_ms) {
    ipc::AuditDrop out;
    if (keep_days == 0) return out;
    const std::vector<fs::path> files = audit_files(paths);
    size_t old = 0;
    std::optional<AuditRecord> last;
    for (size_t i = 0; i + 1 < files.size(); ++i) {
        auto record = last_record(files[i]);
        if (!record || record->wall_ms + keep_days * kDayMs > wall_ms) break;
        last = std::move(record);
        old = i + 1;
    }
    if (!last) return out;
    const auto kept = std::vector(files.begin() + static_cast<std::ptrdiff_t>(old), files.end());
    const AuditTrail trail = read_trail(kept);
    if (drop_is_signed(trail.log, *last)) {
        std::error_code error;
        for (size_t i = 0; i < old; ++i) fs::remove(files[i], error);
        return out;
    }
    const AuditTrail dropped = read_trail({files.front()});
    out.first = dropped.log.records.empty() ? 0 : dropped.log.records.front().seq;
    out.last = last->seq;
    out.head = last->digest;
    out.keep_days = keep_days;
    return out;
}

}  // namespace

void put_audit_away(const ProfilePaths& paths, uint64_t most_bytes) {
    const fs::path log = paths.audit_log(), next = paths.state_dir / "audit.log.new";
    std::error_code error;
    if (fs::file_size(log, error) <= most_bytes || error) return;
    const auto last = last_record(log);
    if (!last) return;  // the phone mends it first
    write_file(next, last->line() + "\n", 0600);
    const fs::path away = paths.state_dir / audit_file_name(last->seq);
    // A name more before the other one goes: the log is never without its records, whenever the power fails.
    if (::link(log.c_str(), away.c_str()) != 0 && !(errno == EEXIST && fs::equivalent(log, away, error)))
        throw Problem("The audit log could not be put away as " + away.string() + ": " + std::strerror(errno) + ".",
                      "Check the directory of the profile.");
    sync_directory(paths.state_dir);
    fs::rename(next, log, error);
    if (error)
        throw Problem("The next audit log could not be begun: " + error.message() + ".",
                      "Check the directory of the profile.");
    sync_directory(paths.state_dir);
}

ipc::AuditDrop drop_old_audit(const ProfilePaths& paths, uint32_t keep_days, uint64_t wall_ms) {
    try {
        return drop_due(paths, keep_days, wall_ms);
    } catch (const std::exception& error) {
        std::cerr << "sealcall: no old audit records are dropped: " << error.what() << "\n";
        return {};
    }
}

}  // namespace sealcall::cli
