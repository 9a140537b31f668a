// A managed computer as a test sees it: a software TPM behind a real sealcall-guard, and a user who is not root. Real
// processes under real users: root only, else skipped aloud.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <iostream>
#include <thread>

#include "sealcall/ipc/link.h"
#include "tests/unit/guard/machine.h"
#include "tools/sealcall/launcher/guard_client.h"
#include "tools/sealcall/launcher/id_map.h"

namespace sealcall::guard::test {

namespace fs = std::filesystem;
using ipc::GuardKeys;
using tpm::test::digest_of_text;

inline constexpr uid_t kUser = 61210, kEnclaveUser = 61203;
inline constexpr gid_t kPhoneGroup = 61298, kTpmGroup = 61299;

/// Runs `f` in a process of `kUser` in these groups; true when it says so.
inline bool as_user(std::vector<gid_t> groups, const std::function<bool()>& f) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        const bool became = ::setgroups(groups.size(), groups.data()) == 0 && ::setresgid(kUser, kUser, kUser) == 0 &&
                            ::setresuid(kUser, kUser, kUser) == 0;
        ::_exit(became && f() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

inline Result<ByteSpan> next_message(ipc::Link& link, Bytes& buffer) {
    const BootInstant until = BootClock::now() + kPatient;
    for (;;) {
        auto message = link.receive(buffer);
        if (message || message.error().code != Errc::would_block) return message;
        if (BootClock::now() >= until) return Error{Errc::timeout, "enclave", 0};
        pollfd p{.fd = link.fd(), .events = POLLIN, .revents = 0};
        (void)::poll(&p, 1, 100);
    }
}

/// Speaks to an enclave as `sealcall init` does.
inline Result<ipc::Provisioned> ask_for_keys(ipc::Link& link, const ipc::Provision& request) {
    Bytes buffer(ipc::kMessageMax + 1);
    TRY_STATUS(link.hello(ipc::ProcessRole::launcher));
    TRY_STATUS([&]() -> Status {
        auto hello = next_message(link, buffer);
        return hello ? Status() : Status(hello.error());
    }());
    TRY_STATUS(link.send(request));
    TRY(const ByteSpan answer, next_message(link, buffer));
    return ipc::decode_message<ipc::Provisioned>(answer);
}

struct Pair {
    UniqueFd ours, theirs;
};
inline Pair link_pair() {
    int ends[2];
    CHECK(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

class GuardedComputer : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0 || !launcher::user_exists_here(kUser))
            GTEST_SKIP() << "needs root and users of its own: run as root to see managed mode hold";
        ASSERT_EQ(::chmod(machine_.paths().state.c_str(), 0700), 0);
        fs::create_directory(bin());
        const fs::path built = fs::path(ENCLAVE_PROGRAM).parent_path();
        for (const char* role : {"guard", "verifier", "host", "ui", "audio", "enclave"})
            fs::copy_file(built / (std::string("sealcall-") + role), bin() / (std::string("sealcall-") + role));
        approve();
        ASSERT_OK(machine_.provision());
        start_guard();
    }
    void TearDown() override {
        stop_guard(SIGTERM);
        if (HasFailure()) std::cerr << std::ifstream(machine_.file("guard.log")).rdbuf();
    }

    fs::path bin() const { return machine_.file("bin"); }
    fs::path enclave_program() const { return bin() / "sealcall-enclave"; }
    fs::path socket() const { return machine_.file("guard.sock"); }

    /// As an administrator does: what is there now is approved.
    void approve() const {
        const std::string command =
            std::string(APPROVE_PROGRAM) + " " + bin().string() + " > " + machine_.paths().approved.string();
        ASSERT_EQ(std::system(command.c_str()), 0);
        ASSERT_EQ(::chmod(machine_.paths().approved.c_str(), 0644), 0);
    }

    void start_guard() {
        fs::create_directories(machine_.file("copies"));
        const std::vector<std::string> words{bin() / "sealcall-guard",
                                             "serve",
                                             "--tpm",
                                             machine_.paths().tpm,
                                             "--approved",
                                             machine_.paths().approved,
                                             "--state",
                                             machine_.paths().state,
                                             "--socket",
                                             socket(),
                                             "--copies",
                                             machine_.file("copies"),
                                             "--user",
                                             std::to_string(kEnclaveUser),
                                             "--group",
                                             std::to_string(kPhoneGroup)};
        std::vector<char*> argv;
        for (const auto& w : words) argv.push_back(const_cast<char*>(w.c_str()));
        argv.push_back(nullptr);
        guard_ = ::fork();
        if (guard_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            const int log = ::open(machine_.file("guard.log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
            ::dup2(log, 2);
            ::execv(argv[0], argv.data());
            ::_exit(127);
        }
        const BootInstant until = BootClock::now() + kPatient;
        while (!launcher::guard_answers(socket()) && BootClock::now() < until) std::this_thread::sleep_for(Millis{10});
    }
    void stop_guard(int signal) {
        if (guard_ <= 0) return;
        ::kill(guard_, signal);
        ::waitpid(guard_, nullptr, 0);
        guard_ = -1;
        fs::remove(socket());
    }
    GuardKeys keys() const { return launcher::ask_guard(socket()).value().keys; }

    /// As `sealcall init` does; `existing`: keys made before, to be taken into use.
    Result<ipc::Provisioned> init(const ipc::Provisioned* existing = nullptr) {
        Pair control = link_pair();
        const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
        std::array<int, ipc::kGuardDescriptors> fds{};
        fds.fill(null.get());
        fds[1] = control.theirs.get();
        TRY(running_, launcher::start_guarded(socket(), fds, problem_));
        control.theirs.reset();
        ipc::Provision request;
        if (existing != nullptr) {
            request.identity_public = existing->identity_public;
            request.identity_private = existing->identity_private;
        }
        link_ = ipc::Link(std::move(control.ours));
        return ask_for_keys(link_, request);
    }
    /// Ends the enclave in order, and waits until the guard says that it ended.
    void finish() {
        (void)link_.send(ipc::Shutdown{});
        Bytes buffer(64);
        EXPECT_GE(::recv(running_.connection.get(), buffer.data(), buffer.size(), 0), 0);
        running_ = {};
    }

    Machine machine_{kTpmGroup};
    pid_t guard_ = -1;
    launcher::GuardedEnclave running_;
    ipc::Link link_;
    std::string problem_;
};

}  // namespace sealcall::guard::test
