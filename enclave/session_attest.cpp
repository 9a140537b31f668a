// The attestation half of Session: the channel, both Hellos, both Evidences, both verdicts (docs/protocol.md draws the
// order).
#include <openssl/rand.h>

#include "attestation/binding.h"
#include "attestation/levels.h"
#include "enclave/session.h"
#include "policy/decide.h"
#include "sealcall/base/hex.h"
#include "sealcall/policy/reason_text.h"

namespace sealcall::enclave {
namespace {

constexpr size_t kInboxMax = 64;  ///< INFO bodies waiting while the handshake runs where the TPM is

ipc::EndReason reason_for(const Error& e) {
    switch (e.code) {
        case Errc::tpm_policy_refused:
        case Errc::tpm_auth_refused:
            return ipc::EndReason::own_tpm_refused;
        case Errc::tpm_failed:
        case Errc::tpm_gone:
        case Errc::tpm_timeout:
        case Errc::tpm_locked_out:
        case Errc::tpm_not_provisioned:
        case Errc::tpm_bad_response:
        case Errc::unavailable:
            return ipc::EndReason::own_tpm_failed;
        case Errc::untrusted_certificate:
        case Errc::bad_certificate:
        case Errc::wrong_name:
        case Errc::reflected:
            return ipc::EndReason::certificate_refused;
        case Errc::refused_by_policy:
            return ipc::EndReason::refused_by_policy;
        default:
            return ipc::EndReason::channel_broken;
    }
}

std::string describe(const Error& e) {
    std::array<char, 16> number{};
    std::snprintf(number.data(), number.size(), " (0x%x)", e.detail);
    return std::string(e.what) + (e.detail != 0 ? number.data() : "");
}

}  // namespace

void Session::on_channel_in(ByteSpan body) {
    if (state_ == SessionState::ended || !channel_) return;
    if (inbox_.size() >= kInboxMax) return end(ipc::EndReason::channel_broken, "too many messages at once");
    inbox_.push_back(to_bytes(body));
    advance_channel();
}

void Session::advance_channel() {
    while (!channel_busy_ && !inbox_.empty() && state_ != SessionState::ended) {
        Status fed = channel_->feed(inbox_.front());
        inbox_.pop_front();
        if (!fed) return channel_failed(fed.error());
        if (channel_->state() == tls::ChannelState::handshaking) {
            // The handshake signs with the TPM, so it runs where the TPM is; nobody else touches the channel meanwhile.
            channel_busy_ = true;
            const auto urgency = caller() ? tpm::Urgency::own_call : tpm::Urgency::other;
            context_.on_tpm<Status>(
                urgency, id_,
                [channel = channel_, signer = signer_](tpm::Tpm& t) {
                    *signer = &t;
                    Status s = channel->advance();
                    *signer = nullptr;
                    return s;
                },
                [](Session& self, Status status) {
                    self.channel_busy_ = false;
                    if (self.state_ == SessionState::ended) return;
                    self.flush_channel();
                    if (!status) return self.channel_failed(status.error());
                    if (self.channel_->state() == tls::ChannelState::open) self.channel_opened();
                    self.advance_channel();
                });
            return;
        }
        if (Status s = channel_->advance(); !s) return channel_failed(s.error());
        drain_frames();
    }
}

void Session::channel_failed(Error error) {
    const ipc::EndReason reason = reason_for(error);
    if (error.code == Errc::refused_by_policy && *admission_ != Admission::yes) {
        if (!context_.limits->tell(*admission_, BootClock::now())) return end(reason, "");
        error.what = sentence(*admission_);
    }
    if (!call_.told()) return end(reason, describe(error));
    context_.record(audit::Record("channel_failed")
                        .call(call_.id)
                        .text("why", error.what)
                        .number("code", error.detail)
                        .text("from_hearsay", call_.hearsay_from)
                        .text("origin", call_.origin));
    if (!caller())
        context_.to_ui(ipc::Notice{
            .kind = ipc::NoticeKind::incoming_refused,
            .text = BoundedString<512>::cut("A call from " + call_.hearsay_from +
                                            " (its own word) was refused before it rang: " + error.what + ".")});
    end(reason, describe(error));
}

void Session::flush_channel() {
    for (const Bytes& body : channel_->take_output())
        context_.to_host(ipc::ChannelOut{.session = id_, .body = BoundedBytes<rats::kInfoBodyMax>(body)});
}

void Session::send_frame(rats::FrameType type, Bytes body) {
    if (!channel_ || state_ == SessionState::ended) return;
    if (Status s = channel_->send(type, body); !s) return end(ipc::EndReason::channel_broken, s.error().what);
    flush_channel();
}

void Session::channel_opened() {
    mark(ipc::Phase::channel_open);
    state_ = SessionState::awaiting_hello;  // the budget runs on
    call_.tell(context_, ipc::CallState::attesting);
    if (!caller()) call_.list(context_);
    context_.record(audit::Record("channel_open")
                        .call(call_.id)
                        .text("peer", channel_->peer().uri)
                        .text("vouched_by", channel_->peer().authority)
                        .text("peer_key", to_hex(channel_->peer().spki)));
    own_hello_.role = role_;
    CHECK(RAND_bytes(as_u8(own_hello_.nonce.data()), static_cast<int>(own_hello_.nonce.size())) == 1);
    own_hello_.own_uri = context_.config.own_uri;
    if (caller()) {
        own_hello_.dialled_uri = BoundedString<256>::cut(call_.dialled_uri);
        own_hello_.label = BoundedString<64>::cut(call_.label_said);
    }
    own_hello_.dtls_fingerprint = call_.identity->fingerprint();
    own_hello_.evidence_offered = kind_to_show();
    own_hello_.evidence_required = rats::EvidenceKind::tpm_quote;
    // The callee speaks first: the caller's Hello travels with its Evidence, and only to a peer whose certificate
    // passed.
    if (!caller()) send_hello();
    drain_frames();
}

void Session::send_hello() { send_frame(rats::FrameType::hello, ipc::encode(own_hello_)); }

void Session::drain_frames() {
    auto received = channel_->receive();
    if (!received) return channel_failed(received.error());
    for (auto& frame : *received) frames_.push_back(std::move(frame));
    if (half_open() && frames_.size() > kFramesWaiting)
        return channel_failed(Error{Errc::too_large, "too many messages at once", 0});
    // While logs are fetched all else waits: the callee's Verdict stands right behind its Evidence.
    const auto waits = [this](const tls::Channel::Frame& f) {
        return state_ == SessionState::fetching_logs && f.type != rats::FrameType::log_part &&
               f.type != rats::FrameType::log_request && f.type != rats::FrameType::bye;
    };
    while (state_ != SessionState::ended && state_ != SessionState::quoting && state_ != SessionState::appraising) {
        const auto next = std::ranges::find_if_not(frames_, waits);
        if (next == frames_.end()) break;
        tls::Channel::Frame frame = std::move(*next);
        frames_.erase(next);
        // Parts of a log that we asked for are bounded by what was offered.
        const bool asked_for = frame.type == rats::FrameType::log_part && pending_ && pending_->logs;
        if (!half_open() && !asked_for && !spend_frame(BootClock::now()))
            return channel_failed(Error{Errc::too_large, "too many messages at once", 0});
        handle_frame(frame);
    }
    // A call whose peer closed the channel cannot be held, resumed or checked any more: it is over.
    if (state_ != SessionState::ended && channel_->state() == tls::ChannelState::closed)
        end(ipc::EndReason::hung_up_there, "channel closed");
}

/// True while the peer keeps to the rate: each message may cost screen, audio, host and TPM a message of theirs.
bool Session::spend_frame(BootInstant now) {
    const auto since = std::chrono::duration_cast<Millis>(now - frames_refilled_).count();
    const auto refill = static_cast<uint64_t>(std::max<int64_t>(since, 0)) * kFramesPerSecond / 1000;
    if (refill > 0) {
        frame_budget_ = static_cast<uint32_t>(std::min<uint64_t>(kFramesAtOnce, frame_budget_ + refill));
        frames_refilled_ = now;
    }
    if (frame_budget_ == 0) return false;
    --frame_budget_;
    return true;
}

void Session::handle_frame(const tls::Channel::Frame& frame) {
    const bool agreed = state_ >= SessionState::decided;
    Status s = Error{Errc::wrong_state, "message out of turn", static_cast<uint32_t>(frame.type)};
    switch (frame.type) {
        case rats::FrameType::hello:
            if (state_ == SessionState::awaiting_hello) s = on_hello(frame.body);
            break;
        case rats::FrameType::evidence:
            if ((state_ == SessionState::awaiting_evidence || agreed) &&
                peer_hello_.evidence_offered == rats::EvidenceKind::tpm_quote)
                s = on_evidence(frame.body);
            break;
        case rats::FrameType::result:
            if ((state_ == SessionState::awaiting_evidence || agreed) &&
                peer_hello_.evidence_offered == rats::EvidenceKind::passport)
                s = on_result(frame.body);
            break;
        case rats::FrameType::verdict:
            if (state_ == SessionState::awaiting_verdict && !peer_verdict_) s = on_verdict(frame.body);
            if (agreed) s = on_round_verdict(frame.body);
            break;
        case rats::FrameType::ringing:
            if (agreed && caller() && frame.body.empty()) {
                if (state_ == SessionState::decided) {
                    enter(SessionState::ringing, kRingingBudget);
                    mark(ipc::Phase::ringing);
                    call_.tell(context_, ipc::CallState::ringing);
                }
                s = {};
            }
            break;
        case rats::FrameType::candidates:
            if (agreed && !remote_candidates_seen_) {
                remote_candidates_seen_ = true;
                auto candidates = ipc::decode<rats::Candidates>(frame.body);
                if (candidates) {
                    remote_candidates_ = candidates->fragment.str();
                    forward_remote_candidates();
                    s = {};
                } else {
                    s = candidates.error();
                }
            }
            break;
        case rats::FrameType::media_confirm:
            if (media_) s = media_->on_confirm(frame.body);
            break;
        case rats::FrameType::hold:
            if (media_) s = media_->on_hold(frame.body);
            break;
        case rats::FrameType::resume:
            if (media_) s = media_->on_resume(frame.body);
            break;
        case rats::FrameType::bye:
            if (frame.body.size() == 1) return end(ipc::EndReason::hung_up_there, "");
            break;
        case rats::FrameType::log_request:
            if (own_evidence_sent_) s = on_log_request(frame.body);
            break;
        case rats::FrameType::log_part:
            if (pending_ && pending_->logs) s = on_log_part(frame.body);
            break;
        case rats::FrameType::reattest:
            if (agreed) s = on_reattest(frame.body);
            break;
    }
    if (!s && state_ != SessionState::ended) channel_failed(s.error());
}

Status Session::on_hello(ByteSpan body) {
    TRY(peer_hello_, ipc::decode<rats::Hello>(body));
    if (peer_hello_.version != rats::kWireVersion)
        return Error{Errc::bad_value, "protocol version", peer_hello_.version};
    if (peer_hello_.role != rats::other(role_)) return Error{Errc::reflected, "peer claims our role", 0};
    if (peer_hello_.own_uri.view() != channel_->peer().uri)
        return Error{Errc::wrong_name, "name is not the certificate's", 0};
    if (peer_hello_.nonce == own_hello_.nonce) return Error{Errc::reflected, "our own nonce came back", 0};
    if (peer_hello_.round != 0) return Error{Errc::bad_value, "round", peer_hello_.round};
    if (peer_hello_.evidence_offered == rats::EvidenceKind::none)
        return Error{Errc::bad_evidence, "no Evidence offered", 0};
    peer_hello_seen_ = true;
    peer_fingerprint_ = peer_hello_.dtls_fingerprint;
    if (!caller()) {
        call_.dialled_uri = peer_hello_.dialled_uri.str();
        call_.label_said = peer_hello_.label.str();
        call_.label = policy::label_or_default(call_.label_said, context_.policies());
    }
    hellos_ = attestation::hash_hellos(caller() ? own_hello_ : peer_hello_, caller() ? peer_hello_ : own_hello_);
    if (sdp_fingerprint_ != Digest{} && sdp_fingerprint_ != peer_fingerprint_) {
        context_.record(audit::Record("relay_rewrote_offer").call(call_.id));
        context_.to_ui(ipc::Notice{
            .kind = ipc::NoticeKind::relay_rewrote_offer,
            .text = BoundedString<512>("A relay rewrote the offer. The keys come from the other phone itself, so "
                                       "nobody listens; tell your administrator.")});
    }
    if (caller()) {
        make_evidence();
    } else {
        state_ = SessionState::awaiting_evidence;
    }
    return {};
}

rats::BindingInput Session::binding(rats::Role attester, uint16_t round) const {
    const bool own = attester == role_;
    rats::BindingInput b;
    b.attester = attester;
    b.round = round;
    b.channel_binding = channel_->channel_binding();
    b.verifier_nonce = own ? peer_hello_.nonce : own_hello_.nonce;
    if (round > 0) b.verifier_nonce = own ? recheck_.their_nonce() : recheck_.asked_nonce();
    b.attester_nonce = own ? own_hello_.nonce : peer_hello_.nonce;
    b.attester_tls_spki = own ? context_.attester->identity_spki() : channel_->peer().spki;
    b.peer_tls_spki = own ? channel_->peer().spki : context_.attester->identity_spki();
    b.attester_dtls = own ? own_hello_.dtls_fingerprint : peer_hello_.dtls_fingerprint;
    b.peer_dtls = own ? peer_hello_.dtls_fingerprint : own_hello_.dtls_fingerprint;
    b.hellos = hellos_;
    return b;
}

void Session::make_evidence() {
    state_ = SessionState::quoting;
    const Attester* attester = context_.attester;
    context_.on_tpm<Result<OwnEvidence>>(
        caller() ? tpm::Urgency::own_call : tpm::Urgency::contact, id_,
        [attester, input = binding(role_, 0), domain = std::string(peer_domain())](tpm::Tpm& t) {
            return attester->make(t, input, domain);
        },
        [](Session& self, Result<OwnEvidence> own) { self.evidence_ready(std::move(own)); });
}

void Session::evidence_ready(Result<OwnEvidence> own) {
    if (state_ != SessionState::quoting) return;
    if (!own) return end(reason_for(own.error()), describe(own.error()));
    own_evidence_ = std::move(*own);
    notice_own_change(own_evidence_.evidence);
    if (own_hello_.evidence_offered == rats::EvidenceKind::passport) return ask_passport(0);
    own_evidence_sent_ = true;
    show_first(rats::FrameType::evidence, ipc::encode(own_evidence_.evidence));
}

/// Round 0: Evidence, or the passport that takes its place.
void Session::show_first(rats::FrameType type, const Bytes& body) {
    Status s;
    if (caller()) s = channel_->send(rats::FrameType::hello, ipc::encode(own_hello_));
    if (s) s = channel_->send(type, body);
    if (!s) return channel_failed(s.error());
    if (caller()) {
        state_ = SessionState::awaiting_evidence;
        flush_channel();
    } else {
        enter(SessionState::awaiting_verdict, kRingingBudget);  // their person may have to enter a PIN
        send_verdict(0, Accepted::yes);
    }
    mark(ipc::Phase::own_evidence_sent);
    drain_frames();
}

Status Session::on_evidence(ByteSpan body) {
    TRY(auto evidence, ipc::decode<rats::Evidence>(body));
    if (state_ >= SessionState::decided) {
        TRY(uint16_t round, recheck_.answered());
        appraise(std::move(evidence), round);
        return {};
    }
    mark(ipc::Phase::peer_evidence_in);
    state_ = SessionState::appraising;
    appraise(std::move(evidence), 0);
    return {};
}

attestation::Expectation Session::expectation(uint16_t round) const {
    attestation::Expectation expect;
    expect.binding = binding(rats::other(role_), round);
    expect.identity_spki = channel_->peer().spki;
    expect.anchors = context_.anchors().items();
    expect.wall_ms = wall_ms();
    expect.references = context_.bundle.references();
    expect.revocations_unknown = context_.bundle.revocations_unknown(expect.wall_ms);
    expect.measurement_pcr = context_.config.measurement_pcr;
    return expect;
}

void Session::appraise(rats::Evidence evidence, uint16_t round) {
    attestation::Expectation expect = expectation(round);
    // The identity key must be bound to the very state that is quoted: its policy is computed from that value.
    for (const auto& value : evidence.pcrs)
        if (value.pcr == expect.measurement_pcr) expect.identity_policy_pcr = value.value;
    attestation::Appraised ceiling = attestation::check_evidence(evidence, expect);
    if (ceiling.result.level != rats::Level::failed && round == 0 && !passport_holds()) {
        ceiling.result.level = rats::Level::failed;
        (void)ceiling.result.reasons.push(rats::Reason::passport_mismatch);
    }
    continue_from_before(evidence, ceiling, round);
    pending_.emplace();
    pending_->round = round;
    pending_->request.evidence = std::move(evidence);
    pending_->request.binding = expect.binding;
    pending_->request.anchors = context_.anchors();
    pending_->request.wall_ms = expect.wall_ms;
    pending_->request.measurement_pcr = expect.measurement_pcr;
    pending_->ceiling = std::move(ceiling);
    if (pending_->ceiling.result.level == rats::Level::failed) return verified(VerifierAnswer{});
    // A log cannot lift a device that is not more than known: it is not asked for.
    if (pending_->ceiling.result.level <= rats::Level::known_device) return ask_verifier();
    fetch_logs();
}

void Session::ask_verifier() {
    if (pending_->round == 0) state_ = SessionState::appraising;  // media does not wait for a later round
    VerifierJob job{.request = pending_->request, .boot_log = {}, .runtime_log = {}};
    if (pending_->logs) {
        job.boot_log = pending_->logs->boot();
        job.runtime_log = pending_->logs->runtime();
        pending_->logs.reset();
    }
    auto find = context_.find;
    Status asked = context_.verifiers.ask(
        std::move(job), [find, id = id_, round = pending_->round](std::optional<VerifierAnswer> answer) {
            Session* self = find(id);
            if (self != nullptr && self->pending_ && self->pending_->round == round) self->verified(std::move(answer));
        });
    if (!asked) verified({});
}

void Session::verified(std::optional<VerifierAnswer> answer) {
    if (state_ == SessionState::ended || !pending_) return;
    if (pending_->round == 0 && state_ != SessionState::appraising) return;
    const Pending done = std::move(*pending_);
    pending_.reset();
    rats::AttestationResult result = limited(judge(done.ceiling, answer));
    return done.round == 0 ? appraised(std::move(result)) : rechecked(std::move(result));
}

/// What the enclave's own checks and the verifier's answer come to: the lower of both. No answer: could not be checked.
rats::AttestationResult Session::judge(const attestation::Appraised& ceiling,
                                       const std::optional<VerifierAnswer>& answer) const {
    if (ceiling.result.level == rats::Level::failed) return ceiling.result;
    if (!answer) {
        rats::AttestationResult unknown;
        unknown.level = rats::Level::unverified;
        unknown.lab = ceiling.result.lab;
        CHECK(unknown.reasons.push(rats::Reason::could_not_check));
        return unknown;
    }
    return attestation::conclude(ceiling, answer->response, answer->measured, context_.config.measurement_pcr,
                                 context_.bundle.references());
}

void Session::appraised(rats::AttestationResult result) {
    theirs_ = std::move(result);
    theirs_at_ms_ = wall_ms();
    mark(ipc::Phase::peer_appraised);
    recall();
    decide();
    audit::Record record("appraised");
    record.call(call_.id).text("peer", channel_->peer().uri).number("level", static_cast<uint64_t>(theirs_.level));
    record.text("result_by", result_by_)
        .flag("lab", theirs_.lab)
        .text("label", call_.label)
        .number("action", static_cast<uint64_t>(decision_->action))
        .number("decided_by", static_cast<uint64_t>(decision_->rule))
        .number("rule", decision_->number)
        .text("rule_name", decision_->name.view());
    record.numbers("reasons", theirs_.reasons);
    context_.record(record);

    if (decision_->action == policy::Action::refuse) {
        show_card();
        if (!caller())
            context_.to_ui(ipc::Notice{
                .kind = ipc::NoticeKind::incoming_refused,
                .text = BoundedString<512>::cut("A call from " + channel_->peer().uri +
                                                (call_.label.empty() ? "" : " with the label \"" + call_.label + "\"") +
                                                " was refused by policy before it rang. " +
                                                std::string(policy::text(decision_->rule).sentence))});
        return end(refusal(), "");
    }
    if (caller()) {
        enter(SessionState::awaiting_verdict, kRingingBudget);  // the person may have to enter the PIN
        drain_frames();
    } else {
        make_evidence();
    }
}

void Session::send_verdict(uint16_t round, Accepted accepted) {
    send_frame(rats::FrameType::verdict, ipc::encode(rats::Verdict{.round = round,
                                                                   .accepted = accepted == Accepted::yes,
                                                                   .level = theirs_.level,
                                                                   .lab = theirs_.lab,
                                                                   .answer = decision_->action,
                                                                   .audit_head = context_.log.head()}));
}

Status Session::on_verdict(ByteSpan body) {
    TRY(auto verdict, ipc::decode<rats::Verdict>(body));
    if (verdict.round != 0) return Error{Errc::bad_value, "round", verdict.round};
    if (verdict.accepted && verdict.answer == policy::Action::refuse)
        return Error{Errc::bad_value, "a refusal that accepts", 0};
    take_verdict(verdict);
    if (state_ == SessionState::ended) return {};
    if (caller() && hold_for_pin()) return {};
    if (caller()) send_verdict(0, Accepted::yes);
    both_agreed();
    return {};
}

/// What the peer sees of us, kept with its audit head as a witness.
void Session::take_verdict(const rats::Verdict& verdict) {
    peer_verdict_ = verdict;
    context_.record(audit::Record("peer_verdict")
                        .call(call_.id)
                        .number("round", verdict.round)
                        .flag("accepted", verdict.accepted)
                        .number("level", static_cast<uint64_t>(verdict.level))
                        .flag("lab", verdict.lab)
                        .number("answer", static_cast<uint64_t>(verdict.answer))
                        .text("witness", to_hex(verdict.audit_head)));
    if (!verdict.accepted) end(ipc::EndReason::we_were_not_acceptable, "");
}

void Session::both_agreed() {
    if (state_ == SessionState::ended) return;
    mark(ipc::Phase::both_agreed);
    channel_->lift_limit();
    recheck_.start(BootClock::now());
    enter(SessionState::decided, kRingingBudget);
    if (hold_for_pin()) return;
    if (context_.config.policy.early_candidates) start_media_path();
    if (!caller()) return ring();
    remember();
    show_card();
    call_.tell(context_, ipc::CallState::decided);
    context_.notary.anchor([find = context_.find, id = id_](const Status& anchored) {
        Session* self = find(id);
        if (self == nullptr || self->state_ == SessionState::ended) return;
        if (!anchored) return self->end(ipc::EndReason::own_tpm_failed, "the audit log could not be anchored");
        self->anchored_ = true;
        self->speak_when_anchored();
    });
}

}  // namespace sealcall::enclave
