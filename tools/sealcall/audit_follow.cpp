#include "audit_follow.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <thread>

namespace sealcall::cli {

namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(200);
constexpr int kTriesBeforeSaid = 5;

UniqueFd open_log(const std::filesystem::path& file) {
    return UniqueFd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
}

}  // namespace

AuditFollower::AuditFollower(std::filesystem::path file, uint64_t from)
    : file_(std::move(file)), fd_(open_log(file_)), at_(from) {}

uint64_t AuditFollower::end_of(const std::filesystem::path& file) {
    const UniqueFd fd = open_log(file);
    struct stat st {};
    if (!fd.valid() || ::fstat(fd.get(), &st) != 0) return 0;
    const auto size = static_cast<uint64_t>(st.st_size);
    std::string tail(std::min<uint64_t>(size, 2 * kAuditLineMax), '\0');
    const ssize_t n = ::pread(fd.get(), tail.data(), tail.size(), static_cast<off_t>(size - tail.size()));
    if (n != static_cast<ssize_t>(tail.size())) return size;
    const size_t end = tail.rfind('\n');
    return end == std::string::npos ? size - tail.size() : size - tail.size() + end + 1;
}

/// Another file has the name now.
void AuditFollower::reopen() {
    struct stat ours {
    }, there{};
    if (::stat(file_.c_str(), &there) != 0) return;
    if (fd_.valid() && ::fstat(fd_.get(), &ours) == 0 && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev)
        return;
    fd_ = open_log(file_);
    at_ = 0;
    rest_.clear();
}

std::vector<AuditRecord> AuditFollower::next() {
    std::vector<AuditRecord> out;
    const auto read_all = [&] {
        std::string part(64 * 1024, '\0');
        for (ssize_t n = 0;
             fd_.valid() && (n = ::pread(fd_.get(), part.data(), part.size(), static_cast<off_t>(at_))) > 0;) {
            rest_.append(part, 0, static_cast<size_t>(n));
            at_ += static_cast<uint64_t>(n);
        }
        for (size_t end = 0; (end = rest_.find('\n')) != std::string::npos; rest_.erase(0, end + 1)) {
            AuditRecord record;
            if (!read_record(std::string_view(rest_).substr(0, end), record).empty() || record.seq < next_seq_)
                continue;
            next_seq_ = record.seq + 1;
            out.push_back(std::move(record));
        }
    };
    read_all();
    reopen();
    read_all();
    return out;
}

void follow_audit(AuditFollower follower, const std::vector<std::string>& places, const std::function<bool()>& stop) {
    struct Place {
        std::string name;
        std::unique_ptr<AuditSink> sink;
        std::vector<AuditRecord> waiting;
        int failed = 0;
    };
    std::vector<Place> all;
    for (const std::string& name : places)
        all.push_back({.name = name, .sink = make_audit_sink(name), .waiting = {}, .failed = 0});
    for (bool last = false; !last;) {
        last = stop();  // and once more after that: what was written at the very end
        const auto fresh = follower.next();
        for (Place& p : all) {
            p.waiting.insert(p.waiting.end(), fresh.begin(), fresh.end());
            size_t sent = 0;
            while (sent < p.waiting.size() && p.sink->send(p.waiting[sent])) ++sent;
            p.waiting.erase(p.waiting.begin(), p.waiting.begin() + static_cast<std::ptrdiff_t>(sent));
            p.failed = p.waiting.empty() ? 0 : p.failed + 1;
            if (p.failed == kTriesBeforeSaid)
                std::cerr << "sealcall: audit records cannot be sent to " << p.name
                          << "; they wait, and stay in the log.\n";
        }
        if (!last) std::this_thread::sleep_for(kLookEvery);
    }
}

}  // namespace sealcall::cli
