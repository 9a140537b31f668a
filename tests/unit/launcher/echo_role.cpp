// Stands in for every role in the launcher's tests: it really locks itself down, speaks the control link, and writes to
// its log what it sees. Which role it is stands in its name; how it behaves stands in its configuration.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>

#include "enclave/sandbox/sandbox.h"
#include "sealcall/base/hex.h"
#include "sealcall/base/tpm_extend.h"
#include "sealcall/ipc/link.h"

extern char** environ;

namespace sealcall {
namespace {

using ipc::ProcessRole;

ProcessRole g_role = ProcessRole::launcher;
std::string g_name;

void say(const std::string& text) {
    const std::string line = "role=" + g_name + " " + text + "\n";
    (void)!::write(2, line.data(), line.size());
}

std::string list(const char* dir) {
    std::vector<std::string> names;
    if (DIR* d = ::opendir(dir); d != nullptr) {
        while (const dirent* e = ::readdir(d)) names.emplace_back(e->d_name);
        ::closedir(d);
    }
    std::ranges::sort(names);
    std::string out;
    for (const auto& n : names)
        if (n != "." && n != "..") out += (out.empty() ? "" : ",") + n;
    return out;
}

std::string open_fds() {
    std::string out;
    for (int fd = 0; fd < 1024; ++fd)
        if (::fcntl(fd, F_GETFD) != -1) out += (out.empty() ? "" : ",") + std::to_string(fd);
    return out;
}

void say_what_we_see(int argc) {
    int variables = 0;
    while (environ[variables] != nullptr) ++variables;
    char host[65] = {};
    ::gethostname(host, sizeof host - 1);
    say("fds=" + open_fds());
    say("env=" + std::to_string(variables) + " argc=" + std::to_string(argc) + " uid=" + std::to_string(::getuid()) +
        " pid=" + std::to_string(::getpid()) + " hostname=" + host);
    say("root=" + list("/"));
    say(std::string("passwd=") +
        (::access("/etc/passwd", R_OK) == 0 && ::open("/etc/passwd", O_RDONLY) >= 0 ? "seen" : "hidden"));
    const int created = ::open("/created", O_WRONLY | O_CREAT, 0600);
    say(std::string("root_writable=") + (created >= 0 ? "yes" : "no"));
}

bool read_message(ipc::Link& link, Bytes& out) {
    Bytes buffer(ipc::kMessageMax + 1);
    for (;;) {
        pollfd p{.fd = link.fd(), .events = POLLIN, .revents = 0};
        (void)::poll(&p, 1, -1);
        auto m = link.receive(buffer);
        if (m) return out = to_bytes(*m), true;
        if (m.error().code != Errc::would_block) return false;
    }
}

// The verifier: any request is answered by itself and our pid; some words make it misbehave.
int be_verifier() {
    ipc::Link link{UniqueFd(ipc::fd::kControl)};
    Bytes request;
    if (!read_message(link, request)) return 0;
    const std::string text(as_chars(request));
    if (text == "crash") __builtin_trap();
    if (text == "silent") return 0;
    if (text == "hang")
        for (;;) (void)::poll(nullptr, 0, -1);
    if (text == "stay") {  // answers, and would like to meet the next request as well
        (void)link.send_bytes(to_bytes(as_bytes("stayed")));
        while (read_message(link, request)) (void)link.send_bytes(to_bytes(as_bytes("second answer")));
        return 0;
    }
    (void)link.send_bytes(to_bytes(as_bytes("answer to " + text)));
    return 0;
}

struct Wish {
    std::string text;  ///< how to behave, from a string of the configuration
};

Wish wish_of(ByteSpan message) {
    const auto id = ipc::message_id(message);
    if (!id) return {};
    if (*id == ipc::ConfigureUi::kId) return {ipc::decode_message<ipc::ConfigureUi>(message).value().profile.str()};
    if (*id == ipc::ConfigureHost::kId) return {ipc::decode_message<ipc::ConfigureHost>(message).value().own_uri.str()};
    if (*id == ipc::ConfigureEnclave::kId) {
        const auto c = ipc::decode_message<ipc::ConfigureEnclave>(message).value();
        say("log_bytes=" + std::to_string(c.sealcall_log.size()) + " software=" + std::to_string(c.software_tpm));
        return {c.own_uri.str()};
    }
    return {};
}

void say_pcr() {
    const auto pcr = tpm_raw::read_pcr(ipc::fd::kEnclaveTpm, tpm_raw::Wire::stream, 13, Millis(3000));
    say("pcr13=" + (pcr ? to_hex(*pcr) : std::string("failed")));
}

// "verify:word,word": asks on slot 0, one after another, and says what came back within 4 s.
void ask_verifiers(const std::string& words) {
    ipc::Link slot{UniqueFd(ipc::fd::kEnclaveVerifier0)};
    Bytes buffer(ipc::kMessageMax + 1);
    size_t at = 0;
    while (at <= words.size()) {
        const size_t end = std::min(words.find(',', at), words.size());
        const std::string word = words.substr(at, end - at);
        (void)slot.send_bytes(to_bytes(as_bytes(word)));
        pollfd p{.fd = slot.fd(), .events = POLLIN, .revents = 0};
        const int n = ::poll(&p, 1, word == "hang" || word == "crash" || word == "silent" ? 3400 : 4000);
        auto answer = slot.receive(buffer);
        say("asked=" + word + " got=\"" + (n > 0 && answer ? std::string(as_chars(*answer)) : "nothing") + "\"");
        at = end + 1;
    }
}

// Returns an exit status to end with, or -1 to go on.
int act(const Wish& wish, ipc::Link& control) {
    if (wish.text == "forbidden") (void)::socket(AF_UNIX, SOCK_STREAM, 0);
    if (wish.text == "crash") __builtin_trap();
    if (wish.text == "exit3") return 3;
    if (wish.text == "bad message") (void)control.send(ipc::HangUp{});
    if (wish.text.starts_with("verify:")) {
        ask_verifiers(wish.text.substr(7));
        return 0;  // and with it the phone
    }
    if (wish.text.starts_with("quit:")) {
        const int status = std::atoi(wish.text.c_str() + 5);
        (void)control.send(ipc::QuitPhone{.exit_status = static_cast<uint8_t>(status)});
    }
    if (wish.text == "query") (void)control.send(ipc::QueryProcesses{.request = RequestId{7}});
    return -1;
}

void say_report(const ipc::ProcessReport& r) {
    say("report=" + std::to_string(static_cast<int>(r.role)) + " seccomp=" + std::to_string(r.seccomp) +
        " nnp=" + std::to_string(r.no_new_privs) + " landlock=" + std::to_string(r.landlock) +
        " undumpable=" + std::to_string(r.undumpable) + " user_ns=" + std::to_string(r.user_namespace) +
        " mount_ns=" + std::to_string(r.mount_namespace) + " net_ns=" + std::to_string(r.network_namespace) +
        " no_caps=" + std::to_string(r.no_capabilities) + " pss=" + std::to_string(r.pss_kib > 0) +
        " digest=" + std::to_string(r.executable != Digest{}) + " uid=" + std::to_string(r.uid));
}

int serve() {
    ipc::Link control{UniqueFd(ipc::fd::kControl)};
    (void)control.hello(g_role);
    Wish wish;
    Bytes message;
    while (read_message(control, message)) {
        const uint16_t id = ipc::message_id(message).value();
        if (id == ipc::Shutdown::kId && wish.text != "deaf") return 0;
        if (id == ipc::Start::kId) {
            if (g_role == ProcessRole::enclave) say_pcr();
            const bool ok = wish.text != "unready";
            (void)control.send(
                ipc::Ready{.ok = ok, .problem = BoundedString<256>(ok ? "" : "The microphone is on fire.")});
            if (const int status = act(wish, control); status >= 0) return status;
        }
        if (id == ipc::Provision::kId) {
            ipc::Provisioned made;
            made.ok = true;
            made.problem = BoundedString<256>("made here");
            (void)control.send(made);
        }
        if (id == ipc::Activate::kId) return 9;
        if (id == ipc::ProcessReport::kId) say_report(ipc::decode_message<ipc::ProcessReport>(message).value());
        if (id == ipc::ProcessReportEnd::kId) (void)control.send(ipc::QuitPhone{.exit_status = 0});
        if (Wish w = wish_of(message); !w.text.empty()) wish = w;
    }
    return 0;
}

}  // namespace
}  // namespace sealcall

int main(int argc, char** argv) {
    using namespace sealcall;
    const std::string own = argv[0];
    g_name = own.substr(own.rfind('-') + 1);
    constexpr const char* kNames[] = {"launcher", "ui", "host", "enclave", "verifier", "audio"};
    for (size_t i = 0; i < std::size(kNames); ++i)
        if (g_name == kNames[i]) g_role = static_cast<ProcessRole>(i);
    say_what_we_see(argc);
    if (auto s = sandbox::enter(g_role); !s) {
        say(std::string("sandbox=") + s.error().what);
        return 1;
    }
    return g_role == ProcessRole::verifier ? be_verifier() : serve();
}
