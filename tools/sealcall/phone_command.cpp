// `sealcall phone`, and `sealcall call` when no phone runs: starts the processes and waits for their end. Part of
// sealcall-launcher.
#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "audit_keeping.h"
#include "audit_sender.h"
#include "command_line.h"
#include "commands.h"
#include "files.h"
#include "phone_plan.h"
#include "policy_file.h"
#include "problem.h"
#include "sealcall/base/time.h"

namespace sealcall::cli {
namespace {

/// Removes the control socket when the phone is gone, whatever the way.
class SocketFile {
  public:
    explicit SocketFile(std::filesystem::path path) : path_(std::move(path)) {}
    SocketFile(const SocketFile&) = delete;
    SocketFile& operator=(const SocketFile&) = delete;
    ~SocketFile() { ::unlink(path_.c_str()); }

  private:
    std::filesystem::path path_;
};

/// What the processes log is for whoever looks for a fault: a file, not the person's screen.
UniqueFd process_log(const ProfilePaths& paths) {
    return UniqueFd(
        ::open((paths.state_dir / "phone.log").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
}

/// One that cannot be opened is looked for again later.
UniqueFd newest_bundle(const ProfileStore& store) {
    try {
        return store.open_bundle();
    } catch (const std::exception&) {
        return {};
    }
}

/// Earlier versions kept there who had proven themselves; nobody reads it any more.
void forget_known_peers(const ProfilePaths& paths) {
    const auto file = paths.state_dir / "known_peers";
    if (::unlink(file.c_str()) == 0)
        std::cerr
            << "sealcall: " << file.string()
            << " is removed. The vault remembers now who proved themselves, from their next call on; the names of "
               "the file are not taken over.\n";
}

/// Of the configuration and the administrator's policy the longer; 0: for ever. The enclave lets no shorter rule drop
/// anything.
uint32_t days_to_keep(const Context& context, const PhoneConfig& config) {
    if (config.audit.keep_days == 0 || !context.store.enrolment()) return config.audit.keep_days;
    const InstalledPolicy policy = installed_policy(context);
    if (!policy.document) return policy.trouble.empty() ? config.audit.keep_days : 0;
    return std::max<uint32_t>(config.audit.keep_days, policy.document->keep_days);
}

int run_own_phone(const Context& context, const std::optional<CallOptions>& call) {
    const ProfilePaths& paths = context.paths();
    if (!context.store.facts())
        throw Problem("The profile " + paths.profile + " has no keys yet.", "sealcall init", exit_status::kNotSetUp);
    const UniqueFd lock =
        lock_file(paths.lock_file(), "A phone of the profile " + paths.profile + " runs already, or is being set up.",
                  "Use it: sealcall status, sealcall call. Or use another profile: --profile NAME.");
    PlanInput input{.config = load_config(paths.config_file),
                    .screen = ScreenFacts::current(),
                    .roles = roles_directory(context.options.global),
                    .json = context.json(),
                    .phone = context.options.phone,
                    .call = call};
    forget_known_peers(paths);
    put_audit_away(paths, uint64_t{input.config.audit.file_mib} << 20);
    launcher::PhonePlan plan = make_plan(context.store, input);
    plan.enclave.audit_drop = drop_old_audit(paths, days_to_keep(context, input.config), wall_ms());
    const AuditSender sender(paths.audit_log(), input.config.audit.send_to);
    const UniqueFd log = process_log(paths);
    if (log.valid()) plan.ground.log_fd = log.get();
    plan.control_socket = listen_control(paths.control_socket);
    const SocketFile remove_later(paths.control_socket);
    context.line.forget_definition();
    std::string problem;
    auto phone = launcher::Phone::start(std::move(plan), problem);
    if (!phone)
        throw Problem(
            problem.empty() ? std::string("The phone could not be started: ") + phone.error().what + "." : problem,
            "`sealcall doctor` says what is missing.", exit_status::kNotSetUp);
    const launcher::PhoneEnd end = (*phone)->run({.open_bundle = [&] { return newest_bundle(context.store); }});
    if (!end.sentence.empty()) std::cerr << "sealcall: " << end.sentence << "\n";
    return end.exit_status;
}

}  // namespace

int run_phone(const Context& context) { return run_own_phone(context, std::nullopt); }

int run_call_with_own_phone(const Context& context) { return run_own_phone(context, context.options.call); }

}  // namespace sealcall::cli
