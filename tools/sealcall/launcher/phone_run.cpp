// Phone, second half: watching the roles, and ending them.
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "tools/sealcall/launcher/phone.h"
#include "tools/sealcall/launcher/process_report.h"

namespace sealcall::launcher {
namespace {

using ipc::ProcessRole;

constexpr Millis kEnclaveEnds{6000};  // hangs up, destroys its secrets, shuts the TPM down
constexpr Millis kOthersEnd{2000};    // kLeaveWithinMs of host/main.cpp is less
constexpr Millis kHurried{300};
constexpr Millis kTpmEnds{2000};
constexpr Millis kCauseIsSeen{500};
constexpr Millis kLongestPoll{60'000};

}  // namespace

Phone::~Phone() {
    shut_down();
    if (terminal_) {
        // We may be in the background by now; then the terminal is not ours to set, and must not stop us.
        const auto before = ::signal(SIGTTOU, SIG_IGN);
        (void)::tcsetattr(terminal_fd_, TCSANOW, &*terminal_);
        (void)::signal(SIGTTOU, before);
    }
    if (signals_.valid()) ::sigprocmask(SIG_SETMASK, &mask_before_, nullptr);
}

PhoneEnd Phone::run(const PhoneCallbacks& callbacks) {
    callbacks_ = &callbacks;
    all_ready_ = true;
    while (!end_) poll_once(std::nullopt);
    shut_down();
    callbacks_ = nullptr;
    return *end_;
}

void Phone::poll_once(std::optional<BootInstant> until) {
    std::vector<pollfd> set{{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                            {.fd = ground_.tpm().process().fd(), .events = POLLIN, .revents = 0}};
    for (RoleControl& r : roles_) {
        if (listens_to(r)) set.push_back({.fd = r.link().fd(), .events = r.link().events(), .revents = 0});
        set.push_back({.fd = r.child().fd(), .events = POLLIN, .revents = 0});
    }
    if (!ending_) verifiers_.poll_set(set);
    const BootInstant now = BootClock::now();
    BootInstant wake = now + kLongestPoll;
    if (until) wake = std::min(wake, *until);
    if (callbacks_ != nullptr && callbacks_->open_bundle && !ending_)
        wake = std::min(wake, std::max(bundle_next_look_, now));
    if (auto d = verifiers_.next_deadline(); d && !ending_) wake = std::min(wake, *d);
    const auto wait = std::max<int64_t>(0, std::chrono::ceil<Millis>(wake - now).count());
    if (::poll(set.data(), set.size(), static_cast<int>(wait)) < 0 && errno != EINTR) CHECK(errno == ENOMEM);
    take_signal();
    for (RoleControl& r : roles_)
        if (listens_to(r)) take_messages(r);
    if (!ending_) verifiers_.handle(BootClock::now());
    if (!ending_) notice_bundle();
    take_ends();
}

bool Phone::listens_to(const RoleControl& role) const {
    return role.link().open() && (all_ready_ || role.state() != RoleControl::State::ready);
}

void Phone::take_signal() {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) return;
    if (ending_) hurried_ = true;
    end_with(kExitSignalled + static_cast<int>(info.ssi_signo), "");
}

void Phone::take_messages(RoleControl& role) {
    while (role.link().open()) {
        (void)role.link().flush();
        auto message = role.receive(buffer_);
        if (message && !*message) return;
        if (message) {
            take_message(role, **message);
            continue;
        }
        if (message.error().code == Errc::closed) {
            role.link().close();  // its end is told by the process itself
            return;
        }
        if (message.error().code == Errc::unavailable) {
            end_with(kExitRoleLost, role.problem().empty()
                                        ? std::string("sealcall-") + name_of(role.role()) + " is not ready."
                                        : role.problem());
            return;
        }
        lose(role, "sent a message that it must not send (" + technical(message.error()) + ")");
    }
}

// The few messages that a role may send to the launcher once it is ready.
void Phone::take_message(RoleControl& role, ByteSpan message) {
    const auto id = ipc::message_id(message);
    const bool ready = role.state() == RoleControl::State::ready;
    if (id && ready && role.role() == ProcessRole::ui && *id == ipc::QuitPhone::kId) {
        if (auto m = ipc::decode_message<ipc::QuitPhone>(message)) return end_with(m->exit_status, "");
    }
    if (id && ready && role.role() == ProcessRole::ui && *id == ipc::QueryProcesses::kId) {
        if (auto m = ipc::decode_message<ipc::QueryProcesses>(message)) return answer_processes(role, m->request);
    }
    lose(role, "sent a message that it must not send (number " + std::to_string(id ? *id : 0) + ")");
}

void Phone::take_ends() {
    for (RoleControl& r : roles_) {
        if (r.state() == RoleControl::State::gone) continue;
        const auto end = r.child().ended();
        if (!end) continue;
        log(std::string("event=role_ended role=") + name_of(r.role()) + " how=\"" + describe(*end) + "\"");
        r.set_gone();
        r.link().close();
        if (!ending_)
            end_with(kExitRoleLost,
                     std::string("This phone ended: its part '") + name_of(r.role()) + "' " + describe(*end) + ".");
        else if (!end->well() && end_ && end_->exit_status == 0)
            end_ = PhoneEnd{.exit_status = kExitRoleLost,
                            .sentence = std::string("The phone's part '") + name_of(r.role()) + "' " + describe(*end) +
                                        " while the phone was ending."};
    }
    const auto tpm_end = ground_.tpm().process().ended();
    if (!tpm_end || ending_) return;
    // A software TPM ends when the enclave does, and its end may be seen first: tell the cause, not the effect.
    if (const RoleControl* enclave = find(ProcessRole::enclave);
        enclave != nullptr && enclave->state() != RoleControl::State::gone) {
        pollfd cause{.fd = enclave->child().fd(), .events = POLLIN, .revents = 0};
        if (::poll(&cause, 1, static_cast<int>(kCauseIsSeen.count())) == 1) return take_ends();
    }
    end_with(kExitRoleLost, "This phone ended: the software TPM " + describe(*tpm_end) + ".");
}

std::vector<ipc::ProcessReport> Phone::reports(RequestId request) const {
    std::vector<ipc::ProcessReport> out;
    out.push_back(read_process(
        {.role = ProcessRole::launcher, .pid = ::getpid(), .landlock = false, .ready = true, .executable = {}},
        request));
    for (const RoleControl& r : roles_) {
        if (!r.child().running()) continue;
        out.push_back(read_process({.role = r.role(),
                                    .pid = r.child().pid(),
                                    .landlock = r.landlock_abi() > 0,
                                    .ready = r.state() == RoleControl::State::ready,
                                    .executable = r.measured()},
                                   request));
    }
    if (const Child* v = verifiers_.any_process(); v != nullptr)
        out.push_back(read_process({.role = ProcessRole::verifier,
                                    .pid = v->pid(),
                                    .landlock = roles_.front().landlock_abi() > 0,
                                    .ready = true,
                                    .executable = ground_.prepared(ProcessRole::verifier).digest},
                                   request));
    return out;
}

void Phone::answer_processes(RoleControl& ui, RequestId request) {
    for (const auto& report : reports(request)) (void)ui.link().send(report);
    (void)ui.link().send(ipc::ProcessReportEnd{.request = request});
}

// A role that breaks the protocol is ended, and with it the phone: what it did before cannot be relied upon.
void Phone::lose(RoleControl& role, const std::string& how) {
    log(std::string("event=role_broke_rules role=") + name_of(role.role()) + " how=\"" + how + "\"");
    role.child().kill();
    role.set_gone();
    role.link().close();
    end_with(kExitRoleLost, std::string("This phone ended: its part '") + name_of(role.role()) + "' " + how + ".");
}

// The first reason stands.
void Phone::end_with(int exit_status, std::string sentence) {
    if (!end_) end_ = PhoneEnd{.exit_status = exit_status, .sentence = std::move(sentence)};
}

void Phone::shut_down() {
    if (ending_) return;
    ending_ = true;
    all_ready_ = true;
    constexpr ProcessRole kFirst[] = {ProcessRole::enclave};
    constexpr ProcessRole kThen[] = {ProcessRole::host, ProcessRole::audio, ProcessRole::ui};
    wait_for_ends(kFirst, kEnclaveEnds);
    verifiers_.stop();
    wait_for_ends(kThen, kOthersEnd);
    ground_.tpm().stop(kTpmEnds);
}

void Phone::ask_to_end(ProcessRole role) {
    RoleControl* r = find(role);
    if (r == nullptr || r->state() == RoleControl::State::gone || !r->link().open()) return;
    (void)r->link().send(ipc::Shutdown{});
}

void Phone::wait_for_ends(std::span<const ProcessRole> roles, Millis deadline) {
    for (ProcessRole role : roles) ask_to_end(role);
    // Whoever was told twice wants no delay, but the other side of a call is still told.
    const BootInstant begun = BootClock::now();
    const auto until = [&] { return begun + (hurried_ ? std::min(deadline, kHurried) : deadline); };
    const auto still_there = [this](ProcessRole role) {
        RoleControl* r = find(role);
        return r != nullptr && r->state() != RoleControl::State::gone;
    };
    while (BootClock::now() < until() && std::ranges::any_of(roles, still_there)) poll_once(until());
    for (ProcessRole role : roles) {
        if (!still_there(role)) continue;
        log(std::string("event=role_killed role=") + name_of(role) + " why=\"did not end in time\"");
        find(role)->child().kill();
        find(role)->set_gone();
        find(role)->link().close();
    }
}

RoleControl* Phone::find(ProcessRole role) {
    const auto it = std::ranges::find_if(roles_, [role](const RoleControl& r) { return r.role() == role; });
    return it == roles_.end() ? nullptr : &*it;
}

void Phone::log(const std::string& line) const {
    const std::string whole = line + "\n";
    (void)!::write(ground_.log_fd(), whole.data(), whole.size());
}

}  // namespace sealcall::launcher
