#include "tests/unit/host/host_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <csignal>

#include <thread>

namespace sealcall::testing {
namespace {

using Clock = std::chrono::steady_clock;

struct Pair {
    UniqueFd ours, theirs;
};

Pair make_pair() {
    int fds[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

/// One message, or empty when there is none in time or the link is closed.
Bytes receive(ipc::Link& link, Bytes& buffer, std::chrono::milliseconds limit) {
    const auto end = Clock::now() + limit;
    for (;;) {
        auto m = link.receive(buffer);
        if (m) return to_bytes(*m);
        if (m.error().code != Errc::would_block) return {};
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
        pollfd p{link.fd(), POLLIN, 0};
        if (left.count() < 0 || poll(&p, 1, static_cast<int>(left.count()) + 1) <= 0) return {};
    }
}

}  // namespace

const LabAuthority& lab() {
    static const LabAuthority authority;
    return authority;
}

Digest digest_of(uint8_t fill) {
    Digest d;
    d.fill(static_cast<std::byte>(fill));
    return d;
}

HostProcess::~HostProcess() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

ipc::ConfigureHost HostProcess::default_config(const std::string& own_uri) {
    const LabCertificate c = lab().issue("host", "IP:127.0.0.1,DNS:localhost");
    ipc::ConfigureHost config;
    config.listen_address = BoundedString<64>("127.0.0.1");
    config.media_address = BoundedString<64>("127.0.0.1");
    config.own_uri = BoundedString<256>(own_uri);
    config.tls_certificate = ipc::Pem(as_bytes(c.certificate));
    config.tls_key = ipc::Pem(as_bytes(c.key));
    config.tls_ca = ipc::Pem(as_bytes(lab().certificate()));
    return config;
}

void HostProcess::spawn() {
    Pair control = make_pair(), enclave = make_pair(), ui = make_pair();
    const pid_t parent = getpid();
    pid_ = fork();
    CHECK(pid_ >= 0);
    if (pid_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
        // Above the target numbers first: the sources may stand among them.
        const int high[3] = {fcntl(control.theirs.get(), F_DUPFD, 20), fcntl(enclave.theirs.get(), F_DUPFD, 20),
                             fcntl(ui.theirs.get(), F_DUPFD, 20)};
        const int null = ::open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        for (int i = 0; i < 3; ++i) dup2(high[i], 3 + i);
        for (int fd = 6; fd < 256; ++fd) ::close(fd);
        char* const argv[] = {const_cast<char*>("sealcall-host"), nullptr};
        char* const envp[] = {const_cast<char*>("ASAN_OPTIONS=detect_leaks=0"), nullptr};
        execve(SEALCALL_HOST_PATH, argv, envp);
        _exit(127);
    }
    control_ = ipc::Link(std::move(control.ours));
    enclave_ = ipc::Link(std::move(enclave.ours));
    ui_ = ipc::Link(std::move(ui.ours));
}

ipc::Ready HostProcess::start(const ipc::ConfigureHost& config) {
    spawn();
    CHECK(control_.hello(ipc::ProcessRole::launcher).has_value());
    CHECK(enclave_.hello(ipc::ProcessRole::enclave).has_value());
    CHECK(ui_.hello(ipc::ProcessRole::ui).has_value());
    CHECK(control_.send(config).has_value());
    CHECK(control_.send(ipc::Start{}).has_value());
    ipc::Ready ready{.ok = false, .problem = BoundedString<256>("no Ready came")};
    for (int i = 0; i < 2; ++i) {
        auto m = receive(control_, buffer_, kWait);
        if (auto r = ipc::decode_message<ipc::Ready>(m)) ready = *r;
    }
    auto hello = ipc::decode_message<ipc::LinkHello>(receive(enclave_, buffer_, kWait));
    EXPECT_TRUE(hello && ipc::hello_matches(*hello, ipc::ProcessRole::host));
    if (!ready.ok) return ready;
    EXPECT_TRUE(wait_state([](const ipc::HostState& s) { return !s.listening.empty(); }));
    const std::string where = state_.listening.str();
    port_ = static_cast<uint16_t>(std::stoi(where.substr(where.rfind(':') + 1)));
    return ready;
}

void HostProcess::read_ui(std::chrono::milliseconds limit) {
    if (auto s = ipc::decode_message<ipc::HostState>(receive(ui_, buffer_, limit))) state_ = *s;
}

Bytes HostProcess::next(std::chrono::milliseconds limit) { return receive(enclave_, buffer_, limit); }

void HostProcess::expect_silence(std::chrono::milliseconds time) {
    auto m = next(time);
    EXPECT_TRUE(m.empty()) << "unexpected " << describe(m);
}

std::string HostProcess::describe(const Bytes& m) {
    if (m.empty()) return "nothing";
    auto id = ipc::message_id(m);
    std::string s = "message " + (id ? std::to_string(*id) : "?");
    if (auto f = ipc::decode_message<ipc::CallFailed>(m)) s += " status " + std::to_string(f->sip_status);
    if (auto f = ipc::decode_message<ipc::LegEnded>(m))
        s += " why " + std::to_string(static_cast<int>(f->why)) + " status " + std::to_string(f->sip_status);
    return s;
}

int HostProcess::wait_exit(std::chrono::milliseconds limit) {
    const auto end = Clock::now() + limit;
    int status = 0;
    while (waitpid(pid_, &status, WNOHANG) == 0) {
        if (Clock::now() > end) return -1;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool HostProcess::running() { return pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == 0; }

}  // namespace sealcall::testing
