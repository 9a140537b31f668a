// sealcall-guard: a root service that alone holds the TPM of a managed installation (docs/operations.md, "Managed
// installation"). serve: once in a boot, before anybody logs in. provision: once in the life of an installation.
#include <grp.h>
#include <pwd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstring>
#include <variant>

#include "enclave/guard/server.h"

namespace {

using namespace sealcall;
using namespace sealcall::guard;

constexpr int kExitFailed = 1, kExitUsage = 2;
constexpr const char* kUsage =
    "usage: sealcall-guard serve     [--tpm PATH] [--approved FILE] [--approvals FILE] [--state DIR] [--socket PATH]\n"
    "                                [--copies DIR] [--user NAME] [--group NAME]\n"
    "       sealcall-guard provision --escrow-to CERTIFICATE [--authorisations FILE]\n"
    "                                [--tpm PATH] [--approved FILE] [--approvals FILE] [--state DIR]\n"
    "serve: measure, unseal and cap, then start the enclave for members of GROUP (sealcall) as NAME "
    "(sealcall-enclave).\n"
    "provision: make the boot secret and the TPM's authorisations; the latter are kept\n"
    "for the authority alone, and reach it with the first enrolment.\n"
    "How things are: sealcall guard\n";

struct Command {
    std::string verb;
    Provisioning provisioning;
    ServerPlan server;
    std::string user = "sealcall-enclave", group = "sealcall";
};

bool parse(std::span<char*> words, Command& out) {
    if (words.empty()) return false;
    out.verb = words[0];
    out.server.enclave.root = "/run/sealcall-guard/enclave";
    using Path = std::filesystem::path;
    Paths& paths = out.provisioning.paths;
    const std::pair<std::string_view, std::variant<Path*, std::string*, std::optional<Path>*>> options[] = {
        {"--tpm", &paths.tpm},
        {"--approved", &paths.approved},
        {"--approvals", &paths.approvals},
        {"--state", &paths.state},
        {"--socket", &out.server.socket},
        {"--copies", &out.server.enclave.root},
        {"--user", &out.user},
        {"--group", &out.group},
        {"--escrow-to", &out.provisioning.escrow_to},
        {"--authorisations", &out.provisioning.previous}};
    for (size_t i = 1; i < words.size(); i += 2) {
        const auto* found =
            std::ranges::find(options, std::string_view(words[i]), [](const auto& o) { return o.first; });
        if (found == std::end(options) || i + 1 == words.size()) return false;
        std::visit([&](auto* place) { *place = words[i + 1]; }, found->second);
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
    if (command.provisioning.escrow_to.empty()) {
        std::fputs(kUsage, stderr);
        return kExitUsage;
    }
    std::string problem;
    if (Status s = guard::provision(command.provisioning, problem); !s) {
        std::fprintf(stderr, "%s\n", problem.c_str());
        return kExitFailed;
    }
    std::printf("The boot secret is sealed. Restart the computer. The escrow for the authority is in %s.\n",
                command.provisioning.paths.escrow().c_str());
    return 0;
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
