// sealcall-guard: a root service that alone holds the TPM of a managed installation (docs/operations.md, "Managed
// installation"). serve: once in a boot, before anybody logs in. provision: once in the life of an installation.
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstring>

#include "enclave/guard/server.h"
#include "sealcall/ipc/link.h"

namespace {

using namespace sealcall;
using namespace sealcall::guard;

constexpr int kExitFailed = 1, kExitUsage = 2, kExitNotReady = 3;
constexpr const char* kUsage =
    "usage: sealcall-guard serve     [--tpm PATH] [--approved FILE] [--state DIR] [--socket PATH]\n"
    "                                [--copies DIR] [--user NAME] [--group NAME]\n"
    "       sealcall-guard provision --escrow-to CERTIFICATE --escrow FILE [--authorisations FILE]\n"
    "                                [--tpm PATH] [--approved FILE] [--state DIR]\n"
    "       sealcall-guard status    [--json] [--socket PATH]\n"
    "serve: measure, unseal and cap, then start the enclave for members of GROUP (sealcall) as NAME "
    "(sealcall-enclave).\n"
    "provision: make the boot secret and the TPM's authorisations; the latter go to FILE, for the authority alone.\n"
    "status: exit 0 when the keys are ready, 3 when not, 1 when there is no guard.\n";

struct Command {
    std::string verb;
    Provisioning provisioning;
    ServerPlan server;
    std::string user = "sealcall-enclave", group = "sealcall";
    bool json = false;
};

bool parse(std::span<char*> words, Command& out) {
    if (words.empty()) return false;
    out.verb = words[0];
    out.server.enclave.root = "/run/sealcall-guard/enclave";
    Paths& paths = out.provisioning.paths;
    for (size_t i = 1; i < words.size(); ++i) {
        const std::string_view name = words[i];
        if (name == "--json") {
            out.json = true;
            continue;
        }
        if (++i >= words.size()) return false;
        const char* value = words[i];
        if (name == "--tpm") {
            paths.tpm = value;
        } else if (name == "--approved") {
            paths.approved = value;
        } else if (name == "--state") {
            paths.state = value;
        } else if (name == "--socket") {
            out.server.socket = value;
        } else if (name == "--copies") {
            out.server.enclave.root = value;
        } else if (name == "--user") {
            out.user = value;
        } else if (name == "--group") {
            out.group = value;
        } else if (name == "--escrow-to") {
            out.provisioning.escrow_to = value;
        } else if (name == "--escrow") {
            out.provisioning.escrow = value;
        } else if (name == "--authorisations") {
            out.provisioning.previous = value;
        } else {
            return false;
        }
    }
    return true;
}

bool number(const std::string& text, uint32_t& out) {
    const auto r = std::from_chars(text.data(), text.data() + text.size(), out);
    return r.ec == std::errc() && r.ptr == text.data() + text.size();
}

bool find_users(const Command& command, ServerPlan& out) {
    uint32_t id = 0;
    if (number(command.user, id)) {
        out.enclave.uid = out.enclave.gid = id;
    } else if (const passwd* user = ::getpwnam(command.user.c_str())) {
        out.enclave.uid = user->pw_uid;
        out.enclave.gid = user->pw_gid;
    } else {
        return false;
    }
    if (number(command.group, id)) {
        out.clients = id;
    } else if (const group* found = ::getgrnam(command.group.c_str())) {
        out.clients = found->gr_gid;
    } else {
        return false;
    }
    return true;
}

int serve(Command& command) {
    (void)::signal(SIGPIPE, SIG_IGN);
    if (!find_users(command, command.server)) {
        std::fprintf(stderr, "There is no user %s or no group %s.\n", command.user.c_str(), command.group.c_str());
        return kExitFailed;
    }
    if (const Status s = make_root(command.server.enclave.root); !s) {
        std::fprintf(stderr, "No place for the enclave's programs: %s.\n", s.error().what);
        return kExitFailed;
    }
    Boot boot = Boot::start(command.provisioning.paths);
    std::fprintf(stderr, "event=boot keys=%d %s\n", static_cast<int>(boot.keys()), boot.problem().c_str());
    auto server = Server::create(command.server, std::move(boot));
    if (!server) {
        std::fprintf(stderr, "The socket cannot be made: %s (%u).\n", server.error().what, server.error().detail);
        return kExitFailed;
    }
    sigset_t ends;
    sigemptyset(&ends);
    for (const int s : {SIGTERM, SIGINT}) sigaddset(&ends, s);
    ::sigprocmask(SIG_BLOCK, &ends, nullptr);
    const UniqueFd stop(::signalfd(-1, &ends, SFD_CLOEXEC));
    (*server)->run(stop.get());
    return 0;
}

int provision(const Command& command) {
    if (command.provisioning.escrow.empty() || command.provisioning.escrow_to.empty()) {
        std::fputs(kUsage, stderr);
        return kExitUsage;
    }
    std::string problem;
    if (Status s = guard::provision(command.provisioning, problem); !s) {
        std::fprintf(stderr, "%s\n", problem.c_str());
        return kExitFailed;
    }
    std::printf("The boot secret is sealed. Give %s to the authority, and restart the computer.\n",
                command.provisioning.escrow.c_str());
    return 0;
}

Result<ipc::GuardStatus> ask(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.native().size() >= sizeof address.sun_path) return Error{Errc::bad_value, "path", 0};
    std::memcpy(address.sun_path, path.c_str(), path.native().size() + 1);
    const UniqueFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!fd.valid() || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return Error{Errc::not_found, "no guard", static_cast<uint32_t>(errno)};
    const Bytes question = ipc::encode_message(ipc::GuardAsk{});
    std::array<std::byte, 1024> buffer;
    pollfd p{.fd = fd.get(), .events = POLLIN, .revents = 0};
    if (::send(fd.get(), question.data(), question.size(), MSG_NOSIGNAL) < 0 || ::poll(&p, 1, 5000) <= 0)
        return Error{Errc::timeout, "no answer", 0};
    const ssize_t n = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (n <= 0) return Error{Errc::closed, "no answer", 0};
    return ipc::decode_message<ipc::GuardStatus>(ByteSpan(buffer).first(static_cast<size_t>(n)));
}

int status(const Command& command) {
    constexpr const char* kWords[] = {"ready", "not_set_up", "already_capped", "ended"};
    const auto answer = ask(command.server.socket);
    if (!answer) {
        std::fputs(command.json ? "{\"guard\":false}\n" : "No guard runs here: phones run embedded.\n", stdout);
        return kExitFailed;
    }
    std::string capped, problem;
    for (const std::byte b : answer->capped) {
        std::array<char, 3> hex{};
        std::snprintf(hex.data(), hex.size(), "%02x", static_cast<unsigned>(b));
        capped += hex.data();
    }
    for (const char c : answer->problem.str())  // our own sentences; quoted all the same
        problem += c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    const char* keys = kWords[static_cast<size_t>(answer->keys)];
    if (command.json) {
        std::printf(
            "{\"guard\":true,\"keys\":\"%s\",\"problem\":\"%s\",\"enclave_runs\":%s,\"software_tpm\":%s,"
            "\"measurement_pcr\":%u,\"capped\":\"%s\"}\n",
            keys, problem.c_str(), answer->enclave_runs ? "true" : "false",
            answer->tpm == ipc::TpmKind::swtpm_socket ? "true" : "false", answer->measurement_pcr, capped.c_str());
    } else {
        std::printf("keys %s%s%s\nenclave %s\n", keys, problem.empty() ? "" : ": ", problem.c_str(),
                    answer->enclave_runs ? "runs" : "does not run");
    }
    return answer->keys == ipc::GuardKeys::ready ? 0 : kExitNotReady;
}

}  // namespace

int main(int argc, char** argv) {
    Command command;
    const std::span<char*> words(argv, static_cast<size_t>(argc));
    if (words.size() > 1 && (std::strcmp(words[1], "--help") == 0 || std::strcmp(words[1], "-h") == 0)) {
        std::fputs(kUsage, stdout);
        return 0;
    }
    if (!parse(words.subspan(std::min<size_t>(1, words.size())), command)) {
        std::fputs(kUsage, stderr);
        return kExitUsage;
    }
    if (command.verb == "status") return status(command);
    if (::geteuid() != 0) {
        std::fputs("sealcall-guard needs root.\n", stderr);
        return kExitFailed;
    }
    // Nothing of the boot secret goes to a core or to the swap.
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)::mlockall(MCL_CURRENT | MCL_FUTURE);
    if (command.verb == "serve") return serve(command);
    if (command.verb == "provision") return provision(command);
    std::fputs(kUsage, stderr);
    return kExitUsage;
}
