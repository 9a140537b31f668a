#include "tools/sealcall/launcher/guard_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "sealcall/ipc/link.h"

namespace sealcall::launcher {
namespace {

constexpr int kAnswerMs = 20'000;  // the guard copies and hashes the enclave's files first

Result<UniqueFd> connect_guard(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.native().size() >= sizeof address.sun_path) return Error{Errc::bad_value, "path of the guard", 0};
    std::memcpy(address.sun_path, path.c_str(), path.native().size() + 1);
    UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (fd.valid() && ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
    const Errc why = errno == EACCES ? Errc::not_permitted : Errc::not_found;
    return Error{why, "sealcall-guard", static_cast<uint32_t>(errno)};
}

Result<Bytes> answer_of(int fd) {
    pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
    if (::poll(&p, 1, kAnswerMs) <= 0) return Error{Errc::timeout, "sealcall-guard", 0};
    Bytes buffer(16 * 1024);
    const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n <= 0) return Error{Errc::closed, "sealcall-guard", 0};
    buffer.resize(static_cast<size_t>(n));
    return buffer;
}

Status send_with(int fd, ByteSpan message, std::span<const int> fds) {
    iovec part{.iov_base = const_cast<std::byte*>(message.data()), .iov_len = message.size()};
    Bytes control(CMSG_SPACE(fds.size_bytes()));
    msghdr out{};
    out.msg_iov = &part;
    out.msg_iovlen = 1;
    out.msg_control = control.data();
    out.msg_controllen = control.size();
    cmsghdr* c = CMSG_FIRSTHDR(&out);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
    if (::sendmsg(fd, &out, MSG_NOSIGNAL) != static_cast<ssize_t>(message.size()))
        return Error{Errc::closed, "sealcall-guard", static_cast<uint32_t>(errno)};
    return {};
}

}  // namespace

bool guard_answers(const std::filesystem::path& socket) { return connect_guard(socket).has_value(); }

Result<ipc::GuardStatus> ask_guard(const std::filesystem::path& socket) {
    TRY(const UniqueFd fd, connect_guard(socket));
    const Bytes question = ipc::encode_message(ipc::GuardAsk{});
    if (::send(fd.get(), question.data(), question.size(), MSG_NOSIGNAL) < 0)
        return Error{Errc::closed, "sealcall-guard", static_cast<uint32_t>(errno)};
    TRY(const Bytes answer, answer_of(fd.get()));
    return ipc::decode_message<ipc::GuardStatus>(answer);
}

Result<GuardedEnclave> start_guarded(const std::filesystem::path& socket, std::span<const int> fds,
                                     std::string& problem) {
    CHECK(fds.size() == ipc::kGuardDescriptors);
    GuardedEnclave out;
    auto connected = connect_guard(socket);
    if (!connected) {
        problem = connected.error().code == Errc::not_permitted
                      ? "You may not use the phone's guard. Ask your administrator to add you to the group sealcall."
                      : "The service sealcall-guard does not run. Ask your administrator.";
        return connected.error();
    }
    out.connection = std::move(*connected);
    problem = "The service sealcall-guard does not answer. Ask your administrator.";
    TRY_STATUS(send_with(out.connection.get(),
                         ipc::encode_message(ipc::GuardStart{.build = BoundedString<64>(SEALCALL_BUILD_ID)}), fds));
    TRY(const Bytes answer, answer_of(out.connection.get()));
    TRY(out.started, ipc::decode_message<ipc::GuardStatus>(answer));
    problem = out.started.problem.str();
    if (!problem.empty() || out.started.pid == 0) return Error{Errc::unavailable, "sealcall-guard", 0};
    return out;
}

}  // namespace sealcall::launcher
