// The other processes of a phone, played for a real sealcall-ui: launcher, enclave and host on real socket pairs. For
// tests.
#pragma once

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <string>

#include "sealcall/base/time.h"
#include "sealcall/ipc/link.h"

namespace sealcall::test {

/// One socket pair; `theirs` goes to the ui process.
struct LinkPair {
    ipc::Link ours;
    UniqueFd theirs;
    LinkPair() {
        int fds[2];
        CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
        ours = ipc::Link(UniqueFd(fds[0]));
        theirs = UniqueFd(fds[1]);
    }
};

/// A listening control socket at a fresh path; removed at the end.
class ControlSocket {
  public:
    ControlSocket() {
        char name[] = "/tmp/sealcall-ui-test-XXXXXX";
        CHECK(mkdtemp(name) != nullptr);
        dir_ = name;
        fd_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const sockaddr_un a = address();
        CHECK(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0);
        CHECK(listen(fd_.get(), 16) == 0);
    }
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;
    ~ControlSocket() {
        unlink((dir_ + "/control").c_str());
        rmdir(dir_.c_str());
    }
    [[nodiscard]] UniqueFd connect_to() const {
        UniqueFd c(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const sockaddr_un a = address();
        CHECK(connect(c.get(), reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0);
        return c;
    }
    [[nodiscard]] int fd() const { return fd_.get(); }
    UniqueFd take() { return std::move(fd_); }

  private:
    [[nodiscard]] sockaddr_un address() const {
        sockaddr_un a{};
        a.sun_family = AF_UNIX;
        (dir_ + "/control").copy(a.sun_path, sizeof a.sun_path - 1);
        return a;
    }
    std::string dir_;
    UniqueFd fd_;
};

class FakePhone {
  public:
    FakePhone() = default;
    FakePhone(const FakePhone&) = delete;
    FakePhone& operator=(const FakePhone&) = delete;
    ~FakePhone() {
        if (pid_ > 0) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
    }

    ipc::Link& launcher() { return launcher_.ours; }
    ipc::Link& enclave() { return enclave_.ours; }
    ipc::Link& host() { return host_.ours; }
    [[nodiscard]] const ControlSocket& control() const { return control_; }
    [[nodiscard]] pid_t pid() const { return pid_; }

    /// Starts the program with `in` and `out` as its standard input and output.
    void spawn(const std::string& program, int in, int out) {
        const pid_t parent = getpid();
        pid_ = fork();
        CHECK(pid_ >= 0);
        if (pid_ != 0) {
            for (LinkPair* p : {&launcher_, &enclave_, &host_}) p->theirs.reset();
            return;
        }
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(127);
        // First out of the way of 0..6, then into place.
        int fds[] = {in, out, launcher_.theirs.get(), enclave_.theirs.get(), host_.theirs.get(), control_.fd()};
        for (int& f : fds) f = fcntl(f, F_DUPFD_CLOEXEC, 100);
        const int places[] = {0, 1, 3, 4, 5, 6};
        for (size_t i = 0; i < std::size(fds); ++i) dup2(fds[i], places[i]);
        char* const argv[] = {const_cast<char*>("sealcall-ui"), nullptr};
        char* const env[] = {nullptr};
        execve(program.c_str(), argv, env);
        _exit(127);
    }
    void greet() {
        CHECK(launcher().hello(ipc::ProcessRole::launcher));
        CHECK(enclave().hello(ipc::ProcessRole::enclave));
        CHECK(host().hello(ipc::ProcessRole::host));
    }

    /// The next message of a link within `ms`; empty when none came.
    Bytes next(ipc::Link& link, int ms) {
        pollfd p{.fd = link.fd(), .events = POLLIN, .revents = 0};
        if (poll(&p, 1, ms) <= 0) return {};
        auto m = link.receive(buffer_);
        return m ? to_bytes(*m) : Bytes{};
    }
    /// The next message of type M; others are skipped. Gives up after `ms` (`timeout`).
    template <ipc::Message M>
    Result<M> expect(ipc::Link& link, int ms = 5000) {
        const BootInstant end = BootClock::now() + Millis(ms);
        for (;;) {
            const auto left = std::chrono::duration_cast<Millis>(end - BootClock::now()).count();
            const Bytes m = left > 0 ? next(link, static_cast<int>(left)) : Bytes{};
            if (m.empty()) return Error{Errc::timeout, "message", M::kId};
            auto id = ipc::message_id(m);
            if (id && *id == M::kId) return ipc::decode_message<M>(m);
        }
    }
    /// Hello on every link both ways, configuration, start. Returns Ready.
    Result<ipc::Ready> start(const ipc::ConfigureUi& configuration) {
        greet();
        for (ipc::Link* l : {&launcher_.ours, &enclave_.ours, &host_.ours}) {
            TRY(auto hello, expect<ipc::LinkHello>(*l));
            if (!ipc::hello_matches(hello, ipc::ProcessRole::ui)) return Error{Errc::wrong_state, "hello", 0};
        }
        TRY_STATUS(launcher().send(configuration));
        TRY_STATUS(launcher().send(ipc::Start{}));
        return expect<ipc::Ready>(launcher());
    }
    /// Exit status of the process; -1 when it did not end by itself within `ms`.
    int wait_for_exit(int ms = 5000) {
        for (int waited = 0; waited < ms; waited += 5) {
            int status = 0;
            if (waitpid(pid_, &status, WNOHANG) == pid_) {
                pid_ = -1;
                return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
            }
            usleep(5000);
        }
        return -1;
    }

  private:
    LinkPair launcher_, enclave_, host_;
    ControlSocket control_;
    pid_t pid_ = -1;
    std::array<std::byte, ipc::kMessageMax + 1> buffer_{};
};

/// An attested caller at level 2 of a laboratory, as the demo has it.
inline ipc::CallCard attested_card(CallId call, policy::Direction direction) {
    ipc::CallCard c{.call = call,
                    .direction = direction,
                    .peer_uri = BoundedString<256>("sip:alice@example.com"),
                    .vouched_by = BoundedString<128>("Example Corp"),
                    .dialled_uri = BoundedString<256>("sip:bob@example.com"),
                    .hearsay_name = BoundedString<256>("Alice Liddell"),
                    .label = BoundedString<64>("restricted")};
    c.theirs.level = rats::Level::measured;
    c.theirs.lab = true;
    c.theirs.software_tpm = true;
    for (rats::Reason r : {rats::Reason::quote_fresh_and_bound, rats::Reason::device_enrolled,
                           rats::Reason::tpm_genuine_lab, rats::Reason::measurement_self_vouched})
        CHECK(c.theirs.reasons.push(r));
    c.theirs_at_ms = wall_ms();
    c.ours_known = true;
    c.ours = rats::Level::known_device;
    c.decision = {.action = policy::Action::allow, .rule = policy::Rule::meets_minimum};
    return c;
}

}  // namespace sealcall::test
