#include "tools/sealcall/launcher/role_process.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "enclave/sandbox/landlock.h"
#include "tools/sealcall/launcher/role_setup.h"

namespace sealcall::launcher {
namespace {

using ipc::ProcessRole;

constexpr int kSourcesFrom = 100;  // above every number that is handed over
constexpr Millis kSetUpDeadline{5000};

uint64_t namespaces_of(const RoleSpec& spec) {
    if (spec.isolation == Isolation::directory) return 0;
    uint64_t flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
    // A sound server is reached through a socket's path, which needs no network namespace in common.
    if (spec.role != ProcessRole::host) flags |= CLONE_NEWNET;
    return flags;
}

// As fork, with namespaces. One thread: nothing of libc is left half done in the child.
pid_t clone_process(uint64_t flags) {
    clone_args args{};
    args.flags = flags;
    args.exit_signal = SIGCHLD;
    return static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
}

// The child: waits until its users are mapped, then becomes the role. 'm' and 'g' over the status socket.
[[noreturn]] void run_child(const RoleSpec& spec, const std::vector<HandedFd>& fds, int status) {
    // The launcher is undumpable, and then so are its copies: their id maps could not be written.
    ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    char c = 'm';
    StepFailed failed{.step = Step::go, .error = 0};
    if (::send(status, &c, 1, MSG_NOSIGNAL) == 1 && ::recv(status, &c, 1, 0) == 1 && c == 'g')
        failed = become_role(spec, fds);
    (void)::send(status, &failed, sizeof failed, MSG_NOSIGNAL);
    ::_exit(127);
}

Status wait_for(int fd, BootInstant until) {
    for (;;) {
        const auto left = std::chrono::ceil<Millis>(until - BootClock::now()).count();
        if (left <= 0) return Error{Errc::timeout, "start of a role", 0};
        pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
        const int n = ::poll(&p, 1, static_cast<int>(left));
        if (n > 0) return {};
        if (n < 0 && errno != EINTR) return Error{Errc::io, "poll", static_cast<uint32_t>(errno)};
    }
}

Status drive_child(const RoleSpec& spec, pid_t pid, int status) {
    const BootInstant until = BootClock::now() + kSetUpDeadline;
    char c = 0;
    TRY_STATUS(wait_for(status, until));
    if (::recv(status, &c, 1, 0) != 1 || c != 'm') return Error{Errc::closed, "start of a role", 0};
    if (spec.isolation == Isolation::namespaces) {
        const auto groups = ::geteuid() == 0 && user_exists_here(spec.user.uid) && spec.user.uid != ::geteuid()
                                ? SetGroups::keep
                                : SetGroups::deny;
        TRY_STATUS(map_ids("/proc/" + std::to_string(pid), spec.user, groups));
    }
    c = 'g';
    if (::send(status, &c, 1, MSG_NOSIGNAL) != 1) return Error{Errc::closed, "start of a role", 0};
    TRY_STATUS(wait_for(status, until));
    StepFailed failed{};
    const ssize_t n = ::recv(status, &failed, sizeof failed, 0);
    if (n == 0) return {};  // closed by exec
    return Error{Errc::not_permitted, n == sizeof failed ? name_of(failed.step) : "start of a role",
                 static_cast<uint32_t>(failed.error)};
}

}  // namespace

const char* name_of(ProcessRole role) {
    switch (role) {
        case ProcessRole::launcher:
            return "launcher";
        case ProcessRole::ui:
            return "ui";
        case ProcessRole::host:
            return "host";
        case ProcessRole::enclave:
            return "enclave";
        case ProcessRole::verifier:
            return "verifier";
        case ProcessRole::audio:
            return "audio";
    }
    return "";
}

std::string find_pulse_socket() {
    std::string path;
    constexpr std::string_view kUnix = "unix:";
    if (const char* server = std::getenv("PULSE_SERVER");
        server != nullptr && std::string_view(server).starts_with(kUnix))
        path = server + kUnix.size();
    else if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime != nullptr)
        path = std::string(runtime) + "/pulse/native";
    struct stat st {};
    return path.starts_with('/') && ::stat(path.c_str(), &st) == 0 && S_ISSOCK(st.st_mode) ? path : std::string();
}

Result<RoleProcess> start_role(const RoleSpec& spec) {
    std::vector<UniqueFd> moved;
    std::vector<HandedFd> fds;
    for (const HandedFd& f : spec.fds) {
        CHECK(f.number == static_cast<int>(fds.size()));
        moved.emplace_back(::fcntl(f.source, F_DUPFD_CLOEXEC, kSourcesFrom));
        if (!moved.back().valid()) return Error{Errc::io, "file for a role", static_cast<uint32_t>(errno)};
        fds.push_back({.number = f.number, .source = moved.back().get()});
    }
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return Error{Errc::io, "socket pair", static_cast<uint32_t>(errno)};
    UniqueFd ours(pair[0]);
    UniqueFd theirs(::fcntl(pair[1], F_DUPFD_CLOEXEC, kSourcesFrom));
    ::close(pair[1]);
    const pid_t pid = clone_process(namespaces_of(spec));
    if (pid == 0) run_child(spec, fds, theirs.get());
    if (pid < 0) return Error{Errc::not_permitted, "process of a role", static_cast<uint32_t>(errno)};
    theirs.reset();
    RoleProcess process{.child = Child(pid), .landlock_abi = sandbox::landlock_abi()};
    TRY_STATUS(drive_child(spec, pid, ours.get()));
    return process;
}

}  // namespace sealcall::launcher
