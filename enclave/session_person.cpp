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
    if (vault == nullptr) return;
    recalled_ = true;
    const std::string peer(about().peer);
    known_person_ = is_contact(*vault, peer);
    if (channel_ && theirs_.level <= rats::Level::unverified) return;
    const auto is_peer = [&](const std::string& name) { return same_person(name, peer); };
    const bool first_met = std::ranges::any_of(call_.first_met, is_peer);
    const bool known = !first_met && attested_before(*vault, peer);
    if (!known && !first_met && channel_) call_.first_met.push_back(peer);  // once for each leg at most
    const rats::Reason before = memory_;
    if (before != rats::Reason::new_key && before != rats::Reason::downgrade)  // else it stays so in this call
        memory_ = !known     ? rats::Reason::none
                  : channel_ ? compare(*vault, peer, peer_key(), theirs_)
                             : rats::Reason::downgrade;
    if (memory_ == rats::Reason::none) return;
    if (std::ranges::count(theirs_.reasons.items(), memory_) == 0) (void)theirs_.reasons.push(memory_);
    if (memory_ == before || !call_.told()) return;  // known already, or one of a flood
    context_.record(audit::Record("downgrade")
                        .call(call_.id)
                        .text("peer", peer)
                        .number("level", static_cast<uint64_t>(theirs_.level))
                        .numbers("reasons", std::array{memory_}));
}

/// Once both sides agreed to talk and, called, the person answered: who knocks costs the TPM nothing.
void Session::remember() const {
    const bool agreed = state_ >= (caller() ? SessionState::decided : SessionState::answered) || consent_;
    if (channel_ && recalled_ && agreed && decision_ && decision_->action > policy::Action::pin)
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
    const Consent about_this{*decision_, theirs_, memory_};
    const auto answered = [find = context_.find, id = id_, about_this](bool granted) {
        Session* self = find(id);
        if (self == nullptr || self->state_ == SessionState::ended) return;
        if (granted) self->consent_ = about_this;
        self->pin_answered(granted);
    };
    show_card();
    context_.vault.ask({.call = call_.id, .session = id_}, about_this, about().peer, answered);
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
    context_.vault.withdraw({.call = call_.id, .session = id_});
    if (!std::exchange(held_for_pin_, false)) return;
    if (!caller()) return anchored_ ? ring_now() : ring();
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
        held_by_lock_ = held_by_lock_ || (media_ && !media_->held_here());
        if (media_) return media_->suspended();
        return caller() || answered_ ? end(ipc::EndReason::locked, "") : void();
    }
    if (decision_) {
        const rats::Reason before = memory_;
        recall();
        decide_anew(
            "The vault is open again: what this phone remembers of the other one changes what the policy says.");
        if (state_ == SessionState::ended) return;
        if (memory_ != before && waits_for_pin()) ask_pin();  // the same answer, for another reason
        remember();
    }
    // What the policy, a sleep or the person put on hold meanwhile stays so. The voice is whose it was.
    if (std::exchange(held_by_lock_, false) && media_ && !refused_now()) (void)media_->set_hold(false);
}

}  // namespace sealcall::enclave
