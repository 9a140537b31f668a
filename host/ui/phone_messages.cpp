// What the messages of the other processes do to the phone on the screen, and what goes out to them (phone_ui.h).
#include <algorithm>

#include "host/ui/json_write.h"
#include "host/ui/names.h"
#include "host/ui/phone_ui.h"
#include "host/ui/words.h"

namespace sealcall::ui {

template <class M>
Status PhoneUi::take(ByteSpan bytes) {
    TRY(M m, ipc::decode_message<M>(bytes));
    on(m);
    return {};
}

/// To whoever listens, in the form they chose.
void PhoneUi::tell_both(std::string_view json, std::string_view plain) {
    if (config_.mode == ipc::UiMode::json) output_.line(json);
    if (config_.mode == ipc::UiMode::lines && !plain.empty()) output_.line(plain);
    control_.publish(json);
}

template <class M>
void PhoneUi::tell(const M& m) {
    const bool wants_plain = config_.mode == ipc::UiMode::lines;
    tell_both(json_event(m, Stamp::now()), wants_plain ? plain_event(m, look()) : std::string());
}

void PhoneUi::say(std::string text) { screen_.say(printable(text, look().charset)); }

Status PhoneUi::from_launcher(uint16_t id, ByteSpan m) {
    switch (id) {
        case ipc::ConfigureUi::kId:
            if (configured_) break;
            return take<ipc::ConfigureUi>(m);
        case ipc::Start::kId:
            if (!configured_ || started_) break;
            return take<ipc::Start>(m);
        case ipc::Shutdown::kId:
            return take<ipc::Shutdown>(m);
        case ipc::ProcessReport::kId:
            return take<ipc::ProcessReport>(m);
        case ipc::ProcessReportEnd::kId:
            return take<ipc::ProcessReportEnd>(m);
        default:
            return Error{Errc::unknown_message, "from the launcher", id};
    }
    return Error{Errc::wrong_state, "from the launcher", id};
}

Status PhoneUi::from_enclave(uint16_t id, ByteSpan m) {
    if (!configured_) return Error{Errc::wrong_state, "from the enclave", id};
    switch (id) {
        case ipc::CallCard::kId:
            return take<ipc::CallCard>(m);
        case ipc::CallPhase::kId:
            return take<ipc::CallPhase>(m);
        case ipc::CallStateChanged::kId:
            return take<ipc::CallStateChanged>(m);
        case ipc::KeyLife::kId:
            return take<ipc::KeyLife>(m);
        case ipc::MediaStats::kId:
            return take<ipc::MediaStats>(m);
        case ipc::Rechecked::kId:
            return take<ipc::Rechecked>(m);
        case ipc::Notice::kId:
            return take<ipc::Notice>(m);
        case ipc::EnclaveStatus::kId:
            return take<ipc::EnclaveStatus>(m);
        case ipc::DialReply::kId:
            return take<ipc::DialReply>(m);
        case ipc::LockState::kId:
            return take<ipc::LockState>(m);
        case ipc::AskConsent::kId:
            return take<ipc::AskConsent>(m);
        case ipc::PinReply::kId:
            return take<ipc::PinReply>(m);
        case ipc::VaultPage::kId:
            return on_contacts(m);
        default:
            return Error{Errc::unknown_message, "from the enclave", id};
    }
}

Status PhoneUi::from_host(uint16_t id, ByteSpan m) {
    if (id != ipc::HostState::kId) return Error{Errc::unknown_message, "from the host", id};
    return take<ipc::HostState>(m);
}

void PhoneUi::on(const ipc::ConfigureUi& m) {
    config_ = m;
    configured_ = true;
    script_ = Script(m);
}

void PhoneUi::on(const ipc::Start&) {
    started_ = true;
    ipc::Ready ready;
    if (config_.mode == ipc::UiMode::terminal) {
        auto terminal = is_terminal(fds_.in, fds_.out) ? Terminal::create(fds_.in, fds_.out)
                                                       : Result<Terminal>(Error{Errc::unavailable, "no terminal", 0});
        if (terminal) {
            terminal_.emplace(std::move(*terminal));
        } else {
            ready.ok = false;
            ready.problem =
                BoundedString<256>("There is no terminal to show the phone on. Start it in one, or ask for --json.");
        }
    }
    if (Status s = launcher_.link.send(ready); !s) return peer_failed(launcher_, s.error());
    if (!ready.ok) return;
    tell_both(json_ready(config_, Stamp::now()), "");
    if (phone_.host()) tell(*phone_.host());
    script_.started(Stamp::now().boot_us);
    ask_enclave_status();
}

void PhoneUi::on(const ipc::Shutdown&) { done_ = true; }

void PhoneUi::on(const ipc::CallCard& m) {
    phone_.apply(m);
    tell(m);
}
void PhoneUi::on(const ipc::CallPhase& m) {
    phone_.apply(m);
    tell(m);
}
void PhoneUi::on(const ipc::CallStateChanged& m) {
    phone_.apply(m, Stamp::now().boot_us);
    tell(m);
    if (m.state == ipc::CallState::ended && m.reason == ipc::EndReason::own_tpm_refused)
        say(std::string(sentence_of(m.reason)).append(" ").append(next_step_of(m.reason)));
    if (m.state != ipc::CallState::ended) return;
    keep(m);
    ask_enclave_status();
}
void PhoneUi::on(const ipc::KeyLife& m) {
    phone_.apply(m);
    tell(m);
}
void PhoneUi::on(const ipc::MediaStats& m) {
    phone_.apply(m);
    tell(m);
}
void PhoneUi::on(const ipc::Rechecked& m) {
    tell(m);
    if (m.outcome == ipc::RecheckOutcome::as_before) return;  // the age on the call's line says it
    const Call* call = phone_.find(m.call);
    say(recheck_sentence(m, call != nullptr ? short_name(*call, look()) : "The other phone", look()));
}
void PhoneUi::on(const ipc::Notice& m) {
    tell(m);
    say(plain_event(m, look()));
    // Other news of the vault are no answer to `lock`.
    if (m.kind == ipc::NoticeKind::vault && m.text.view().starts_with("Not locked")) {
        std::string_view why = m.text.view();
        if (why.ends_with('.')) why.remove_suffix(1);
        finish_locks(why);
    }
}

void PhoneUi::on(const ipc::EnclaveStatus& m) {
    phone_.apply(m);
    for (PendingStatus& p : statuses_)
        if (p.request == m.request) p.enclave = m;
    tell(m);
    finish_ready_statuses();
}

void PhoneUi::on(const ipc::HostState& m) {
    phone_.apply(m);
    if (started_) tell(m);  // the host may be ready before this process knows how to tell; then the start tells it
}

void PhoneUi::on(const ipc::DialReply& m) {
    const auto at = std::ranges::find(dials_, m.request, &PendingDial::request);
    if (at == dials_.end()) return;  // it came after its deadline
    const PendingDial p = *at;
    dials_.erase(at);
    if (m.call.value != 0) phone_.dialled(m.call, p.uri, p.label);
    if (p.by == By::script) script_.dial_reply(m);
    const std::string plain = plain_dial(m, p.uri, look());
    tell_both(json_dial(m, p.uri, p.label, p.by, Stamp::now()), plain);
    if (m.call.value == 0) say(plain);
    if (!p.client) return;
    if (m.call.value != 0) {
        control_.send(*p.client, rpc_result(p.id, JsonObject().number("call", m.call.value).take()));
    } else {
        const std::string data =
            JsonObject().text("reason", name_of(m.reason)).text("next", next_step_of(m.reason)).take();
        control_.send(*p.client, rpc_error(p.id, RpcCode::refused, sentence_of(m.reason), data));
    }
}

void PhoneUi::on(const ipc::LockState& m) {
    lock_known_ = true;
    phone_.apply(m);
    screen_.lock_state(m);
    tell(m);
    if (m.locked) finish_locks("");
    if (!m.pin_set) finish_locks("this phone has no PIN to lock with");
    keep_past();
    if (!m.locked && !phone_.contacts().whole()) ask_contacts();
}

void PhoneUi::ask_contacts() {
    ++pages_owed_;
    if (Status s =
            enclave_.link.send(ipc::VaultRead{.kind = ipc::VaultKind::contact, .from = phone_.contacts().next()});
        !s)
        peer_failed(enclave_, s.error());
}

/// Its bytes are overwritten where they came in: a locked phone knows nobody.
Status PhoneUi::on_contacts(ByteSpan m) {
    if (pages_owed_ == 0) return Error{Errc::wrong_state, "contacts", 0};
    Status s;
    // Of before the lock: what was asked for last is still to come.
    if (--pages_owed_ == 0 && !phone_.locked()) {
        s = phone_.add_contacts(m.subspan(sizeof(uint16_t)));
        if (s && !phone_.contacts().whole()) ask_contacts();
    }
    wipe(buffer_->data(), m.size());
    return s;
}

void PhoneUi::on(const ipc::AskConsent& m) {
    screen_.ask(m);
    tell(m);
}

void PhoneUi::on(const ipc::PinReply& m) {
    tell(m);
    if (m.request == pin_request_) screen_.pin_reply(m, pin_question_);
}

void PhoneUi::enter(WantsPin m) {
    pin_request_ = RequestId{++last_request_};
    pin_question_ = m.question;
    const Status s = enclave_.link.send_and_wipe(
        ipc::encode_secret(ipc::EnterPin{.request = pin_request_, .question = m.question, .pin = std::move(m.pin)}));
    if (s) return;
    if (s.error().code != Errc::would_block) return peer_failed(enclave_, s.error());
    screen_.pin_not_sent();
}

void PhoneUi::lock() {
    if (Status s = enclave_.link.send(ipc::LockPhone{}); !s) peer_failed(enclave_, s.error());
}

/// What rang here, or was dialled here, goes into the history.
void PhoneUi::keep(const ipc::CallStateChanged& end) {
    const Call* call = phone_.find(end.call);
    if (call == nullptr) return;
    const bool rang = call->phases[static_cast<size_t>(ipc::Phase::ringing)] != 0;
    const bool incoming = call->direction == policy::Direction::incoming;
    if (incoming && !rang) return;
    if (past_.size() < kPendingMax)
        past_.push_back({{.kind = ipc::VaultKind::call,
                          .name = incoming || call->name_proven() ? call->card.peer_uri : call->card.dialled_uri,
                          .body = BoundedBytes<kPastCallMax>(as_bytes(json_past_call(*call, Stamp::now())))}});
    keep_past();
}

void PhoneUi::keep_past() {
    if (screen_.locked()) return;
    for (const ipc::KeepCall& m : std::exchange(past_, {}))
        if (Status s = enclave_.link.send(m); !s) return peer_failed(enclave_, s.error());
}

/// A key is the person's; the control socket and scripts are not.
static policy::AnsweredBy answers_as(By by) {
    return by == By::person ? policy::AnsweredBy::person : policy::AnsweredBy::script;
}

void PhoneUi::act(const Action& action, By by) {
    // What the person hears next is this call: the other one waits.
    const Call* talking = phone_.current();
    const bool answers = action.verb == Verb::answer || action.verb == Verb::answer_listening;
    if (answers && talking != nullptr && talking->id != action.call && allowed(*talking).hold)
        act(Action{Verb::hold, talking->id}, by);
    if (Status s = enclave_.link.send_bytes(encode_action(action, answers_as(by))); !s)
        return peer_failed(enclave_, s.error());
    tell_both(json_command(name_of(action.verb), action.call, by, Stamp::now()), "");
}

bool PhoneUi::dial(std::string_view uri, std::string_view label, By by, std::optional<ClientId> client,
                   const RpcScalar& id) {
    if (dials_.size() >= kPendingMax || !enclave_.link.open()) return false;
    const RequestId request{++last_request_};
    const ipc::Dial m{.request = request, .uri = BoundedString<256>::cut(uri), .label = BoundedString<64>::cut(label)};
    dials_.push_back({.client = client,
                      .id = id,
                      .request = request,
                      .deadline_us = Stamp::now().boot_us + kDialWaitUs,
                      .uri = m.uri.str(),
                      .label = m.label.str(),
                      .by = by});
    if (Status s = enclave_.link.send(m); !s) {
        peer_failed(enclave_, s.error());
        return false;
    }
    return true;
}

void PhoneUi::ask_enclave_status() {
    if (!enclave_.link.open()) return;
    if (Status s = enclave_.link.send(ipc::QueryStatus{.request = RequestId{++last_request_}}); !s)
        peer_failed(enclave_, s.error());
}

void PhoneUi::dial_typed(std::string_view typed) {
    const Callee callee = find_callee(typed, phone_);
    if (callee.uri.empty()) return say(callee.problem);
    dial(callee.uri, "", By::person, std::nullopt, {});
}

void PhoneUi::dial_by_script() {
    const bool known = phone_.contacts().whole() || (lock_known_ && phone_.locked());
    dial_waits_ = !known && !is_address(config_.dial.view());
    if (dial_waits_) return;  // until the contacts are there, or the script gives up
    const Callee callee = find_callee(config_.dial.view(), phone_);
    if (!callee.uri.empty()) {
        dial(callee.uri, config_.label.view(), By::script, std::nullopt, {});
        return;
    }
    const ipc::DialReply nobody{.request = {}, .call = {}, .reason = callee.reason};
    script_.dial_reply(nobody);
    tell_both(json_dial(nobody, config_.dial.view(), config_.label.view(), By::script, Stamp::now()),
              printable(callee.problem, look().charset));
    say(callee.problem);
}

void PhoneUi::run_script() {
    if (!started_ || quit_us_ != 0 || done_) return;
    if (dial_waits_) dial_by_script();
    if (terminal_ && (!lock_known_ || screen_.locked())) return;  // the person is asked for the PIN first
    for (const Step& step : script_.run(phone_, Stamp::now().boot_us)) {
        switch (step.kind) {
            case Step::Kind::dial:
                dial_by_script();
                break;
            case Step::Kind::act:
                act(step.action, By::script);
                break;
            case Step::Kind::finish:
                quit(step.status, step.reason, sentence_of(step.reason));
                break;
        }
    }
}

void PhoneUi::quit(ExitStatus status, ipc::EndReason reason, std::string_view sentence) {
    if (quit_us_ != 0) return;
    quit_us_ = Stamp::now().boot_us;
    tell_both(json_exit(status, reason, sentence, Stamp::now()), "");
    if (Status s = launcher_.link.send(ipc::QuitPhone{.exit_status = static_cast<uint8_t>(status)}); !s)
        peer_failed(launcher_, s.error());
}

/// q, Ctrl-C, a signal, or nobody looks any more. The enclave ends its calls when the launcher shuts it down.
void PhoneUi::quit_by_person() {
    const Call* call = phone_.find(script_.call());
    const auto status = !script_.dials()
                            ? ExitStatus::ok
                            : exit_status_of(ipc::EndReason::hung_up_here, call != nullptr && call->reached_media);
    quit(status, ipc::EndReason::hung_up_here, "");
}

}  // namespace sealcall::ui
