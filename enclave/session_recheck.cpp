// The rounds of attestation after the first: Session's part of them. The order and the times are Recheck's, the checks
// those of round 0 (session_attest.cpp). Media never waits for a round.
#include "attestation/binding.h"
#include "enclave/session.h"
#include "policy/decide.h"

namespace sealcall::enclave {

namespace {

constexpr std::array kOutcomes{"as_before",  "worse",       "overdue",   "unanswered",
                               "seen_worse", "own_changed", "own_failed"};

}  // namespace

/// The person asks. An ordinary phone has no channel in which it could answer.
void Session::recheck() {
    if (!channel_ || half_open()) {
        context_.to_ui(ipc::Notice{
            .kind = ipc::NoticeKind::dropped_messages,
            .text = BoundedString<512>("Not done: an ordinary phone cannot prove anything, so it cannot be checked.")});
        return;
    }
    if (recheck_.told() == Lateness::silent)  // still asked, still silent: no new question, but an answer to the person
        tell_recheck(recheck_.asked_round(), ipc::RecheckOutcome::unanswered, theirs_.level, theirs_.level,
                     ipc::OnFall::nothing);
    recheck_.soon(BootClock::now());
    recheck_tick(BootClock::now());
}

/// Whoever was killed or cut off says no goodbye: the peer is asked now, not when that is due.
void Session::peer_quiet() {
    if (channel_) recheck_.soon(BootClock::now());
}

void Session::recheck_tick(BootInstant now) {
    if (state_ == SessionState::ended) return;
    if (auto question = recheck_.ask(now)) send_frame(rats::FrameType::reattest, ipc::encode(*question));
    if (state_ == SessionState::ended) return;
    if (auto question = recheck_.quote(now)) answer_round(*question);
    if (state_ == SessionState::ended) return;
    if (Lateness how = recheck_.newly_late(now); how != Lateness::none) late(how);
}

// ---------------------------------------------------------------- the peer asks

Status Session::on_reattest(ByteSpan body) {
    TRY(auto question, ipc::decode<rats::Reattest>(body));
    TRY_STATUS(recheck_.on_reattest(question));
    recheck_tick(BootClock::now());
    return {};
}

void Session::answer_round(const rats::Reattest& question) {
    const Attester* attester = context_.attester;
    context_.on_tpm<Result<OwnEvidence>>(
        tpm::Urgency::keep_alive, id_,
        [attester, input = binding(role_, question.round), domain = std::string(peer_domain())](tpm::Tpm& t) {
            return attester->make(t, input, domain);
        },
        [](Session& self, Result<OwnEvidence> own) { self.round_evidence_ready(std::move(own)); });
}

void Session::round_evidence_ready(Result<OwnEvidence> own) {
    if (state_ == SessionState::ended) return;
    if (!own) {
        // Nothing is sent: the peer sees that we were not checked again. We try once more later, in case the TPM was
        // only busy.
        recheck_.not_quoted(BootClock::now());
        context_.record(audit::Record("recheck_not_answered")
                            .call(call_.id)
                            .text("why", own.error().what)
                            .number("tpm_rc", own.error().detail));
        if (!std::exchange(own_failure_told_, true))
            tell_recheck(recheck_.their_round(), ipc::RecheckOutcome::own_failed, {}, {}, ipc::OnFall::nothing);
        return;
    }
    own_failure_told_ = false;
    own_evidence_ = std::move(*own);
    log_requests_ = 0;
    notice_own_change(own_evidence_.evidence);
    if (own_hello_.evidence_offered == rats::EvidenceKind::passport) return ask_passport(recheck_.their_round());
    recheck_.quoted(BootClock::now());
    send_frame(rats::FrameType::evidence, ipc::encode(own_evidence_.evidence));
}

/// Our own person hears it from us, not from the other side, when this computer's measurement moved during a call.
void Session::notice_own_change(const rats::Evidence& evidence) {
    for (const auto& value : evidence.pcrs) {
        if (value.pcr != context_.config.measurement_pcr) continue;
        const bool changed = own_measurement_ && *own_measurement_ != value.value;
        own_measurement_ = value.value;
        if (!changed) continue;
        context_.record(audit::Record("own_measurement_changed").call(call_.id));
        tell_recheck(recheck_.their_round(), ipc::RecheckOutcome::own_changed, {}, {}, ipc::OnFall::nothing);
    }
}

Status Session::on_round_verdict(ByteSpan body) {
    TRY(auto verdict, ipc::decode<rats::Verdict>(body));
    TRY_STATUS(recheck_.on_verdict(verdict.round));
    const rats::Verdict before = peer_verdict_.value_or(rats::Verdict{});
    take_verdict(verdict);
    if (verdict.level < before.level)
        tell_recheck(verdict.round, ipc::RecheckOutcome::seen_worse, before.level, verdict.level, ipc::OnFall::nothing);
    if (state_ != SessionState::ended && (verdict.level != before.level || verdict.lab != before.lab)) show_card();
    return {};
}

// ---------------------------------------------------------------- the peer answers

/// What must not change from round to round, on top of the checks of every round.
void Session::continue_from_before(const rats::Evidence& evidence, attestation::Appraised& ceiling, uint16_t round) {
    if (ceiling.result.level <= rats::Level::unverified) return;
    auto body = ipc::decode<rats::EvidenceBody>(evidence.body.view());
    CHECK(body);  // it has just been checked
    const Shown now{
        .attestation_key = attestation::sha256(body->ak_public.view()), .clock = ceiling.clock, .at = BootClock::now()};
    if (round > 0) lower_unless_continuous(ceiling.result, shown_, now, recheck_.asked_at());
    shown_ = now;
}

void Session::rechecked(rats::AttestationResult result) {
    recheck_.concluded(BootClock::now());
    const bool worse = policy::worse(result, theirs_);
    theirs_at_ms_ = wall_ms();
    settle(std::move(result), worse ? ipc::RecheckOutcome::worse : ipc::RecheckOutcome::as_before);
}

/// Silence is never success.
void Session::late(Lateness how) {
    rats::AttestationResult result = theirs_;
    if (how == Lateness::silent) {
        result.level = std::min(result.level, rats::Level::unverified);
        result.reasons = {};
    }
    if (std::ranges::count(result.reasons.items(), rats::Reason::not_rechecked) == 0)
        (void)result.reasons.push(rats::Reason::not_rechecked);
    settle(std::move(result), how == Lateness::silent ? ipc::RecheckOutcome::unanswered : ipc::RecheckOutcome::overdue);
}

/// A new result stands: policy decides anew, both people see it, a fall has its consequence.
void Session::settle(rats::AttestationResult result, ipc::RecheckOutcome outcome) {
    const rats::AttestationResult before = std::exchange(theirs_, std::move(result));
    const policy::Action answer_before = decision_ ? decision_->action : policy::Action::refuse;
    recall();
    decide();
    const ipc::OnFall done = consequence(before, answer_before);
    const uint16_t round = recheck_.asked_round();
    audit::Record record("rechecked");
    record.call(call_.id).number("round", round).text("outcome", kOutcomes[static_cast<size_t>(outcome)]);
    record.number("level_before", static_cast<uint64_t>(before.level));
    record.number("level", static_cast<uint64_t>(theirs_.level)).flag("lab", theirs_.lab);
    record.number("action", static_cast<uint64_t>(decision_->action)).number("rule", decision_->number);
    record.text("done", kOnFallNames[static_cast<size_t>(done)]);
    record.numbers("reasons", theirs_.reasons);
    context_.record(record);
    show_card();
    tell_recheck(round, outcome, before.level, theirs_.level, done);
    const bool came = outcome == ipc::RecheckOutcome::as_before || outcome == ipc::RecheckOutcome::worse;
    if (came) send_verdict(round, done == ipc::OnFall::ended ? Accepted::no : Accepted::yes);
    if (came) remember();
    carry_out(done);
    follow_decision();
}

ipc::OnFall Session::consequence(const rats::AttestationResult& before, policy::Action answer_before) const {
    if (theirs_.level == rats::Level::failed) return ipc::OnFall::ended;
    if (!policy::worse(theirs_, before) && decision_->action >= answer_before) return ipc::OnFall::nothing;
    if (!answered_)  // nobody talks yet: as before the first ring
        return decision_->action == policy::Action::refuse ? ipc::OnFall::ended : ipc::OnFall::nothing;
    switch (on_worse_) {
        case policy::OnWorse::mute:
            break;
        case policy::OnWorse::hold:
            return ipc::OnFall::held;
        case policy::OnWorse::end:
            return ipc::OnFall::ended;
    }
    return ipc::OnFall::muted;
}

void Session::carry_out(ipc::OnFall what) {
    if (state_ == SessionState::ended || what == ipc::OnFall::nothing) return;
    if (what == ipc::OnFall::ended) return end(refusal(), "checked again");
    if (what == ipc::OnFall::held) held_by_lock_ = false;  // the PIN does not bring it back
    if (what == ipc::OnFall::held && media_ && media_->set_hold(true)) return;
    microphone_ = false;  // a hold that is not possible yet, or mute
    if (media_) media_->set_microphone(false);
}

void Session::tell_recheck(uint16_t round, ipc::RecheckOutcome outcome, rats::Level before, rats::Level after,
                           ipc::OnFall done) const {
    context_.to_ui(ipc::Rechecked{
        .call = call_.id, .round = round, .outcome = outcome, .before = before, .after = after, .done = done});
}

}  // namespace sealcall::enclave
