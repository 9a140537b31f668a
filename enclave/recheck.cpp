#include "enclave/recheck.h"

#include <openssl/rand.h>

namespace sealcall::enclave {

namespace {

using rats::Level;
using rats::Reason;

void lower(rats::AttestationResult& result, Level level, Reason why) {
    result.level = std::min(result.level, level);
    if (level == Level::failed) result.reasons = {};
    (void)result.reasons.push(why);  // full: the level says it all the same
}

}  // namespace

void Recheck::start(BootInstant now) {
    started_ = true;
    asked_at_ = now;
    next_ask_ = now + (renewed_ ? times_.gap : times_.every);
    next_quote_ = now + times_.gap;
}

void Recheck::soon(BootInstant now) {
    if (started_ && !open()) next_ask_ = std::min(next_ask_, std::max(now, asked_at_ + times_.gap));
}

void Recheck::renew(Millis every, BootInstant now) {
    times_.every = every;
    renewed_ = true;
    soon(now);
}

std::optional<rats::Reattest> Recheck::ask(BootInstant now) {
    // Rounds never wrap: a number that was used is never used again in this channel.
    if (!started_ || open() || now < next_ask_ || asked_.round == UINT16_MAX) return {};
    ++asked_.round;
    CHECK(RAND_bytes(as_u8(asked_.nonce.data()), static_cast<int>(asked_.nonce.size())) == 1);
    our_state_ = Ours::asked;
    told_ = Lateness::none;
    renewed_ = false;
    asked_at_ = late_from_ = now;
    next_ask_ = BootInstant::max();
    return asked_;
}

Result<uint16_t> Recheck::answered() {
    if (our_state_ != Ours::asked) return Error{Errc::wrong_state, "Evidence that nobody asked for", asked_.round};
    our_state_ = Ours::judging;
    return asked_.round;
}

void Recheck::concluded(BootInstant now) {
    CHECK(our_state_ == Ours::judging);
    our_state_ = Ours::idle;
    next_ask_ = std::max(renewed_ ? now : now + times_.every, asked_at_ + times_.gap);
}

Lateness Recheck::newly_late(BootInstant now) {
    if (!open()) return Lateness::none;
    const Lateness late = now >= late_from_ + times_.silent    ? Lateness::silent
                          : now >= late_from_ + times_.overdue ? Lateness::overdue
                                                               : Lateness::none;
    if (late <= told_) return Lateness::none;
    told_ = late;
    return late;
}

void Recheck::slept(BootInstant now) {
    if (open())
        late_from_ = now;
    else
        soon(now);
}

Status Recheck::on_reattest(const rats::Reattest& question) {
    if (!started_ || their_state_ != Theirs::idle)
        return Error{Errc::wrong_state, "asked again too early", question.round};
    if (theirs_.round == UINT16_MAX || question.round != theirs_.round + 1)
        return Error{Errc::bad_value, "round", question.round};
    if (question.nonce == Digest{} || question.nonce == theirs_.nonce)
        return Error{Errc::bad_value, "nonce", question.round};
    if (question.nonce == asked_.nonce) return Error{Errc::reflected, "our own question came back", question.round};
    theirs_ = question;
    their_state_ = Theirs::asked;
    return {};
}

std::optional<rats::Reattest> Recheck::quote(BootInstant now) {
    if (their_state_ != Theirs::asked || now < next_quote_) return {};
    their_state_ = Theirs::quoting;
    return theirs_;
}

void Recheck::quoted(BootInstant now) {
    CHECK(their_state_ == Theirs::quoting);
    their_state_ = Theirs::answered;
    next_quote_ = now + times_.gap;
}

void Recheck::not_quoted(BootInstant now) {
    CHECK(their_state_ == Theirs::quoting);
    their_state_ = Theirs::asked;
    next_quote_ = now + times_.gap;
}

Status Recheck::on_verdict(uint16_t round) {
    if (their_state_ != Theirs::answered) return Error{Errc::wrong_state, "Verdict out of turn", round};
    if (round != theirs_.round) return Error{Errc::bad_value, "round", round};
    their_state_ = Theirs::idle;
    return {};
}

BootInstant Recheck::next_deadline() const {
    BootInstant next = next_ask_;
    if (open() && told_ != Lateness::silent)
        next = std::min(next, late_from_ + (told_ == Lateness::none ? times_.overdue : times_.silent));
    if (their_state_ == Theirs::asked) next = std::min(next, next_quote_);
    return next;
}

void lower_unless_continuous(rats::AttestationResult& result, const Shown& before, const Shown& now,
                             BootInstant asked) {
    if (result.level == Level::failed) return;
    if (now.attestation_key != before.attestation_key)
        return lower(result, Level::failed, Reason::key_not_in_quoted_tpm);
    if (Status s = attestation::clock_continues(before.clock, now.clock); !s)
        return lower(result, Level::failed, s.error().detail == 1 ? Reason::tpm_was_reset : Reason::tpm_clock_unsafe);
    const Millis ours = std::chrono::duration_cast<Millis>(asked - before.at);
    const auto theirs = static_cast<int64_t>(std::min<uint64_t>(now.clock.clock - before.clock.clock, INT64_MAX));
    if (theirs < ours.count() / 2) lower(result, Level::unverified, Reason::tpm_clock_unsafe);
}

}  // namespace sealcall::enclave
