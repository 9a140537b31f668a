// What a session has from its person: memory of the peer out of the vault, consent by the PIN, and the lock.
#include "enclave/session.h"

namespace sealcall::enclave {

ipc::PeerKey Session::peer_key() const {
    return {.spki = channel_->peer().spki, .device = shown_instance_.value_or(shown_.attestation_key)};
}

/// What could not be checked, or failed, is refused anyway, and says nothing about before. While the vault is shut
/// nothing is known: it is asked again when the PIN came.
void Session::recall() {
    const vault::Content* vault = context_.vault.content();
    recalled_ = vault != nullptr;
    if (!recalled_ || (channel_ && theirs_.level <= rats::Level::unverified)) return;
    const std::string peer(about().peer);
    // Of the forks of a first call none is the one to measure the others by.
    if (!call_.met_before) call_.met_before = attested_before(*vault, peer);
    if (*call_.met_before) memory_ = channel_ ? compare(*vault, peer, peer_key(), theirs_) : rats::Reason::downgrade;
    if (memory_ == rats::Reason::none) return;
    (void)theirs_.reasons.push(memory_);
    if (!call_.told()) return;  // one of a flood
    context_.record(audit::Record("downgrade")
                        .call(call_.id)
                        .text("peer", peer)
                        .number("level", static_cast<uint64_t>(theirs_.level))
                        .numbers("reasons", std::array{memory_}));
}

void Session::remember() const {
    if (channel_ && recalled_ && decision_ && decision_->action > policy::Action::pin)
        context_.vault.remember_peer(channel_->peer().uri, peer_key(), theirs_);
}

// ---------------------------------------------------------------- consent

bool Session::waits_for_pin() const { return decision_ && decision_->action == policy::Action::pin; }

/// True: what comes next waits for the PIN.
bool Session::hold_for_pin() {
    if (!waits_for_pin()) return false;
    held_for_pin_ = true;
    ask_pin();
    return true;
}

void Session::ask_pin() {
    const Consent about_this{*decision_, theirs_};
    const auto answered = [find = context_.find, id = id_, about_this](bool granted) {
        Session* self = find(id);
        if (self == nullptr || self->state_ == SessionState::ended) return;
        if (granted) self->consent_ = about_this;
        self->pin_answered(granted);
    };
    show_card();
    context_.vault.ask(call_.id, about_this, memory_, about().peer, answered);
}

void Session::pin_answered(bool granted) {
    if (!granted) {  // in a talk the policy has already done what it does
        if (!answered_) end(ipc::EndReason::refused_by_policy, "no PIN was entered");
        return;
    }
    decide();
    remember();
    show_card();
    follow_decision();
}

/// After every decision but the first: asks for the PIN, or goes on with what waited for it.
void Session::follow_decision() {
    if (state_ == SessionState::ended) return;
    if (waits_for_pin()) return ask_pin();
    context_.vault.withdraw(call_.id);
    if (!std::exchange(held_for_pin_, false)) return;
    if (!caller()) return ring();
    send_verdict(0, Accepted::yes);
    both_agreed();
}

// ---------------------------------------------------------------- lock

bool Session::refused_by_lock() const {
    if (!context_.vault.locked()) return false;
    context_.to_ui(ipc::Notice{.kind = ipc::NoticeKind::vault,
                               .text = BoundedString<512>("Not done: this phone is locked. Enter the PIN first.")});
    return true;
}

void Session::lock_changed() {
    if (state_ == SessionState::ended) return;
    if (context_.vault.locked()) {
        held_by_lock_ = media_ && !media_->held_here();
        if (media_) return media_->suspended();
        return caller() ? end(ipc::EndReason::locked, "") : void();
    }
    if (!recalled_ && decision_) {
        recall();
        decide_anew(
            "The vault is open again: what this phone remembers of the other one changes what the policy says.");
        remember();
    }
    if (std::exchange(held_by_lock_, false)) set_hold(false);
}

}  // namespace sealcall::enclave
