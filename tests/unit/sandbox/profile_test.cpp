// What each role's sandbox must refuse and must not refuse, as the caller's user and as a plain user.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>

#include "enclave/sandbox/sandbox.h"
#include "tests/unit/sandbox/child.h"

namespace sealcall {
namespace {

using ipc::ProcessRole;
using test::As;
using test::exited_with;
using test::in_child;
using test::killed_by_sandbox;

constexpr int kFine = 0, kNotEntered = 77, kWentThrough = 78;

enum class Profile { ui, host, enclave, verifier, audio_wav, audio_devices };
constexpr Profile kProfiles[] = {Profile::ui,       Profile::host,      Profile::enclave,
                                 Profile::verifier, Profile::audio_wav, Profile::audio_devices};

Status enter(Profile p) {
    switch (p) {
        case Profile::ui:
            return sandbox::enter(ProcessRole::ui);
        case Profile::host:
            return sandbox::enter(ProcessRole::host);
        case Profile::enclave:
            return sandbox::enter(ProcessRole::enclave);
        case Profile::verifier:
            return sandbox::enter(ProcessRole::verifier);
        case Profile::audio_wav:
            return sandbox::enter_audio(sandbox::AudioUse::wav);
        case Profile::audio_devices:
            return sandbox::enter_audio(sandbox::AudioUse::devices);
    }
    return Error{Errc::bad_value, "profile", 0};
}

// An action returns 0 when it succeeded, else the errno that refused it.
struct Action {
    const char* name;
    int (*act)();
};

int errno_unless(bool worked) { return worked ? 0 : errno; }

int make_unix_socket() { return errno_unless(::socket(AF_UNIX, SOCK_STREAM, 0) >= 0); }
int make_packet_socket() { return errno_unless(::socket(AF_PACKET, SOCK_RAW, 0) >= 0); }
int make_raw_socket() { return errno_unless(::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0); }
int make_inet_socket() { return errno_unless(::socket(AF_INET, SOCK_DGRAM, 0) >= 0); }
int trace() { return errno_unless(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0); }
int read_other_memory() {
    char a = 0, b = 0;
    iovec local{&a, 1}, remote{&b, 1};
    return errno_unless(::process_vm_readv(::getpid(), &local, 1, &remote, 1, 0) == 1);
}
int set_up_io_uring() {
    io_uring_params p{};
    return errno_unless(::syscall(SYS_io_uring_setup, 1, &p) >= 0);
}
int new_user_namespace() { return errno_unless(::unshare(CLONE_NEWUSER) == 0); }
int open_passwd() { return errno_unless(::open("/etc/passwd", O_RDONLY) >= 0); }
int execute() {
    char name[] = "/bin/true";
    char* const argv[] = {name, nullptr};
    ::execve(name, argv, nullptr);
    return errno;
}
int fork_off() {
    const long pid = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0);
    if (pid == 0) ::_exit(0);
    return errno_unless(pid > 0);
}
int map_executable() {
    return errno_unless(::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
}
int make_executable() {
    void* p = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return errno_unless(::mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0);
}
int kill_parent() { return errno_unless(::kill(::getppid(), 0) == 0); }
int become_dumpable() { return errno_unless(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0); }
int load_bpf() {
    bpf_attr a{};
    return errno_unless(::syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof a) >= 0);
}
int type_into_terminal() {
    char c = 'x';
    return errno_unless(::ioctl(0, TIOCSTI, &c) == 0);
}
int mount_something() { return errno_unless(::syscall(SYS_mount, "none", "/", "tmpfs", 0, nullptr) == 0); }

constexpr Action kForbidden[] = {
    {"AF_PACKET", make_packet_socket},
    {"raw socket", make_raw_socket},
    {"ptrace", trace},
    {"process_vm_readv", read_other_memory},
    {"io_uring", set_up_io_uring},
    {"user namespace", new_user_namespace},
    {"open /etc/passwd", open_passwd},
    {"execve", execute},
    {"fork", fork_off},
    {"map executable", map_executable},
    {"make executable", make_executable},
    {"kill parent", kill_parent},
    {"become dumpable", become_dumpable},
    {"bpf", load_bpf},
    {"mount", mount_something},
};

// Refused: killed, or an error that says so. Anything else, success above all, is a hole.
void expect_refused(Profile profile, const Action& action, As as) {
    const int status = in_child(as, [&] {
        if (!enter(profile)) return kNotEntered;
        const int e = action.act();
        return e == EPERM || e == EACCES || e == ENOSYS || e == ENOTTY ? kFine : kWentThrough;
    });
    EXPECT_TRUE(killed_by_sandbox(status) || exited_with(status, kFine))
        << action.name << ", profile " << static_cast<int>(profile) << ", status " << status;
}

class EveryProfile : public testing::TestWithParam<std::tuple<Profile, As>> {};
INSTANTIATE_TEST_SUITE_P(Roles, EveryProfile,
                         testing::Combine(testing::ValuesIn(kProfiles), testing::Values(As::self, As::nobody)));

TEST_P(EveryProfile, RefusesWaysOut) {
    for (const Action& action : kForbidden) expect_refused(std::get<0>(GetParam()), action, std::get<1>(GetParam()));
}

TEST_P(EveryProfile, MakesNoUnixSocketUnlessSoundNeedsIt) {
    const auto [profile, as] = GetParam();
    const int status = in_child(as, [p = profile] {
        if (!enter(p)) return kNotEntered;
        return make_unix_socket() == 0 ? kFine : kWentThrough;
    });
    if (profile == Profile::audio_devices)
        EXPECT_TRUE(exited_with(status, kFine)) << status;
    else
        EXPECT_TRUE(killed_by_sandbox(status)) << status;
}

TEST_P(EveryProfile, MakesInternetSocketsInHostOnly) {
    const auto [profile, as] = GetParam();
    const int status = in_child(as, [p = profile] {
        if (!enter(p)) return kNotEntered;
        return make_inet_socket() == 0 ? kFine : kWentThrough;
    });
    if (profile == Profile::host)
        EXPECT_TRUE(exited_with(status, kFine)) << status;
    else
        EXPECT_TRUE(killed_by_sandbox(status)) << status;
}

TEST_P(EveryProfile, LetsTheProcessDoItsWork) {
    const auto [profile, as] = GetParam();
    const int status = in_child(as, [p = profile] {
        int pair[2];
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) != 0) return kNotEntered;
        if (!enter(p)) return kNotEntered;
        char c = 'x';
        if (::send(pair[0], &c, 1, MSG_NOSIGNAL) != 1 || ::recv(pair[1], &c, 1, 0) != 1) return 1;
        std::vector<char> big(1 << 20, 'a');
        big.resize(3 << 20);
        std::array<char, 64> text{};
        if (std::snprintf(text.data(), text.size(), "%zu", big.size()) <= 0) return 2;
        if (::write(2, "", 0) != 0) return 3;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        return kFine;
    });
    EXPECT_TRUE(exited_with(status, kFine)) << status;
}

TEST_P(EveryProfile, SaysAbortWhenACheckFails) {
    const auto [profile, as] = GetParam();
    const int status = in_child(as, [p = profile] {
        const int devnull = ::open("/dev/null", O_WRONLY);
        ::dup2(devnull, 2);
        if (!enter(p)) return kNotEntered;
        CHECK(false);
        return kWentThrough;
    });
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
}

TEST_P(EveryProfile, IsUndumpableWithoutPrivilegesAndCapabilities) {
    const auto [profile, as] = GetParam();
    int ready[2], go[2];
    ASSERT_EQ(::pipe(ready), 0);
    ASSERT_EQ(::pipe(go), 0);
    const int status = in_child(As::self, [&, p = profile, user = as] {
        // The child is looked at from outside, so it must not be a grandchild: fork here, inspect, report.
        const pid_t subject = ::fork();
        if (subject == 0) {
            ::close(go[1]);
            ::_exit(in_child(user, [&] {
                const pid_t me = ::getpid();
                if (::write(ready[1], &me, sizeof me) != sizeof me || !enter(p)) return kNotEntered;
                char c = 0;
                if (::write(ready[1], &c, 1) != 1) return kNotEntered;
                return ::read(go[0], &c, 1) == 0 ? kFine : kWentThrough;  // until the inspector closes its end
            }));
        }
        ::close(go[0]);
        pid_t target = 0;
        char c = 0;
        if (::read(ready[0], &target, sizeof target) != sizeof target || ::read(ready[0], &c, 1) != 1) return 1;
        char path[64];
        std::snprintf(path, sizeof path, "/proc/%d/status", target);
        FILE* f = std::fopen(path, "re");
        if (f == nullptr) return 2;
        bool no_new_privs = false, filtered = false, powerless = false;
        char line[256];
        while (std::fgets(line, sizeof line, f) != nullptr) {
            const std::string_view l(line);
            no_new_privs |= l == "NoNewPrivs:\t1\n";
            filtered |= l == "Seccomp:\t2\n";
            powerless |= l == "CapEff:\t0000000000000000\n";
        }
        std::fclose(f);
        ::close(go[1]);
        return no_new_privs && filtered && powerless ? kFine : 3;
    });
    for (int fd : {ready[0], ready[1], go[0], go[1]}) ::close(fd);
    EXPECT_TRUE(exited_with(status, kFine)) << status;
}

TEST(HostProfile, SendsAndReceivesOnLoopback) {
    const int status = in_child(As::nobody, [] {
        if (!sandbox::enter(ProcessRole::host)) return kNotEntered;
        const int a = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_in at{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
        socklen_t n = sizeof at;
        if (::bind(a, reinterpret_cast<sockaddr*>(&at), n) != 0) return 1;
        if (::getsockname(a, reinterpret_cast<sockaddr*>(&at), &n) != 0) return 2;
        char c = 'x';
        if (::sendto(a, &c, 1, 0, reinterpret_cast<sockaddr*>(&at), n) != 1 || ::recv(a, &c, 1, 0) != 1) return 3;
        const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
        at.sin_port = 0;
        if (::bind(listener, reinterpret_cast<sockaddr*>(&at), n) != 0 || ::listen(listener, 1) != 0) return 4;
        return kFine;
    });
    EXPECT_TRUE(exited_with(status, kFine)) << status;
}

TEST(HostProfile, GetsAnErrorForNetlinkAndPacketFilters) {
    const int status = in_child(As::nobody, [] {
        if (!sandbox::enter(ProcessRole::host)) return kNotEntered;
        if (::socket(AF_NETLINK, SOCK_RAW, 0) >= 0 || errno != EAFNOSUPPORT) return 1;
        const int s = ::socket(AF_INET, SOCK_DGRAM, 0);
        int bytes[4] = {};
        if (::setsockopt(s, SOL_SOCKET, SO_ATTACH_FILTER, bytes, sizeof bytes) == 0 || errno != EPERM) return 2;
        int on = 1;
        return ::setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 ? kFine : 3;
    });
    EXPECT_TRUE(exited_with(status, kFine)) << status;
}

TEST(UiProfile, AcceptsOnTheInheritedSocketAndAsksWhoItIs) {
    const int status = in_child(As::nobody, [] {
        const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
        sockaddr_un at{.sun_family = AF_UNIX, .sun_path = {}};  // the kernel picks an abstract name
        if (::bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at.sun_family) != 0 || ::listen(listener, 1) != 0)
            return kNotEntered;
        socklen_t n = sizeof at;
        ::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &n);
        const int client = ::socket(AF_UNIX, SOCK_STREAM, 0);
        if (::connect(client, reinterpret_cast<sockaddr*>(&at), n) != 0) return kNotEntered;
        const uid_t own = ::getuid();
        if (!sandbox::enter(ProcessRole::ui)) return kNotEntered;
        const int peer = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        ucred who{};
        n = sizeof who;
        if (peer < 0 || ::getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &n) != 0) return 1;
        return who.uid == own ? kFine : 2;
    });
    EXPECT_TRUE(exited_with(status, kFine)) << status;
}

TEST(UiProfile, CannotTypeIntoTheTerminal) { expect_refused(Profile::ui, {"TIOCSTI", type_into_terminal}, As::self); }

TEST(EnclaveProfile, CoversThreadsThatWereThereBefore) {
    const int status = in_child(As::nobody, [] {
        std::atomic<bool> entered = false;
        std::thread worker([&] {
            while (!entered) std::this_thread::yield();
            (void)::socket(AF_UNIX, SOCK_STREAM, 0);
            ::_exit(kWentThrough);
        });
        if (!sandbox::enter(ProcessRole::enclave)) return kNotEntered;
        entered = true;
        worker.join();
        return kWentThrough;
    });
    EXPECT_TRUE(killed_by_sandbox(status)) << status;
}

TEST(EnclaveProfile, StartsNoThreadAfterwards) {
    const int status = in_child(As::nobody, [] {
        if (!sandbox::enter(ProcessRole::enclave)) return kNotEntered;
        std::thread([] {}).join();
        return kWentThrough;
    });
    EXPECT_TRUE(killed_by_sandbox(status)) << status;
}

TEST(AudioProfile, StartsThreadsButNoProcessWithDevices) {
    const int status = in_child(As::nobody, [] {
        if (!sandbox::enter_audio(sandbox::AudioUse::devices)) return kNotEntered;
        int seen = 0;
        std::thread([&] { seen = 1; }).join();
        return seen == 1 ? kFine : 1;
    });
    EXPECT_TRUE(exited_with(status, kFine)) << status;
    expect_refused(Profile::audio_devices, {"fork", fork_off}, As::self);
}

TEST(LauncherProfile, StillStartsProcessesButNeverTraces) {
    const int status = in_child(As::self, [] {
        if (!sandbox::enter(ProcessRole::launcher)) return kNotEntered;
        if (trace() != EPERM || set_up_io_uring() != EPERM || read_other_memory() != EPERM) return 1;
        const pid_t pid = ::fork();
        if (pid == 0) ::_exit(execute());
        int inner = -1;
        ::waitpid(pid, &inner, 0);
        return exited_with(inner, 0) ? kFine : 2;
    });
    EXPECT_TRUE(exited_with(status, kFine)) << status;
}

}  // namespace
}  // namespace sealcall
