// After warm_up nothing in a handshake may open a file or a socket: a child runs one under a filter that kills for it.
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tls/phones.h"

namespace sealcall::tls::test {
namespace {

/// Kills the process at open, openat, socket, connect, execve, stat and readlink; anything else passes.
bool forbid_files() {
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

TEST(LockDown, KillsWhoOpensAFile) {
    EXPECT_EQ(in_lockdown([] { return access("/", F_OK) == 0; }), -1);
}

TEST(LockDown, AHandshakeWorksAfterWarmUp) {
    // The certificates come from outside: only what the enclave itself does runs under the filter.
    warm_up();
    Pair p;
    auto caller = p.alice.config(rats::Role::caller, p.ca), callee = p.bob.config(rats::Role::callee, p.ca);
    EXPECT_EQ(in_lockdown([&] {
                  p.caller = std::move(*Channel::create(caller));
                  p.callee = std::move(*Channel::create(callee));
                  pump(*p.caller, *p.callee);
                  if (p.caller->state() != ChannelState::open || !p.caller->send(rats::FrameType::hello, Bytes(9)))
                      return false;
                  pump(*p.caller, *p.callee);
                  const auto got = p.callee->receive();
                  return got && got->size() == 1;
              }),
              0);
}

TEST(LockDown, ARefusalWorksAfterWarmUp) {
    warm_up();
    Pair p;
    Authority other;
    auto caller = p.alice.config(rats::Role::caller, other), callee = p.bob.config(rats::Role::callee, other);
    EXPECT_EQ(in_lockdown([&] {
                  p.caller = std::move(*Channel::create(caller));
                  p.callee = std::move(*Channel::create(callee));
                  pump(*p.caller, *p.callee);
                  return p.callee->state() == ChannelState::failed;
              }),
              0);
}

}  // namespace
}  // namespace sealcall::tls::test
