// The kernel's part of doctor.h: tries each protection in the way the roles will use it.
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "doctor.h"

namespace sealcall::cli {
namespace {

/// Tries in a child, so that nothing of this process changes.
bool child_can(const auto& attempt) {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(attempt() ? 0 : 1);
    int status = 1;
    while (pid > 0 && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Finding namespaces() {
    const bool can = child_can(
        [] { return ::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) == 0; });
    if (can)
        return {"kernel.namespaces", Health::ok, "Each process can have its own file system and network view.", ""};
    return {"kernel.namespaces", Health::warning,
            "The processes cannot have namespaces of their own; their other walls (seccomp, Landlock) stand.",
            "Allow user namespaces: sysctl -w kernel.unprivileged_userns_clone=1, or ask who keeps this machine or "
            "container."};
}

Finding landlock() {
    const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi >= 1)
        return {"kernel.landlock", Health::ok, "Landlock (version " + std::to_string(abi) + ") can close off files.",
                ""};
    return {"kernel.landlock", Health::warning,
            "The kernel does not offer Landlock, so files are closed off by namespaces alone.",
            "Boot a kernel of 5.13 or later with lsm=landlock,... on its command line."};
}

Finding seccomp() {
    const uint32_t action = SECCOMP_RET_KILL_PROCESS;
    if (::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0)
        return {"kernel.seccomp", Health::ok, "System calls can be restricted (seccomp).", ""};
    return {"kernel.seccomp", Health::problem,
            "The kernel cannot restrict system calls (seccomp), and no phone starts without that.",
            "Boot a kernel with CONFIG_SECCOMP_FILTER, or leave the container that forbids it."};
}

Finding secret_memory() {
    const bool can = child_can([] { return ::syscall(SYS_memfd_secret, 0) >= 0; });
    if (can)
        return {"kernel.memfd_secret", Health::ok, "Keys can lie in memory that even root cannot read (memfd_secret).",
                ""};
    return {"kernel.memfd_secret", Health::warning,
            "Keys lie in locked memory that root could read: the kernel does not offer memfd_secret.",
            "Boot with secretmem.enable=1 (Linux 5.14 or later)."};
}

Finding locked_memory() {
    rlimit limit{};
    ::getrlimit(RLIMIT_MEMLOCK, &limit);
    constexpr rlim_t kNeeded = 6 * 1024 * 1024;  // the enclave's heap
    if (::geteuid() == 0 || limit.rlim_cur >= kNeeded)
        return {"kernel.memlock", Health::ok, "Enough memory may be locked for keys.", ""};
    return {"kernel.memlock", Health::warning,
            "Only " + std::to_string(limit.rlim_cur / 1024) + " KiB may be locked in memory; keys need 6144.",
            "Raise the limit: `* - memlock 8192` in /etc/security/limits.d/sealcall.conf, then log in again."};
}

}  // namespace

std::vector<Finding> check_kernel() { return {namespaces(), landlock(), seccomp(), secret_memory(), locked_memory()}; }

}  // namespace sealcall::cli
