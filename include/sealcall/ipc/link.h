// Link: one end of a SOCK_SEQPACKET pair between two roles. Non-blocking; a bounded queue holds what the peer cannot
// take yet.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <deque>

#include "sealcall/base/time.h"
#include "sealcall/base/unique_fd.h"
#include "sealcall/ipc/schema.h"

#ifndef SEALCALL_BUILD_ID
#define SEALCALL_BUILD_ID "unset"
#endif

namespace sealcall::ipc {

class Link {
  public:
    static constexpr size_t kQueueMax = 512;  ///< messages

    Link() = default;
    explicit Link(UniqueFd fd) : fd_(std::move(fd)) {}

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] bool open() const { return fd_.valid(); }
    void close() { fd_.reset(); }
    /// poll() events to wait for: POLLOUT while something is queued.
    [[nodiscard]] short events() const { return static_cast<short>(POLLIN | (queue_.empty() ? 0 : POLLOUT)); }

    /// Sends, or queues behind what is queued. Fails with `closed` when the peer is gone or its queue is full.
    template <Message T>
    Status send(const T& m) {
        return send_bytes(encode_message(m));
    }
    /// Sends now or not at all, and leaves nothing of it in this process: for messages that hold a secret.
    Status send_and_wipe(Bytes b) {
        const Status s = queue_.empty() ? write_now(b) : Status(Error{Errc::would_block, "link busy", 0});
        wipe(b.data(), b.size());
        return s;
    }
    /// Sends now or not at all (`would_block`): for media, where old is worse than lost.
    template <Message T>
    Status send_or_drop(const T& m) {
        if (!queue_.empty()) return Error{Errc::would_block, "link busy", 0};
        return write_now(encode_message(m));
    }
    Status send_bytes(Bytes b) {
        CHECK(b.size() <= kMessageMax);
        if (queue_.empty()) {
            Status s = write_now(b);
            if (s || s.error().code != Errc::would_block) return s;
        }
        if (queue_.size() >= kQueueMax) return Error{Errc::closed, "link queue full", 0};
        queue_.push_back(std::move(b));
        return {};
    }
    /// On POLLOUT: sends what was queued.
    Status flush() {
        while (!queue_.empty()) {
            Status s = write_now(queue_.front());
            if (!s) return s.error().code == Errc::would_block ? Status{} : s;
            queue_.pop_front();
        }
        return {};
    }
    /// One whole message into `buffer` (kMessageMax + 1 bytes); `would_block` when there is none, `closed` at the end.
    Result<ByteSpan> receive(std::span<std::byte> buffer) {
        if (!open()) return Error{Errc::closed, "link", 0};
        for (;;) {
            ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Error{Errc::would_block, "link", 0};
            if (n <= 0) return Error{Errc::closed, "link", static_cast<uint32_t>(n < 0 ? errno : 0)};
            if (static_cast<size_t>(n) > buffer.size() || static_cast<size_t>(n) > kMessageMax)
                return Error{Errc::too_large, "message", static_cast<uint32_t>(n)};
            return ByteSpan(buffer.data(), static_cast<size_t>(n));
        }
    }
    /// Says who we are; the first message on every link.
    Status hello(ProcessRole self) {
        return send(
            LinkHello{.version = kProtocolVersion, .build = BoundedString<64>(SEALCALL_BUILD_ID), .role = self});
    }

  private:
    Status write_now(const Bytes& b) {
        if (!open()) return Error{Errc::closed, "link", 0};
        for (;;) {
            ssize_t n = ::send(fd_.get(), b.data(), b.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            if (n >= 0) return {};
            if (errno == EINTR) continue;
            if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) return Error{Errc::would_block, "link", 0};
            return Error{Errc::closed, "link send", static_cast<uint32_t>(errno)};
        }
    }

    UniqueFd fd_;
    std::deque<Bytes> queue_;
};

/// Reads the number of a message; the body follows.
inline Result<uint16_t> message_id(ByteSpan message) {
    ByteReader r(message);
    return r.u16();
}

/// Decodes a message whose number was seen to be T::kId; trailing bytes are an error.
template <Message T>
Result<T> decode_message(ByteSpan message) {
    ByteReader r(message);
    TRY(uint16_t id, r.u16());
    if (id != T::kId) return Error{Errc::unknown_message, "message number", id};
    T v{};
    TRY_STATUS(decode_value(r, v));
    TRY_STATUS(r.finish());
    return v;
}

/// After another process's link closed: true if the launcher says within `longest` that the phone is being shut down,
/// so that the end was an orderly one. The message stays to be read.
inline bool shutdown_follows(const Link& control, Millis longest) {
    pollfd p{.fd = control.fd(), .events = POLLIN, .revents = 0};
    if (!control.open() || ::poll(&p, 1, static_cast<int>(longest.count())) <= 0) return false;
    std::array<std::byte, 2> id{};
    const ssize_t n = ::recv(control.fd(), id.data(), id.size(), MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC);
    return n >= 2 && (static_cast<unsigned>(id[0]) << 8 | static_cast<unsigned>(id[1])) == Shutdown::kId;
}

/// True if `m` is the hello of a process of the same build with the expected role.
inline bool hello_matches(const LinkHello& m, ProcessRole expected) {
    return m.version == kProtocolVersion && m.build.view() == SEALCALL_BUILD_ID && m.role == expected;
}

}  // namespace sealcall::ipc
