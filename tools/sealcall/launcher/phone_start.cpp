// Phone, first half: from a plan to roles that are ready.
#include <malloc.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "tools/sealcall/launcher/phone.h"

namespace sealcall::launcher {
namespace {

using ipc::ProcessRole;

// What each pair joins; both ends are dropped here once the roles have them.
struct Pairs {
    Ends ui_enclave, ui_host, host_enclave, enclave_audio;
    std::vector<UniqueFd> verifier_slots;
};

Result<Pairs> make_pairs(VerifierSlots& verifiers) {
    Pairs p;
    TRY(p.ui_enclave, link_ends());
    TRY(p.ui_host, link_ends());
    TRY(p.host_enclave, link_ends());
    TRY(p.enclave_audio, link_ends());
    for (int i = 0; i < ipc::fd::kEnclaveVerifierSlots; ++i) {
        TRY(UniqueFd slot, verifiers.add_slot());
        p.verifier_slots.push_back(std::move(slot));
    }
    return p;
}

int or_null(const UniqueFd& fd, int null) { return fd.valid() ? fd.get() : null; }

std::string role_sentence(const RoleControl* role, const Error& e) {
    if (role == nullptr) return "The phone could not start: " + technical(e) + ".";
    const std::string name = std::string("sealcall-") + name_of(role->role());
    if (e.code == Errc::unavailable && !role->problem().empty()) return role->problem();
    if (e.code == Errc::bad_value)
        return "The program " + name + " is of another version. Install sealcall completely.";
    if (e.code == Errc::timeout) return "The program " + name + " was not ready in time.";
    return "The program " + name + " could not start: " + technical(e) + ".";
}

}  // namespace

Phone::Phone(Ground ground)
    : ground_(std::move(ground)),
      verifiers_(
          [this](int control_fd) {
              RoleSpec spec = ground_.spec(ProcessRole::verifier, {});
              spec.fds = {{0, ground_.null_fd()}, {1, ground_.null_fd()}, {2, ground_.log_fd()}, {3, control_fd}};
              return start_role(spec);
          },
          [this](const std::string& line) { log(line); }) {}

Result<std::unique_ptr<Phone>> Phone::start(PhonePlan plan, std::string& problem) {
    TRY(Ground ground, Ground::lay(plan.ground, problem));
    std::unique_ptr<Phone> phone(new Phone(std::move(ground)));  // the constructor is private
    phone->catch_signals();
    phone->keep_terminal(plan);
    if (phone->isolation() == Isolation::directory) phone->log("event=isolation kind=directory namespaces=refused");
    Status s = phone->start_roles(plan);
    if (s) s = phone->configure(plan);
    if (s) s = phone->wait_until_ready(plan.ready_deadline);
    if (s) {
        ::malloc_trim(0);  // hashing and copying are over: the launcher only watches from here on
        return phone;
    }
    if (phone->end_) {
        problem = phone->end_->sentence.empty() ? "The phone was interrupted while it started." : phone->end_->sentence;
        return s.error();
    }
    const auto unready = std::ranges::find_if(
        phone->roles_, [](const RoleControl& r) { return r.state() != RoleControl::State::ready; });
    problem = role_sentence(unready == phone->roles_.end() ? nullptr : &*unready, s.error());
    return s.error();
}

Status Phone::start_one(ProcessRole role, std::vector<int> fds_from_4, const std::optional<SoundAccess>& sound) {
    TRY(Ends control, link_ends());
    RoleSpec spec = ground_.spec(role, sound);
    spec.fds = {{0, ground_.null_fd()}, {1, ground_.null_fd()}, {2, ground_.log_fd()}, {3, control.second.get()}};
    if (role == ProcessRole::ui) {
        spec.fds[0].source = fds_from_4[0];
        spec.fds[1].source = fds_from_4[1];
        fds_from_4.erase(fds_from_4.begin(), fds_from_4.begin() + 2);
    }
    for (int fd : fds_from_4) spec.fds.push_back({static_cast<int>(spec.fds.size()), fd});
    std::string guard_says;
    auto process = role == ProcessRole::enclave ? ground_.start_enclave(spec, guard_says) : start_role(spec);
    if (!process && !guard_says.empty()) {
        end_with(kExitRoleLost, guard_says);
        return process.error();
    }
    if (!process) {
        end_with(kExitRoleLost, std::string("The program sealcall-") + name_of(role) +
                                    " could not be started: " + technical(process.error()) + ".");
        return process.error();
    }
    log(std::string("event=role_started role=") + name_of(role) + " pid=" + std::to_string(process->child.pid()));
    roles_.emplace_back(role, std::move(*process), ipc::Link(std::move(control.first)), ground_.prepared(role).digest);
    return {};
}

// The numbers are those of ipc::fd; the order of the starts is that of the measurement.
Status Phone::start_roles(PhonePlan& plan) {
    TRY(Pairs pairs, make_pairs(verifiers_));
    const int null = ground_.null_fd();
    TRY_STATUS(verifiers_.prepare());
    TRY_STATUS(start_one(ProcessRole::host, {pairs.host_enclave.first.get(), pairs.ui_host.second.get()}, {}));
    TRY_STATUS(start_one(ProcessRole::ui,
                         {plan.ui_in, plan.ui_out, pairs.ui_enclave.first.get(), pairs.ui_host.first.get(),
                          or_null(plan.control_socket, null)},
                         {}));
    const bool devices = plan.audio.input == ipc::AudioSource::device || plan.audio.output == ipc::AudioSource::device;
    const auto sound = devices ? std::optional(SoundAccess{.pulse_socket = plan.pulse_socket}) : std::nullopt;
    TRY_STATUS(start_one(ProcessRole::audio,
                         {pairs.enclave_audio.second.get(), or_null(plan.wav_in, null), or_null(plan.wav_out, null)},
                         sound));
    std::vector<int> enclave{pairs.host_enclave.second.get(), pairs.ui_enclave.second.get(),
                             pairs.enclave_audio.first.get(), ground_.tpm().fd(), or_null(plan.audit_log, null)};
    for (const UniqueFd& slot : pairs.verifier_slots) enclave.push_back(slot.get());
    bundle_seen_ = FileVersion::of(plan.bundle.get());
    enclave.push_back(or_null(plan.bundle, null));
    for (const UniqueFd* log : {&plan.boot_log, &plan.runtime_log, &plan.vault}) enclave.push_back(or_null(*log, null));
    TRY_STATUS(start_one(ProcessRole::enclave, std::move(enclave), {}));
    ground_.tpm().close_own_end();
    plan.control_socket.reset();
    plan.wav_in.reset();
    plan.wav_out.reset();
    for (UniqueFd* file : {&plan.audit_log, &plan.bundle, &plan.boot_log, &plan.runtime_log, &plan.vault})
        file->reset();
    return {};
}

Status Phone::configure(PhonePlan& plan) {
    plan.enclave.tpm = ground_.software_tpm() ? ipc::TpmKind::swtpm_socket : ipc::TpmKind::device;
    plan.enclave.software_tpm = ground_.software_tpm();
    plan.enclave.measurement_pcr = plan.ground.measurement_pcr;
    TRY(plan.enclave.sealcall_log, BoundedBytes<8192>::from(ground_.log()));
    plan.enclave.wav_in = plan.audio.input == ipc::AudioSource::wav;
    plan.enclave.wav_out = plan.audio.output == ipc::AudioSource::wav;
    TRY_STATUS(find(ProcessRole::host)->configure(plan.host));
    TRY_STATUS(find(ProcessRole::ui)->configure(plan.ui));
    TRY_STATUS(find(ProcessRole::audio)->configure(plan.audio));
    return find(ProcessRole::enclave)->configure(plan.enclave);
}

Status Phone::wait_until_ready(Millis deadline) {
    const BootInstant until = BootClock::now() + deadline;
    while (!end_) {
        const auto ready = [](const RoleControl& r) { return r.state() == RoleControl::State::ready; };
        if (std::ranges::all_of(roles_, ready)) return {};
        if (BootClock::now() >= until) return Error{Errc::timeout, "roles", 0};
        poll_once(until);
    }
    return Error{Errc::unavailable, "roles", 0};
}

void Phone::catch_signals() {
    sigset_t ours;
    sigemptyset(&ours);
    for (int s : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ours, s);
    ::sigprocmask(SIG_BLOCK, &ours, &mask_before_);
    signals_ = UniqueFd(::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK));
}

// ui may be killed with the terminal in raw mode: put it back at the end.
void Phone::keep_terminal(const PhonePlan& plan) {
    termios now{};
    if (plan.ui.mode != ipc::UiMode::terminal || ::tcgetattr(plan.ui_in, &now) != 0) return;
    terminal_ = now;
    terminal_fd_ = plan.ui_in;
}

}  // namespace sealcall::launcher
