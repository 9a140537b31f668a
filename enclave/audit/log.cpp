#include "enclave/audit/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "attestation/binding.h"
#include "sealcall/base/hex.h"
#include "sealcall/base/time.h"

namespace sealcall::audit {
namespace {

constexpr size_t kLineMax = 8192;  // bytes; longer than any record of ours

void append_escaped(std::string& out, std::string_view s) {
    for (char c : s) {
        auto u = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (u < 0x20 || u == 0x7f) {
            static constexpr char kDigits[] = "0123456789abcdef";
            out += "\\u00";
            out += kDigits[u >> 4];
            out += kDigits[u & 15];
        } else {
            out += c;
        }
    }
}

Result<std::string> read_tail(int fd) {
    struct stat st {};
    if (::fstat(fd, &st) != 0) return Error{Errc::io, "audit log", static_cast<uint32_t>(errno)};
    const auto size = static_cast<size_t>(st.st_size);
    const size_t want = std::min(size, 2 * kLineMax);
    std::string tail(want, '\0');
    if (want != 0 && ::pread(fd, tail.data(), want, static_cast<off_t>(size - want)) != static_cast<ssize_t>(want))
        return Error{Errc::io, "audit log tail", static_cast<uint32_t>(errno)};
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

Record::Record(std::string_view event) { text("event", event); }

Record& Record::text(std::string_view key, std::string_view value) {
    body_ += ",\"";
    body_ += key;
    body_ += "\":\"";
    append_escaped(body_, value);
    body_ += '"';
    return *this;
}

Record& Record::number(std::string_view key, uint64_t value) {
    body_ += ",\"";
    body_ += key;
    body_ += "\":";
    body_ += std::to_string(value);
    return *this;
}

Record& Record::flag(std::string_view key, bool value) {
    body_ += ",\"";
    body_ += key;
    body_ += value ? "\":true" : "\":false";
    return *this;
}

Result<Log> Log::create(UniqueFd fd) {
    Log log;
    TRY(std::string tail, read_tail(fd.get()));
    log.fd_ = std::move(fd);
    const bool torn = !tail.empty() && tail.back() != '\n';
    if (torn) {
        // A crash in the middle of a write: close the line off, so that it stays one bad line and not two.
        if (::write(log.fd_.get(), "\n", 1) != 1) return Error{Errc::io, "audit log", static_cast<uint32_t>(errno)};
        tail += '\n';
    }
    if (!tail.empty()) {
        tail.pop_back();
        const size_t start = tail.rfind('\n');
        const std::string_view last = std::string_view(tail).substr(start == std::string::npos ? 0 : start + 1);
        log.head_ = attestation::sha256(as_bytes(last));
        log.sequence_ = sequence_of(last) + 1;
    }
    if (torn) TRY_STATUS(log.append(Record("torn_record")));
    return log;
}

Status Log::append(const Record& record) {
    if (torn_) {
        if (::write(fd_.get(), "\n", 1) != 1) return Error{Errc::io, "audit log", static_cast<uint32_t>(errno)};
        torn_ = false;
    }
    std::string line = "{\"seq\":" + std::to_string(sequence_) + ",\"wall_ms\":" + std::to_string(wall_ms());
    line += record.body();
    line += ",\"prev\":\"" + to_hex(head_) + "\"}";
    CHECK(line.size() < kLineMax);
    const Digest head = attestation::sha256(as_bytes(line));
    line += '\n';
    for (;;) {
        const ssize_t n = ::write(fd_.get(), line.data(), line.size());
        if (n < 0 && errno == EINTR) continue;
        if (n != static_cast<ssize_t>(line.size())) {
            torn_ = torn_ || n > 0;  // the next record must not be glued to what is there of this one
            return Error{Errc::io, "audit log", static_cast<uint32_t>(errno)};
        }
        break;
    }
    head_ = head;
    ++sequence_;
    return {};
}

}  // namespace sealcall::audit
