#include "enclave/guard/server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "enclave/guard/files.h"
#include "sealcall/ipc/link.h"

namespace sealcall::guard {
namespace {

using ipc::GuardKeys;

constexpr size_t kAskersMax = 16, kRequestMax = 256;
constexpr int kGuardFd = ipc::fd::kEnclaveGuard;

Error system_error(const char* what) { return Error{Errc::io, what, static_cast<uint32_t>(errno)}; }

void log(const char* event, const std::string& rest) {
    std::fprintf(stderr, "event=%s %s\n", event, rest.c_str());
    std::fflush(stderr);
}

template <ipc::Message T>
void answer(int fd, const T& message) {
    const Bytes bytes = ipc::encode_message(message);
    (void)::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/// One packet with its descriptors; nothing when it is not one.
Result<size_t> receive(int fd, std::span<std::byte> buffer, std::vector<UniqueFd>& fds) {
    iovec part{.iov_base = buffer.data(), .iov_len = buffer.size()};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * ipc::kGuardDescriptors)> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t n = ::recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return Error{errno == EAGAIN ? Errc::would_block : Errc::closed, "recvmsg", static_cast<uint32_t>(errno)};
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
            int one = -1;
            std::memcpy(&one, CMSG_DATA(c) + i * sizeof one, sizeof one);
            fds.emplace_back(one);
        }
    }
    if (n == 0) return Error{Errc::closed, "recvmsg", 0};
    if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return Error{Errc::too_large, "recvmsg", 0};
    return static_cast<size_t>(n);
}

/// The read end of a pipe that holds what only the enclave may know.
Result<UniqueFd> handover_pipe(const ipc::GuardHandover& handover) {
    Bytes bytes = ipc::encode_message(handover);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return system_error("pipe");
    UniqueFd read(ends[0]);
    const UniqueFd write(ends[1]);
    const ssize_t n = ::write(write.get(), bytes.data(), bytes.size());  // fits: a pipe holds 64 KiB
    wipe(bytes.data(), bytes.size());
    if (n != static_cast<ssize_t>(bytes.size())) return system_error("pipe");
    return read;
}

}  // namespace

Result<std::unique_ptr<Server>> Server::create(ServerPlan plan, Boot boot) {
    std::unique_ptr<Server> server(new Server(std::move(plan), std::move(boot)));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto& path = server->plan_.socket.native();
    if (path.size() >= sizeof address.sun_path) return Error{Errc::bad_value, "path of the socket", 0};
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    (void)::unlink(path.c_str());
    const mode_t before = ::umask(0777);  // nobody, until owner and mode are set
    server->listening_ = UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const bool bound =
        server->listening_.valid() &&
        ::bind(server->listening_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    ::umask(before);
    if (!bound || ::chown(path.c_str(), 0, server->plan_.clients) != 0 || ::chmod(path.c_str(), 0660) != 0 ||
        ::listen(server->listening_.get(), kAskersMax) != 0)
        return system_error("socket");
    return server;
}

Server::~Server() { end_enclave(); }

void Server::run(int stop) {
    for (;;) {
        std::vector<pollfd> fds{{stop, POLLIN, 0},
                                {listening_.get(), POLLIN, 0},
                                {owner_.valid() ? owner_.get() : -1, POLLIN, 0},
                                {process_.pidfd.valid() ? process_.pidfd.get() : -1, POLLIN, 0}};
        for (const Asker& a : askers_) fds.push_back({a.fd.get(), POLLIN, 0});
        if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
        if (fds[0].revents != 0) return;
        if (fds[3].revents != 0) take_end();
        // The one who owns the enclave says nothing any more: whatever comes is its end.
        if (fds[2].revents != 0 && owner_.valid()) end_enclave();
        for (size_t i = askers_.size(); i-- > 0;)
            if (fds[4 + i].revents != 0 && !serve(askers_[i])) askers_.erase(askers_.begin() + static_cast<long>(i));
        if (fds[1].revents != 0) accept_one();
    }
}

void Server::accept_one() {
    UniqueFd fd(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    ucred who{};
    socklen_t size = sizeof who;
    if (!fd.valid() || ::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0) return;
    if (askers_.size() >= kAskersMax) askers_.erase(askers_.begin());  // who says nothing makes room
    askers_.push_back({.fd = std::move(fd), .uid = who.uid});
}

bool Server::serve(Asker& asker) {
    std::array<std::byte, kRequestMax> buffer;
    std::vector<UniqueFd> fds;
    const auto n = receive(asker.fd.get(), buffer, fds);
    if (!n) return n.error().code == Errc::would_block;
    const ByteSpan message = ByteSpan(buffer).first(*n);
    if (ipc::decode_message<ipc::GuardAsk>(message)) {
        answer(asker.fd.get(), status());
        return true;
    }
    const auto request = ipc::decode_message<ipc::GuardStart>(message);
    if (!request) return false;
    const ipc::GuardStatus started = start(*request, fds);
    answer(asker.fd.get(), started);
    log(started.pid != 0 ? "enclave_started" : "enclave_refused",
        "uid=" + std::to_string(asker.uid) + " pid=" + std::to_string(started.pid));
    if (started.pid != 0) owner_ = std::move(asker.fd);
    return false;
}

ipc::GuardStatus Server::start(const ipc::GuardStart& request, std::span<const UniqueFd> fds) {
    ipc::GuardStatus out = status();
    const auto refuse = [&](std::string_view why) {
        out.pid = 0;
        out.keys = boot_.keys();
        out.problem = BoundedString<256>::cut(why);
        return out;
    };
    if (request.build.view() != SEALCALL_BUILD_ID || fds.size() != ipc::kGuardDescriptors)
        return refuse("The guard is of another version. Install sealcall completely and restart the computer.");
    if (boot_.keys() != GuardKeys::ready) return refuse(boot_.problem());
    if (process_.pid > 0) return refuse("The guard already runs a phone on this computer. End that one first.");
    const Status launched = launch(fds);
    if (boot_.keys() != GuardKeys::ready) return refuse(boot_.problem());
    if (!launched) return refuse(std::string("The enclave could not be started: ") + launched.error().what + ".");
    return status();
}

Status Server::launch(std::span<const UniqueFd> fds) {
    TRY(const attestation::MeasuredRole found, copy_role(boot_.enclave(), plan_.enclave.root));
    if (attestation::cel_digest(found) != attestation::cel_digest(boot_.enclave().measured())) {
        boot_.end_keys(found);
        log("keys_ended", "reason=not_approved");
        return Error{Errc::refused_by_policy, "not approved", 0};
    }
    TRY(const UniqueFd tpm, connect_tpm(boot_.paths().tpm));
    TRY(const UniqueFd secret, handover_pipe(boot_.handover()));
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    std::array<int, kGuardFd + 1> places{null.get(), null.get()};
    size_t next = 0;
    for (int number = 2; number <= ipc::fd::kEnclaveLast; ++number)
        places[static_cast<size_t>(number)] = number == ipc::fd::kEnclaveTpm ? tpm.get() : fds[next++].get();
    places[kGuardFd] = secret.get();
    TRY(process_, start_enclave(plan_.enclave, boot_.enclave(), places));
    return {};
}

ipc::GuardStatus Server::status() const {
    const auto escrow = read_own_file(boot_.paths().escrow(), 1024);
    return {.keys = boot_.keys(),
            .problem = BoundedString<256>::cut(boot_.problem()),
            .pid = process_.pid > 0 ? static_cast<uint32_t>(process_.pid) : 0,
            .tpm = kind_of(boot_.paths().tpm),
            .measurement_pcr = kMeasurementPcr,
            .log = BoundedBytes<8192>(boot_.log()),
            .escrow = escrow && escrow->size() <= 1024 ? BoundedBytes<1024>(*escrow) : BoundedBytes<1024>()};
}

void Server::take_end() {
    int status = 0;
    if (process_.pid <= 0 || ::waitpid(process_.pid, &status, WNOHANG) != process_.pid) return;
    ipc::GuardEnded ended;
    if (WIFSIGNALED(status)) ended.signal = static_cast<uint8_t>(WTERMSIG(status));
    if (WIFEXITED(status)) ended.exit_status = static_cast<uint8_t>(WEXITSTATUS(status));
    process_ = {};
    log("enclave_ended", "signal=" + std::to_string(ended.signal) + " status=" + std::to_string(ended.exit_status));
    if (owner_.valid()) answer(owner_.get(), ended);
    owner_.reset();
}

void Server::end_enclave() {
    if (process_.pid > 0) {
        (void)::kill(process_.pid, SIGKILL);
        (void)::waitpid(process_.pid, nullptr, 0);
        log("enclave_ended", "signal=9 status=0");
    }
    process_ = {};
    owner_.reset();
}

}  // namespace sealcall::guard
