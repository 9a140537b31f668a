#include "tests/unit/sandbox/child.h"

#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace sealcall::test {
namespace {

// Nobody has this number; 65534 is what the kernel shows for users it cannot name, and would hide mistakes.
constexpr unsigned kNobody = 61999;
constexpr int kCouldNotBecomeNobody = 99;

void become_nobody() {
    if (::geteuid() != 0) return;  // a plain user already
    if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0 ||
        ::setresuid(kNobody, kNobody, kNobody) != 0)
        ::_exit(kCouldNotBecomeNobody);
}

}  // namespace

int in_child(As as, const std::function<int()>& body) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::alarm(20);
        if (as == As::nobody) become_nobody();
        ::_exit(body());
    }
    int status = -1;
    if (pid < 0 || ::waitpid(pid, &status, 0) != pid) return -1;
    return status;
}

bool killed_by_sandbox(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS; }

bool exited_with(int status, int code) { return WIFEXITED(status) && WEXITSTATUS(status) == code; }

}  // namespace sealcall::test
