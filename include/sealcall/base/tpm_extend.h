// The little of a TPM that the launcher needs: extend one PCR and read one back, in raw TPM 2.0 commands on an open
// connection, without a TPM library. The framing below is also what the enclave's own connection uses.
// Trusts nothing that comes back: every length and code is checked.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "sealcall/base/bytes.h"
#include "sealcall/base/time.h"

namespace sealcall::tpm_raw {

/// How bytes travel: a stream socket to swtpm, or a character device where one write is one command.
enum class Wire : uint8_t { stream, device };

inline constexpr size_t kHeaderSize = 10;  ///< tag u16, size u32, code u32 (TPM 2.0 Part 1, 18)
inline constexpr size_t kMessageMax = 4096;
inline constexpr uint16_t kStNoSessions = 0x8001, kStSessions = 0x8002;
inline constexpr uint32_t kCcPcrExtend = 0x182, kCcPcrRead = 0x17e;
inline constexpr uint32_t kRsPassword = 0x40000009;
inline constexpr uint16_t kAlgSha256 = 0x000b;
inline constexpr uint8_t kPcrCount = 24;

/// Waits until `events` or the deadline; looks once more after a deadline that passed in a suspend.
/// Errors: tpm_timeout, tpm_gone (detail = errno).
inline Status wait_for(int fd, short events, BootInstant deadline) {
    for (;;) {
        const auto left = std::chrono::ceil<Millis>(deadline - BootClock::now()).count();
        pollfd p{fd, events, 0};
        const int n = ::poll(&p, 1, static_cast<int>(std::clamp<int64_t>(left, 0, 3'600'000)));
        if (n > 0) return {};
        if (n == 0 && BootClock::now() >= deadline) return Error{Errc::tpm_timeout, "no answer from the TPM", 0};
        if (n < 0 && errno != EINTR) return Error{Errc::tpm_gone, "poll", static_cast<uint32_t>(errno)};
    }
}

/// Fails when a stream holds bytes nobody asked for: a late answer must not be taken for the next command's.
inline Status expect_idle(int fd) {
    char c = 0;
    const ssize_t n = ::recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0) return Error{Errc::tpm_bad_response, "bytes from the TPM that nobody asked for", 0};
    if (n == 0) return Error{Errc::tpm_gone, "the TPM closed the connection", 0};
    if (errno == EAGAIN || errno == EINTR) return {};
    return Error{Errc::tpm_gone, "recv", static_cast<uint32_t>(errno)};
}

/// Sends one whole command. A device must be open with O_NONBLOCK: else write(2) lasts until the chip is done and no
/// deadline holds. Errors: tpm_gone, tpm_timeout, tpm_bad_response.
inline Status send_command(int fd, Wire wire, ByteSpan command, BootInstant deadline) {
    if (wire == Wire::stream) TRY_STATUS(expect_idle(fd));
    while (!command.empty()) {
        const ssize_t n = wire == Wire::stream ? ::send(fd, command.data(), command.size(), MSG_NOSIGNAL | MSG_DONTWAIT)
                                               : ::write(fd, command.data(), command.size());
        if (n > 0) {
            command = command.subspan(static_cast<size_t>(n));
            if (wire == Wire::device && !command.empty()) return Error{Errc::tpm_gone, "short write to the TPM", 0};
            continue;
        }
        if (n == 0) return Error{Errc::tpm_gone, "the TPM takes no bytes", 0};
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return Error{Errc::tpm_gone, "send", static_cast<uint32_t>(errno)};
        TRY_STATUS(wait_for(fd, POLLOUT, deadline));
    }
    return {};
}

/// The size that a response header announces. Errors: truncated, bad_value.
inline Result<size_t> response_size(ByteSpan header) {
    ByteReader in(header);
    TRY(const uint16_t tag, in.u16());
    TRY(const uint32_t size, in.u32());
    TRY_STATUS([&]() -> Status {
        if (auto code = in.u32(); !code) return code.error();
        return {};
    }());
    if (tag != kStNoSessions && tag != kStSessions && tag != 0x00c4)
        return Error{Errc::bad_value, "response tag", tag};  // 0x00c4: TPM_ST_RSP_COMMAND, "this is no TPM 2.0 command"
    if (size < kHeaderSize || size > kMessageMax) return Error{Errc::bad_value, "response size", size};
    return static_cast<size_t>(size);
}

/// Receives one whole response into `out` and returns its size. Errors: tpm_gone, tpm_timeout, tpm_bad_response.
inline Result<size_t> receive_response(int fd, Wire wire, std::span<std::byte> out, BootInstant deadline) {
    size_t got = 0, want = kHeaderSize;
    while (got < want) {
        if (out.size() < want) return Error{Errc::tpm_bad_response, "response too large", static_cast<uint32_t>(want)};
        TRY_STATUS(wait_for(fd, POLLIN, deadline));
        const ssize_t n = wire == Wire::stream ? ::recv(fd, out.data() + got, want - got, MSG_DONTWAIT)
                                               : ::read(fd, out.data(), out.size());
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n <= 0)
            return Error{Errc::tpm_gone, "the TPM closed the connection", n < 0 ? static_cast<uint32_t>(errno) : 0};
        got += static_cast<size_t>(n);
        if (wire == Wire::device) {
            auto size = response_size(out.first(got));
            if (!size || *size != got) return Error{Errc::tpm_bad_response, "response header", 0};
            return got;
        }
        if (got == kHeaderSize && want == kHeaderSize) {
            auto size = response_size(out.first(got));
            if (!size) return Error{Errc::tpm_bad_response, "response header", size.error().detail};
            want = *size;
        }
    }
    return got;
}

/// One command and its answer within `deadline`. After an error the connection must not be used again.
inline Result<Bytes> transact(int fd, Wire wire, ByteSpan command, Millis deadline) {
    const BootInstant until = BootClock::now() + deadline;
    TRY_STATUS(send_command(fd, wire, command, until));
    Bytes out(kMessageMax);
    TRY(const size_t n, receive_response(fd, wire, out, until));
    out.resize(n);
    return out;
}

/// TPM2_PCR_Extend of one SHA-256 digest with an empty password (Part 3, 22.2):
///   tag  size  code | pcr | authSize=9: RS_PW u32, nonce u16=0, attributes u8=0, hmac u16=0 | count=1, alg u16, digest
inline Bytes encode_pcr_extend(uint8_t pcr, const Digest& digest) {
    CHECK(pcr < kPcrCount);
    ByteWriter body;
    body.u32(pcr).u32(9).u32(kRsPassword).u16(0).u8(0).u16(0).u32(1).u16(kAlgSha256).bytes(digest);
    ByteWriter out;
    out.u16(kStSessions).u32(static_cast<uint32_t>(kHeaderSize + body.size())).u32(kCcPcrExtend).bytes(body.view());
    return out.take();
}

/// TPM2_PCR_Read of one PCR of the SHA-256 bank (Part 3, 22.4).
inline Bytes encode_pcr_read(uint8_t pcr) {
    CHECK(pcr < kPcrCount);
    std::array<std::byte, 3> select{};
    select[pcr / 8] = static_cast<std::byte>(1U << (pcr % 8));
    ByteWriter out;
    out.u16(kStNoSessions).u32(20).u32(kCcPcrRead).u32(1).u16(kAlgSha256).u8(3).bytes(select);
    return out.take();
}

/// Reads the header, checks that the size is the whole response. Returns what follows it. Errors: tpm_bad_response, or
/// tpm_failed with detail = TPM_RC.
inline Result<ByteSpan> parse_response(ByteSpan in) {
    auto size = in.size() < kHeaderSize ? Result<size_t>(Error{Errc::truncated}) : response_size(in.first(kHeaderSize));
    if (!size || *size != in.size()) return Error{Errc::tpm_bad_response, "response header", 0};
    ByteReader code(in.subspan(6, 4));
    TRY(const uint32_t rc, code.u32());
    if (rc != 0) return Error{Errc::tpm_failed, "the TPM refused", rc};
    return in.subspan(kHeaderSize);
}

/// Errors: tpm_bad_response, tpm_failed.
inline Status parse_pcr_extend_response(ByteSpan in) {
    TRY(const ByteSpan body, parse_response(in));
    ByteReader r(body);  // parameterSize u32 = 0, then the password session's acknowledgement: nonce, attributes, hmac
    auto parameters = r.u32();
    auto nonce = r.u16();
    auto attributes = r.u8();
    auto hmac = r.u16();
    if (!parameters || *parameters != 0 || !nonce || *nonce != 0 || !attributes || !hmac || *hmac != 0 || !r.done())
        return Error{Errc::tpm_bad_response, "TPM2_PCR_Extend", 0};
    return {};
}

/// Errors: tpm_bad_response (also when the TPM has no SHA-256 bank or names another PCR), tpm_failed.
inline Result<Digest> parse_pcr_read_response(ByteSpan in, uint8_t pcr) {
    constexpr Error kBad{Errc::tpm_bad_response, "TPM2_PCR_Read", 0};
    TRY(const ByteSpan body, parse_response(in));
    const Bytes asked = encode_pcr_read(pcr);
    const ByteSpan selection = ByteSpan(asked).subspan(kHeaderSize);
    ByteReader r(body);
    if (!r.u32()) return kBad;  // pcrUpdateCounter
    auto echoed = r.bytes(selection.size());
    if (!echoed || !equal_bytes(*echoed, selection)) return kBad;
    auto count = r.u32();
    auto size = r.u16();
    if (!count || *count != 1 || !size || *size != 32) return kBad;
    auto value = r.bytes(32);
    if (!value || !r.done()) return kBad;
    Digest out{};
    std::ranges::copy(*value, out.begin());
    return out;
}

/// Extends `pcr` with `digest`; blocks at most `deadline`. Errors: tpm_gone, tpm_timeout, tpm_bad_response, tpm_failed.
inline Status extend_pcr(int fd, Wire wire, uint8_t pcr, const Digest& digest, Millis deadline) {
    TRY(const Bytes response, transact(fd, wire, encode_pcr_extend(pcr, digest), deadline));
    return parse_pcr_extend_response(response);
}

/// The SHA-256 value of `pcr`; blocks at most `deadline`. Not authenticated: only a quote proves a value to others.
inline Result<Digest> read_pcr(int fd, Wire wire, uint8_t pcr, Millis deadline) {
    TRY(const Bytes response, transact(fd, wire, encode_pcr_read(pcr), deadline));
    return parse_pcr_read_response(response, pcr);
}

}  // namespace sealcall::tpm_raw
