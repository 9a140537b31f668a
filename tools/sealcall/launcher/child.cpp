#include "tools/sealcall/launcher/child.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "sealcall/ipc/guard.h"
#include "sealcall/ipc/link.h"

namespace sealcall::launcher {

std::string describe(const ChildEnd& end) {
    switch (end.signal) {
        case 0:
            return "ended with status " + std::to_string(end.exit_status);
        case SIGSYS:
            return "was stopped by its own sandbox (SIGSYS)";
        case SIGKILL:
            return "was killed (SIGKILL)";
        case SIGXCPU:
            return "took too much processor time (SIGXCPU)";
        case SIGABRT:
        case SIGSEGV:
        case SIGBUS:
        case SIGILL:
        case SIGFPE:
        case SIGTRAP:
            return std::string("crashed (SIG") + ::sigabbrev_np(end.signal) + ")";
        default:
            break;
    }
    const char* name = ::sigabbrev_np(end.signal);
    return std::string("was ended by SIG") + (name != nullptr ? name : std::to_string(end.signal));
}

Child::Child(pid_t pid) : pid_(pid), pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}

Child Child::guarded(pid_t pid, UniqueFd connection) {
    Child out;
    out.pid_ = pid;
    out.pidfd_ = std::move(connection);
    out.guarded_ = true;
    return out;
}

Child::Child(Child&& o) noexcept : pid_(std::exchange(o.pid_, -1)), pidfd_(std::move(o.pidfd_)), guarded_(o.guarded_) {}

Child& Child::operator=(Child&& o) noexcept {
    if (this != &o) {
        kill();
        pid_ = std::exchange(o.pid_, -1);
        pidfd_ = std::move(o.pidfd_);
        guarded_ = o.guarded_;
    }
    return *this;
}

Child::~Child() { kill(); }

ChildEnd Child::reap(int wait_flags, bool& done) {
    int status = 0;
    pid_t r = 0;
    do r = ::waitpid(pid_, &status, wait_flags);
    while (r < 0 && errno == EINTR);
    done = r != 0;  // also when somebody else took it: it is gone
    if (!done) return {};
    pid_ = -1;
    pidfd_.reset();
    if (r < 0) return {.signal = 0, .exit_status = 255};
    if (WIFSIGNALED(status)) return {.signal = WTERMSIG(status), .exit_status = 0};
    return {.signal = 0, .exit_status = WEXITSTATUS(status)};
}

std::optional<ChildEnd> Child::guard_says_ended() {
    std::array<std::byte, 64> buffer;
    const ssize_t n = ::recv(pidfd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return {};
    const auto end =
        ipc::decode_message<ipc::GuardEnded>(ByteSpan(buffer).first(static_cast<size_t>(std::max<ssize_t>(n, 0))));
    pid_ = -1;
    pidfd_.reset();
    if (!end) return ChildEnd{.signal = SIGKILL, .exit_status = 0};  // the guard itself is gone, and it with it
    return ChildEnd{.signal = end->signal, .exit_status = end->exit_status};
}

std::optional<ChildEnd> Child::ended() {
    if (!running()) return {};
    if (guarded_) return guard_says_ended();
    bool done = false;
    const ChildEnd end = reap(WNOHANG, done);
    if (!done) return {};
    return end;
}

Result<ChildEnd> Child::wait(Millis deadline) {
    const BootInstant until = BootClock::now() + deadline;
    for (;;) {
        if (auto end = ended()) return *end;
        if (!running()) return ChildEnd{};
        const auto left = std::chrono::ceil<Millis>(until - BootClock::now()).count();
        if (left <= 0) return Error{Errc::timeout, "end of a process", 0};
        // Without a pidfd (it cannot be had when files run out) look again every 5 ms.
        pollfd p{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
        const auto slice = pidfd_.valid() ? std::min<int64_t>(left, 60'000) : std::min<int64_t>(left, 5);
        (void)::poll(&p, pidfd_.valid() ? 1 : 0, static_cast<int>(slice));
    }
}

void Child::signal(int number) const {
    if (guarded_ && running()) {
        (void)::shutdown(pidfd_.get(), SHUT_WR);  // the guard ends it, and says so
        return;
    }
    if (pid_ > 0) (void)::kill(pid_, number);  // not reaped yet, so the number is still its
}

void Child::kill() {
    if (!running()) return;
    signal(SIGKILL);
    if (guarded_) {
        pid_ = -1;
        pidfd_.reset();
        return;
    }
    bool done = false;
    (void)reap(0, done);
}

}  // namespace sealcall::launcher
