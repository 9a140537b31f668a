#include "tools/sealcall/launcher/ground.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "enclave/sandbox/landlock.h"
#include "enclave/sandbox/sandbox.h"
#include "tools/sealcall/launcher/guard_client.h"

namespace sealcall::launcher {
namespace {

using ipc::ProcessRole;

// Above Debian's and systemd's fixed and dynamic users are few; these lie where nobody is given a login
// (deb-policy 9.2).
constexpr uid_t kFirstRoleUser = 61200;

std::string tpm_problem(const Error& e, const TpmChoice& choice) {
    if (std::holds_alternative<DeviceTpm>(choice)) {
        const std::string device = std::get<DeviceTpm>(choice).device.string();
        switch (e.code) {
            case Errc::not_found:
                return "There is no TPM at " + device + ". Choose a software TPM with 'sealcall init'.";
            case Errc::would_block:
                return "The TPM at " + device + " is in use by another program.";
            case Errc::not_permitted:
                return "You may not open the TPM at " + device +
                       ". Ask your administrator to add you to the group tss.";
            default:
                return "The TPM at " + device + " does not answer: " + technical(e) + ".";
        }
    }
    switch (e.code) {
        case Errc::would_block:
            return "A phone with this profile is already running. End it first, or use another profile.";
        case Errc::not_found:
            return "The software TPM is not there (program swtpm, or its state). Run 'sealcall init'.";
        default:
            return "The software TPM did not start: " + technical(e) + ".";
    }
}

Error with_problem(std::string& problem, std::string sentence, const Error& e) {
    problem = std::move(sentence);
    return e;
}

/// What the guard measured must be what stands before us: else peers would see a log that is not ours.
bool approved_as_here(const PreparedRoles& prepared, ByteSpan log) {
    const auto records = attestation::parse_cel(log);
    return records && std::ranges::all_of(prepared.measured, [&](const attestation::MeasuredRole& role) {
               return std::ranges::count(*records, attestation::cel_digest(role), &attestation::CelRecord::digest) == 1;
           });
}

}  // namespace

std::string technical(const Error& error) {
    std::string out = error.what;
    const auto code = static_cast<uint16_t>(error.code);
    if (error.detail == 0) return out;
    if (code >= 100 && code < 200) return out + " (" + std::strerror(static_cast<int>(error.detail)) + ")";
    char hex[32];
    std::snprintf(hex, sizeof hex, " (0x%x)", error.detail);
    return out + hex;
}

Result<Ends> link_ends() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return Error{Errc::io, "socket pair", static_cast<uint32_t>(errno)};
    return Ends{.first = UniqueFd(ends[0]), .second = UniqueFd(ends[1])};
}

Result<Ground> Ground::lay(const GroundPlan& plan, std::string& problem) {
    (void)::signal(SIGPIPE, SIG_IGN);  // a log that nobody reads must not end the phone
    auto lock = lock_directory(plan.profile_dir);
    if (!lock) {
        const bool busy = lock.error().code == Errc::would_block;
        return with_problem(problem,
                            busy ? "A phone with this profile is already running. End it first, or use another profile."
                                 : "The profile's directory cannot be used: " + technical(lock.error()) + ".",
                            lock.error());
    }
    auto store = PrivateStore::create(plan.isolation);
    if (!store)
        return with_problem(problem,
                            "There is no place for the copies of the programs: " + technical(store.error()) + ".",
                            store.error());
    Ground g(std::move(*store));
    g.profile_lock_ = std::move(*lock);
    g.users_ = plan.users;
    g.log_fd_ = plan.log_fd;
    g.null_ = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!g.null_.valid()) return with_problem(problem, "/dev/null cannot be opened.", Error{Errc::io, "/dev/null", 0});
    if (auto s = sandbox::enter(ProcessRole::launcher); !s)
        return with_problem(problem, "The launcher could not lock itself down: " + technical(s.error()) + ".",
                            s.error());
    std::string role;
    auto prepared = prepare_roles(g.store_, plan.executables, role);
    if (!prepared)
        return with_problem(problem,
                            "The program sealcall-" + role + " cannot be prepared: " + technical(prepared.error()) +
                                ". Is sealcall installed completely?",
                            prepared.error());
    g.prepared_ = std::move(*prepared);
    if (const auto* guard = std::get_if<GuardedTpm>(&plan.tpm)) {
        g.guard_ = *guard;
        return g;
    }
    auto tpm = TpmConnection::open(plan.tpm, plan.log_fd);
    if (!tpm) return with_problem(problem, tpm_problem(tpm.error(), plan.tpm), tpm.error());
    g.tpm_ = std::move(*tpm);
    auto cel = measure(g.prepared_, g.tpm_, plan.measurement_pcr);
    if (!cel) return with_problem(problem, tpm_problem(cel.error(), plan.tpm), cel.error());
    g.cel_ = std::move(*cel);
    return g;
}

Result<RoleProcess> Ground::start_enclave(const RoleSpec& spec, std::string& problem) {
    if (!guard_) return start_role(spec);
    std::vector<int> fds;
    for (const HandedFd& f : spec.fds)
        if (f.number >= 2 && f.number != ipc::fd::kEnclaveTpm) fds.push_back(f.source);
    TRY(GuardedEnclave running, start_guarded(guard_->socket, fds, problem));
    if (!approved_as_here(prepared_, running.started.log.view())) {
        problem =
            "The programs of sealcall are not those that the administrator approved. Ask your administrator to approve "
            "them and restart the computer.";
        return Error{Errc::refused_by_policy, "programs not approved", 0};
    }
    cel_ = to_bytes(running.started.log.view());
    escrow_ = to_bytes(running.started.escrow.view());
    guarded_software_ = running.started.tpm == ipc::TpmKind::swtpm_socket;
    const auto pid = static_cast<pid_t>(running.started.pid);
    return RoleProcess{.child = Child::guarded(pid, std::move(running.connection)),
                       .landlock_abi = sandbox::landlock_abi()};
}

RoleSpec Ground::spec(ProcessRole role, const std::optional<SoundAccess>& sound) const {
    const PreparedRole& p = prepared(role);
    RoleSpec s{.role = role,
               .root = p.root,
               .executable = p.closure.executable,
               .loader = p.closure.loader,
               .library_dir = p.closure.library_dir,
               .isolation = store_.isolation(),
               .user = {.uid = ::geteuid(), .gid = ::getegid()},
               .fds = {},
               .sound = sound};
    const uid_t own = kFirstRoleUser + static_cast<uid_t>(role);
    // A sound server knows its user by number: audio with devices stays who we are.
    if (!sound && store_.can_switch_users()) {
        if (users_)
            s.user = (*users_)[static_cast<size_t>(role)];
        else if (user_exists_here(own))
            s.user = {.uid = own, .gid = own};
    }
    return s;
}

}  // namespace sealcall::launcher
