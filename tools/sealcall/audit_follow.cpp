#include "audit_follow.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <thread>

#include "audit_trail.h"
#include "files.h"
#include "problem.h"

namespace sealcall::cli {

namespace fs = std::filesystem;

namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(200);
constexpr int kTriesBeforeSaid = 5;
constexpr size_t kPart = std::max<size_t>(2 * kAuditLineMax, 64 * 1024);

UniqueFd open_log(const fs::path& file) {
    return UniqueFd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
}

std::string read_at(const UniqueFd& fd, uint64_t at) {
    std::string part(kPart, '\0');
    const ssize_t n = fd.valid() ? ::pread(fd.get(), part.data(), part.size(), static_cast<off_t>(at)) : 0;
    part.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return part;
}

/// Every line with where the next one begins, until `line` is false.
void each_line(const fs::path& file, const std::function<bool(std::string_view, uint64_t)>& line) {
    const UniqueFd fd = open_log(file);
    uint64_t at = 0;
    for (std::string part; !(part = read_at(fd, at)).empty();) {
        size_t begin = 0;
        for (size_t end = 0; (end = part.find('\n', begin)) != std::string::npos; begin = end + 1)
            if (!line(std::string_view(part).substr(begin, end - begin), at + end + 1)) return;
        if (begin == 0 && part.size() < kPart) return;
        at += begin == 0 ? part.size() : begin;
    }
}

/// Where the file goes on behind the record with this hash.
std::optional<uint64_t> behind(const fs::path& file, const Digest& digest) {
    std::optional<uint64_t> out;
    each_line(file, [&](std::string_view line, uint64_t next) {
        if (digest_of(as_bytes(line)) == digest) out = next;
        return !out;
    });
    return out;
}

AuditRecord chain_broken(const AuditPlace& last, const AuditRecord& next) {
    AuditRecord out;
    out.event = "chain_broken";
    out.seq = next.seq;
    out.wall_ms = next.wall_ms;
    out.prev = next.prev;
    out.fields["last"] = last.seq;
    out.fields["head"] = to_hex(last.digest);
    return out;
}

using Sent = std::map<std::string, AuditPlace>;

Sent read_sent(const fs::path& file) {
    Sent out;
    const auto text = read_file(file);
    const auto json = nlohmann::json::parse(text.value_or("{}"), nullptr, false);
    if (!json.is_object()) return out;
    for (const auto& [name, at] : json.items()) {
        AuditPlace place;
        if (at.is_object() && at.contains("seq") && at["seq"].is_number_unsigned() && at.contains("head") &&
            at["head"].is_string() && sealcall::from_hex(at["head"].get_ref<const std::string&>(), place.digest)) {
            place.seq = at["seq"].get<uint64_t>();
            out[name] = place;
        }
    }
    return out;
}

void write_sent(const fs::path& file, const Sent& sent) {
    nlohmann::json json = nlohmann::json::object();
    for (const auto& [name, at] : sent) json[name] = {{"seq", at.seq}, {"head", to_hex(at.digest)}};
    write_file(file, json.dump() + "\n", 0600);
}

/// Somewhere that records go.
class Forward {
  public:
    Forward(const fs::path& file, std::string name, const AuditPlace& after)
        : name_(std::move(name)), sink_(make_audit_sink(name_)), follower_(file, after) {}
    /// False: nothing went out.
    bool go_on(AuditPlace& sent) {
        if (waiting_.empty()) waiting_ = follower_.next();
        size_t n = 0;
        for (; n < waiting_.size() && sink_->send(waiting_[n]); ++n)
            if (waiting_[n].digest != Digest{}) sent = {.seq = waiting_[n].seq, .digest = waiting_[n].digest};
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(n));
        failed_ = waiting_.empty() ? 0 : failed_ + 1;
        if (failed_ == kTriesBeforeSaid)
            std::cerr << "sealcall: audit records cannot be sent to " << name_ << "; they wait, and stay in the log.\n";
        return n != 0;
    }

  private:
    std::string name_;
    std::unique_ptr<AuditSink> sink_;
    AuditFollower follower_;
    std::vector<AuditRecord> waiting_;  ///< a part of the file; the rest waits there
    int failed_ = 0;
};

}  // namespace

AuditFollower::AuditFollower(fs::path file, const AuditPlace& after) : file_(std::move(file)), last_(after) {
    const std::vector<fs::path> files = audit_files(file_);  // oldest first
    for (size_t i = files.size(); i-- > 0;) {
        const auto found = behind(files[i], after.digest);
        if (!found) continue;
        fd_ = open_log(files[i]);
        at_ = *found;
        return;
    }
    (void)open_next(0, files);
}

AuditPlace AuditFollower::newest(const fs::path& file) {
    AuditPlace out;
    each_line(file, [&](std::string_view line, uint64_t) {
        AuditRecord r;
        if (read_record(line, r).empty()) out = {.seq = r.seq, .digest = r.digest};
        return true;
    });
    return out;
}

bool AuditFollower::open_next(size_t at, const std::vector<fs::path>& files) {
    if (at >= files.size()) return false;
    fd_ = open_log(files[at]);
    at_ = 0;
    return fd_.valid();
}

/// To the file that follows the one that was read: names move on while a place waits, so they are looked at anew.
bool AuditFollower::go_on() {
    struct stat ours {
    }, there{};
    const auto is_ours = [&](const fs::path& file) {
        return fd_.valid() && ::stat(file.c_str(), &there) == 0 && ::fstat(fd_.get(), &ours) == 0 &&
               ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
    };
    if (is_ours(file_)) {
        if (static_cast<uint64_t>(ours.st_size) >= at_) return false;
        broken_ = true;  // it was cut
        at_ = 0;
        return true;
    }
    const std::vector<fs::path> files = audit_files(file_);
    for (size_t i = files.size(); i-- > 0;)
        if (is_ours(files[i])) return open_next(i + 1, files);
    // It was dropped, or there was none: from behind what was sent last, else from the beginning.
    for (size_t i = files.size(); i-- > 0;)
        if (const auto found = behind(files[i], last_.digest)) {
            fd_ = open_log(files[i]);
            at_ = *found;
            return fd_.valid();
        }
    return open_next(0, files);
}

void AuditFollower::take(std::string_view line, std::vector<AuditRecord>& out) {
    AuditRecord record;
    if (!read_record(line, record).empty()) {
        broken_ = true;
        return;
    }
    if (record.digest == last_.digest) return;  // the copy with which a file begins
    if (broken_ || record.prev != last_.digest || record.seq != last_.seq + 1)
        out.push_back(chain_broken(last_, record));
    broken_ = false;
    last_ = {.seq = record.seq, .digest = record.digest};
    out.push_back(std::move(record));
}

std::vector<AuditRecord> AuditFollower::next() {
    std::vector<AuditRecord> out;
    while (out.empty()) {
        const std::string part = read_at(fd_, at_);
        size_t begin = 0;
        for (size_t end = 0; (end = part.find('\n', begin)) != std::string::npos; begin = end + 1)
            take(std::string_view(part).substr(begin, end - begin), out);
        at_ += begin;
        if (begin == 0 && part.size() == kPart) {  // no record is as long
            at_ += part.size();
            broken_ = true;
        } else if (begin == 0 && !go_on()) {
            break;
        }
    }
    return out;
}

void follow_audit(const fs::path& file, const std::vector<std::string>& places, const fs::path& sent,
                  const std::function<bool()>& stop) {
    Sent at = sent.empty() ? Sent{} : read_sent(sent);
    std::vector<std::pair<std::string, std::unique_ptr<Forward>>> all;
    for (const std::string& name : places) {
        const AuditPlace& after = at.try_emplace(name, AuditFollower::newest(file)).first->second;
        all.emplace_back(name, std::make_unique<Forward>(file, name, after));
    }
    bool said = false;
    const auto keep = [&] {
        if (sent.empty()) return;
        try {
            write_sent(sent, at);
        } catch (const Problem& problem) {  // a later start sends some of them once more
            if (!std::exchange(said, true))
                std::cerr << "sealcall: how far audit records were sent cannot be kept: " << problem.what() << "\n";
        }
    };
    keep();
    for (bool last = false; !last;) {
        last = stop();  // and once more after that: what was written at the very end
        for (bool moved = true; moved;) {
            moved = false;
            for (auto& [name, forward] : all) moved = forward->go_on(at[name]) || moved;
            if (moved) keep();
        }
        if (!last) std::this_thread::sleep_for(kLookEvery);
    }
}

}  // namespace sealcall::cli
