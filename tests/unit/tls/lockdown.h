// A child process in which opening files or sockets kills: what it does there works after the enclave's lock-down.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <vector>

namespace sealcall::tls::test {

/// Kills the process at open, openat, socket, connect, execve, stat and readlink; anything else passes.
inline bool forbid_files() {
    constexpr unsigned kForbidden[] = {SYS_open,   SYS_openat, SYS_openat2, SYS_socket,     SYS_connect,
                                       SYS_execve, SYS_stat,   SYS_access,  SYS_newfstatat, SYS_readlink,
                                       SYS_clone3, SYS_ioctl,  SYS_statx,   SYS_readlinkat, SYS_faccessat};
    std::vector<sock_filter> program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (const unsigned nr : kForbidden) {
        program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1));
        program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    }
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/// Exit status of a child that does `work` with files forbidden; -1 when it was killed.
template <class F>
int in_lockdown(F work) {
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!forbid_files()) _exit(100);
        _exit(work() ? 0 : 1);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
    return WEXITSTATUS(status);
}

}  // namespace sealcall::tls::test
