#include "enclave/audit/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "attestation/binding.h"
#include "sealcall/base/time.h"

namespace sealcall::audit {
namespace {

Error io_error() { return {Errc::io, "audit log", static_cast<uint32_t>(errno)}; }

/// The end of the file, enough for one whole line before a torn one.
Result<std::string> read_tail(int fd, off_t size) {
    const size_t want = std::min(static_cast<size_t>(size), 2 * (kLineMax + 1));
    std::string tail(want, '\0');
    if (want != 0 && ::pread(fd, tail.data(), want, size - static_cast<off_t>(want)) != static_cast<ssize_t>(want))
        return io_error();
    return tail;
}

uint64_t sequence_of(std::string_view line) {
    constexpr std::string_view kStart = "{\"seq\":";
    if (!line.starts_with(kStart)) return 0;
    uint64_t n = 0;
    std::from_chars(line.data() + kStart.size(), line.data() + line.size(), n);
    return n;
}

}  // namespace

Result<Log> Log::create(UniqueFd fd) {
    Log log;
    log.fd_ = std::move(fd);
    struct stat st {};
    if (::fstat(log.fd_.get(), &st) != 0) return io_error();
    TRY(std::string tail, read_tail(log.fd_.get(), st.st_size));
    const size_t torn = tail.size() - (tail.find_last_of('\n') + 1);  // npos + 1 is 0: no line has an end
    if (torn > kLineMax) return Error{Errc::bad_value, "the audit log is no audit log", 0};
    if (torn != 0) {
        if (::ftruncate(log.fd_.get(), st.st_size - static_cast<off_t>(torn)) != 0) return io_error();
        tail.resize(tail.size() - torn);
    }
    if (!tail.empty()) {
        tail.pop_back();
        const std::string_view last = std::string_view(tail).substr(tail.find_last_of('\n') + 1);
        log.head_ = attestation::sha256(as_bytes(last));
        log.sequence_ = sequence_of(last) + 1;
    }
    if (torn != 0) TRY_STATUS(log.append(Record("torn").number("bytes", torn)));
    return log;
}

Status Log::append(const Record& record) {
    TRY_STATUS(complete());
    rest_ = record.line(sequence_, wall_ms(), to_hex(head_));
    if (rest_.size() > kLineMax) {
        rest_.clear();
        return Error{Errc::too_large, "audit record", 0};
    }
    const Digest head = attestation::sha256(as_bytes(rest_));
    const size_t size = (rest_ += '\n').size();
    const Status written = complete();
    if (!written && rest_.size() == size) {  // nothing of it is there: as if it had never been
        rest_.clear();
        return written;
    }
    head_ = head;
    ++sequence_;
    return written;
}

Status Log::complete() {
    while (!rest_.empty()) {
        const ssize_t n = ::write(fd_.get(), rest_.data(), rest_.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return io_error();
        rest_.erase(0, static_cast<size_t>(n));
    }
    return {};
}

Status Log::sync() const {
    // A pipe or /dev/null has nothing that could be lost.
    if (::fdatasync(fd_.get()) != 0 && errno != EINVAL && errno != EROFS) return io_error();
    return {};
}

}  // namespace sealcall::audit
