// Where a session meets the policies: what is asked of them, and what their answer means for its person.
#include "enclave/session.h"

namespace sealcall::enclave {

policy::CallContext Session::about() const {
    policy::CallContext c{.direction = call_.direction, .ordinary = call_.ordinary};
    c.peer = channel_ ? channel_->peer().uri : caller() ? call_.dialled_uri : call_.hearsay_from;
    c.known_to_attest = memory_ == rats::Reason::downgrade;
    c.downgrade = memory_ == rats::Reason::new_key || memory_ == rats::Reason::lower_level;
    c.known_person = known_person_;  // by the contacts: to have called once makes nobody known
    if (channel_) c.authority = channel_->peer().authority;
    c.result_by = result_by_;
    c.label = call_.label;
    c.wall_ms = wall_ms();
    c.evidence_age_ms = c.wall_ms - std::min(c.wall_ms, theirs_at_ms_);
    return c;
}

void Session::decide() {
    decision_ = context_.decide(theirs_, about(), memory_, consent_);
    on_worse_ = std::max(on_worse_, decision_->on_worse);
    if (!media_ || may_speak()) return;
    microphone_ = false;  // held or not: who resumes does not speak
    media_->set_microphone(false);
}

bool Session::may_speak() const { return decision_ && decision_->action > policy::Action::receive_only; }

/// Why a session ends that the policy refuses.
ipc::EndReason Session::refusal() const {
    if (theirs_.level == rats::Level::failed) return ipc::EndReason::peer_failed_attestation;
    if (memory_ != rats::Reason::none) return ipc::EndReason::downgrade;
    return call_.ordinary ? ipc::EndReason::peer_is_ordinary : ipc::EndReason::peer_not_acceptable;
}

/// What the policy took away comes back by the person's hand alone, and only while the policy accepts the other side.
bool Session::refused_now() {
    if (waits_for_pin()) return ask_pin(), true;
    if (!decision_ || decision_->action != policy::Action::refuse) return false;
    context_.to_ui(ipc::Notice{
        .kind = ipc::NoticeKind::dropped_messages,
        .text = BoundedString<512>("Not done: at this level the policy refuses the other phone. Check it again, or "
                                   "hang up.")});
    return true;
}

void Session::policy_changed() {
    if (state_ == SessionState::ended) return;
    recheck_.renew(context_.recheck.every, BootClock::now());
    decide_anew(
        "A newer policy of the administrator decided anew about a call that is going on; its card shows the "
        "outcome.");
}

void Session::decide_anew(std::string_view notice) {
    if (state_ == SessionState::ended || !decision_) return;
    const policy::Decision before = *decision_;
    const rats::AttestationResult theirs_before = theirs_;
    const attestation::ReferenceSet* set = context_.bundle.references();
    if (channel_ && set != nullptr && set->revoked(channel_->peer().spki)) {
        theirs_.level = rats::Level::failed;
        (void)theirs_.reasons.push(rats::Reason::attestation_key_revoked);
    }
    decide();
    if (*decision_ == before) return;
    const ipc::OnFall done = consequence(theirs_before, before.action);
    context_.record(audit::Record("policy_changed")
                        .call(call_.id)
                        .number("action_before", static_cast<uint64_t>(before.action))
                        .number("action", static_cast<uint64_t>(decision_->action))
                        .number("rule", decision_->number)
                        .text("done", kOnFallNames[static_cast<size_t>(done)]));
    show_card();
    context_.to_ui(ipc::Notice{.kind = ipc::NoticeKind::policy, .text = BoundedString<512>(notice)});
    carry_out(done);
    follow_decision();
}

}  // namespace sealcall::enclave
