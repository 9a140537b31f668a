#include "tools/sealcall/launcher/tpm_connection.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace sealcall::launcher {
namespace {

namespace fs = std::filesystem;

constexpr int kTpmFd = 10, kControlFd = 11;  // numbers that swtpm is told
constexpr int kSourcesFrom = 100;
constexpr Millis kFirstAnswer{5000};

struct Pair {
    UniqueFd ours, theirs;
};

Result<Pair> stream_pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return Error{Errc::io, "socket pair", static_cast<uint32_t>(errno)};
    Pair p{.ours = UniqueFd(ends[0]), .theirs = {}};
    UniqueFd low(ends[1]);
    p.theirs = UniqueFd(::fcntl(low.get(), F_DUPFD_CLOEXEC, kSourcesFrom));
    if (!p.theirs.valid()) return Error{Errc::io, "socket pair", static_cast<uint32_t>(errno)};
    return p;
}

// Its own seccomp list stays on (swtpm's default); we add only that it ends with us and gains nothing.
[[noreturn]] void become_swtpm(const SoftwareTpm& tpm, int tpm_fd, int control_fd, int log_fd) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const int log = ::fcntl(log_fd, F_DUPFD_CLOEXEC, kSourcesFrom);
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, 0);
    ::dup2(null, 1);
    ::dup2(log, 2);
    ::dup2(tpm_fd, kTpmFd);
    ::dup2(control_fd, kControlFd);
    (void)::syscall(SYS_close_range, 3U, static_cast<unsigned>(kTpmFd - 1), 0U);
    (void)::syscall(SYS_close_range, static_cast<unsigned>(kControlFd + 1), ~0U, 0U);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    (void)::setsid();  // Ctrl-C is for the launcher
    std::string words[] = {"swtpm",
                           "socket",
                           "--tpm2",
                           "--tpmstate",
                           "dir=" + tpm.state_dir.string(),
                           "--fd",
                           std::to_string(kTpmFd),
                           "--ctrl",
                           "type=unixio,clientfd=" + std::to_string(kControlFd),
                           "--flags",
                           "not-need-init,startup-clear"};
    std::vector<char*> argv;
    for (std::string& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    char* const environment[] = {nullptr};
    ::execve(tpm.program.c_str(), argv.data(), environment);
    ::_exit(127);
}

}  // namespace

Result<UniqueFd> lock_directory(const fs::path& dir) {
    UniqueFd fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid())
        return Error{errno == ENOENT ? Errc::not_found : Errc::io, "state directory", static_cast<uint32_t>(errno)};
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
        return Error{errno == EWOULDBLOCK ? Errc::would_block : Errc::io, "lock", static_cast<uint32_t>(errno)};
    return fd;
}

Result<TpmConnection> TpmConnection::open(const TpmChoice& choice, int log_fd) {
    TpmConnection out;
    if (const auto* device = std::get_if<DeviceTpm>(&choice)) {
        // Non-blocking: else write(2) lasts until the chip is done and no deadline holds.
        out.fd_ = UniqueFd(::open(device->device.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
        if (out.fd_.valid()) return out;
        const Errc why = errno == ENOENT ? Errc::not_found : errno == EBUSY ? Errc::would_block : Errc::not_permitted;
        return Error{why, "TPM device", static_cast<uint32_t>(errno)};
    }
    const auto& tpm = std::get<SoftwareTpm>(choice);
    out.software_ = true;
    TRY(out.lock_, lock_directory(tpm.state_dir));
    if (::access(tpm.program.c_str(), X_OK) != 0) return Error{Errc::not_found, "swtpm", static_cast<uint32_t>(errno)};
    TRY(Pair commands, stream_pair());
    TRY(Pair control, stream_pair());
    const pid_t pid = ::fork();
    if (pid < 0) return Error{Errc::io, "fork", static_cast<uint32_t>(errno)};
    if (pid == 0) become_swtpm(tpm, commands.theirs.get(), control.theirs.get(), log_fd);
    out.swtpm_ = Child(pid);
    out.fd_ = std::move(commands.ours);
    out.control_ = std::move(control.ours);
    commands.theirs.reset();
    control.theirs.reset();
    // One command tells a swtpm that lives from one that could not read its state.
    TRY_STATUS([&]() -> Status {
        if (auto r = tpm_raw::read_pcr(out.fd(), out.wire(), 0, kFirstAnswer); !r) return r.error();
        return {};
    }());
    return out;
}

void TpmConnection::stop(Millis deadline) {
    fd_.reset();
    if (swtpm_.running()) {
        swtpm_.signal(SIGTERM);
        if (!swtpm_.wait(deadline)) swtpm_.kill();
    }
    control_.reset();
    lock_.reset();
}

}  // namespace sealcall::launcher
