#include "enclave/session.h"

#include "enclave/sip_name.h"
#include "policy/decide.h"
#include "sealcall/base/hex.h"

namespace sealcall::enclave {
namespace {

std::string error_text(const Error& e) {
    std::string out = e.what;
    if (e.detail != 0) {
        std::array<char, 16> number{};
        std::snprintf(number.data(), number.size(), " (0x%x)", e.detail);
        out += number.data();
    }
    return out;
}

constexpr std::array kAnsweredBy{"person", "policy", "script"};

bool is_zero(const Digest& d) { return d == Digest{}; }

/// A partner's authority names people of its own domain. Whoever had a name of others from it would be shown what is
/// meant for them: Evidence instead of a passport, logs, an attestation key.
Status may_name(const std::vector<rats::PartnerVerifier>& partners, const attestation::IdentityCertificate& peer) {
    for (const rats::PartnerVerifier& p : partners)
        if (p.issuer.view() == peer.authority && p.domain.view() != sip_name(peer.uri).host)
            return Error{Errc::wrong_name, "the partner's authority may not certify this name", 0};
    return {};
}

}  // namespace

Session::Session(Context& context, Call& call, SessionId id, rats::Role role)
    : context_(context), call_(call), id_(id), role_(role), recheck_(context.recheck) {
    enter(SessionState::handshaking, kAttestationBudget);
}

Session::~Session() = default;

void Session::enter(SessionState next, Millis budget) {
    state_ = next;
    deadline_ = budget.count() > 0 ? BootClock::now() + budget : BootInstant::max();
}

Result<std::unique_ptr<Session>> Session::open_attested(Context& context, Call& call, SessionId id, rats::Role role,
                                                        const Digest& sdp_fingerprint) {
    CHECK(context.attester != nullptr);
    auto self = std::unique_ptr<Session>(new Session(context, call, id, role));
    self->sdp_fingerprint_ = sdp_fingerprint;
    self->dtls_client_ = role == rats::Role::callee;  // RFC 5763 5: the answerer is active
    tls::ChannelConfig config;
    config.role = role;
    config.certificate = context.config.identity_certificate;
    config.anchors = context.anchors().items();
    config.wall_ms = wall_ms();
    config.own_spki = context.attester->identity_spki();
    config.sign = [signer = self->signer_](const Digest& digest) -> Result<Bytes> {
        if (*signer == nullptr) return Error{Errc::wrong_state, "signature asked outside the handshake job", 0};
        return (*signer)->sign_identity(digest);
    };
    // Chain and reflection are the channel's own checks. Runs where the TPM is, before this side signs anything.
    const attestation::ReferenceSet* set = context.bundle.references();
    config.accept_peer = [partners = set == nullptr ? std::vector<rats::PartnerVerifier>() : set->partners(),
                          document = context.bundle.document(), limits = context.limits, role,
                          why = self->admission_](const attestation::IdentityCertificate& peer) -> Status {
        TRY_STATUS(may_name(partners, peer));
        if (!document) return {};
        *why = limits->admit(*document, peer.uri, CallerLimits::Name::proven, BootClock::now());
        if (*why == Admission::too_often && role == rats::Role::caller) *why = Admission::yes;  // we called them
        return *why == Admission::yes ? Status{} : Error{Errc::refused_by_policy, "peer is not accepted", 0};
    };
    TRY(auto channel, tls::Channel::create(std::move(config)));
    self->channel_ = std::move(channel);
    return self;
}

Result<std::unique_ptr<Session>> Session::open_ordinary(Context& context, Call& call, SessionId id, rats::Role role,
                                                        const Digest& peer_fingerprint, bool peer_is_dtls_client,
                                                        uint8_t payload_type) {
    if (is_zero(peer_fingerprint)) return Error{Errc::bad_sdp, "no SHA-256 fingerprint", 0};
    auto self = std::unique_ptr<Session>(new Session(context, call, id, role));
    self->peer_fingerprint_ = peer_fingerprint;
    // RFC 5763 5: the answerer chooses; we answer active unless the offer says that it will be.
    self->dtls_client_ = !peer_is_dtls_client;
    self->payload_type_ = payload_type;
    self->theirs_.level = rats::Level::unverified;
    CHECK(self->theirs_.reasons.push(rats::Reason::not_supported));
    self->theirs_at_ms_ = wall_ms();
    return self;
}

void Session::begin() {
    if (call_.ordinary) return decide_ordinary();
    flush_channel();
}

void Session::decide_ordinary() {
    recall();
    if (caller()) consent_ = call_.consent;
    decide();
    if (decision_->action == policy::Action::refuse) return end(refusal(), "level 0");
    if (caller() && waits_for_pin())
        return end(ipc::EndReason::refused_by_policy, "what the PIN was entered for has changed");
    enter(SessionState::decided, kRingingBudget);
    if (hold_for_pin()) return;
    if (caller()) {  // the other side has already answered: OrdinaryAnswered opened this session
        answered_ = true;
        context_.microphone_owner = id_;
        enter(SessionState::answered, kMediaBudget);
        mark(ipc::Phase::answered);
        show_card();
        call_.tell(context_, ipc::CallState::answered);
        begin_media();
        return;
    }
    ring();
}

void Session::ring() {
    const BootInstant now = BootClock::now();
    if (context_.notary.wear().dry(now))
        return end(ipc::EndReason::too_many_calls, "too many calls in a short time", 480);
    context_.notary.wear().spend(now);
    call_.list(context_);
    const bool recorded = context_.record(audit::Record("open")
                                              .call(call_.id)
                                              .text("peer", channel_ ? channel_->peer().uri : call_.hearsay_from)
                                              .text("peer_key", channel_ ? to_hex(channel_->peer().spki) : "")
                                              .number("level", static_cast<uint64_t>(theirs_.level))
                                              .flag("lab", theirs_.lab)
                                              .text("label", call_.label)
                                              .number("action", static_cast<uint64_t>(decision_->action))
                                              .number("rule", decision_->number));
    if (!recorded) return end(ipc::EndReason::internal, "the audit log cannot be written");
    enter(SessionState::decided, kRingingBudget);
    // Before it rings, so that no call that rang can be left out of the log unseen.
    context_.notary.anchor([find = context_.find, id = id_](const Status& anchored) {
        Session* self = find(id);
        if (self == nullptr || self->state_ != SessionState::decided) return;
        if (!anchored) return self->end(ipc::EndReason::own_tpm_failed, "the audit log could not be anchored");
        self->anchored_ = true;
        if (self->hold_for_pin()) return;  // decided anew meanwhile
        self->ring_now();
    });
}

void Session::ring_now() {
    enter(SessionState::ringing, kRingingBudget);
    context_.to_host(ipc::SendRinging{.session = id_});
    if (channel_) send_frame(rats::FrameType::ringing, {});
    mark(ipc::Phase::ringing);
    show_card();
    call_.tell(context_, ipc::CallState::ringing);
    // Policy answers for a person who is free. In a talk it would hand the microphone to whoever calls next.
    Session* const talking = context_.find(context_.microphone_owner);
    const bool busy = talking != nullptr && talking->state() != SessionState::ended;
    if (context_.config.policy.answer_automatically && !busy && !decision_->silent)
        answer(policy::AnsweredBy::policy, true);
}

bool Session::answered_by_other() const {
    return channel_ && caller() && !same_person(call_.dialled_uri, channel_->peer().uri);
}

void Session::show_card() {
    ipc::CallCard card;
    card.call = call_.id;
    card.direction = call_.direction;
    card.ordinary = call_.ordinary;
    card.peer_uri = BoundedString<256>::cut(channel_   ? std::string_view(channel_->peer().uri)
                                            : caller() ? std::string_view(call_.dialled_uri)
                                                       : std::string_view(call_.hearsay_from));
    if (channel_) card.vouched_by = BoundedString<128>::cut(channel_->peer().authority);
    card.result_by = BoundedString<128>::cut(result_by_);
    card.dialled_uri = BoundedString<256>::cut(call_.dialled_uri);
    card.hearsay_name = BoundedString<256>::cut(call_.hearsay_name);
    card.label = BoundedString<64>::cut(call_.label);
    card.answered_by_other = answered_by_other();
    card.theirs = theirs_;
    if (card.answered_by_other) (void)card.theirs.reasons.push(rats::Reason::answered_by_other);
    card.theirs_at_ms = theirs_at_ms_;
    if (peer_verdict_) {
        card.ours_known = true;
        card.ours = peer_verdict_->level;
        card.ours_lab = peer_verdict_->lab;
    }
    if (peer_verdict_) card.peer_answer = peer_verdict_->answer;
    if (decision_) card.decision = *decision_;
    card.protection = !media_ || state_ != SessionState::media ? ipc::Protection::none
                      : call_.ordinary                         ? ipc::Protection::hop
                                                               : ipc::Protection::end_to_end;
    context_.to_ui(card);
}

void Session::answer(policy::AnsweredBy by, bool microphone) {
    if (state_ != SessionState::ringing || caller() || refused_by_lock()) return;
    if (waits_for_pin()) return ask_pin();
    if (!call_.slot) call_.slot = context_.slots.take();
    if (!call_.slot) return end(ipc::EndReason::too_many_calls, "", 486);
    answered_ = true;
    microphone_ = microphone;
    call_.winner = id_;
    context_.microphone_owner = id_;
    enter(SessionState::answered, kMediaBudget);
    mark(ipc::Phase::answered);
    context_.record(audit::Record("answered").call(call_.id).text("by", kAnsweredBy[static_cast<size_t>(by)]));
    remember();
    // An ordinary phone finds our candidates in the 200, so they are gathered first.
    if (call_.ordinary) start_media_path();
    context_.to_host(ipc::SendOk{.session = id_});
    if (!call_.ordinary) start_media_path();
    call_.tell(context_, ipc::CallState::answered);
    begin_media();
}

void Session::on_leg_answered() {
    if (!caller()) return;  // our 200 was acknowledged: nothing hangs on it
    if (state_ >= SessionState::answered) return;
    if (state_ != SessionState::decided && state_ != SessionState::ringing)
        return end(ipc::EndReason::channel_broken, "answered before both sides agreed");
    if (call_.winner.value != 0) return end(ipc::EndReason::hung_up_here, "another fork answered");
    answered_ = true;
    call_.winner = id_;
    context_.microphone_owner = id_;
    // One dial, one voice: whoever else was reached hears no more of it, whatever the host does.
    for (SessionId leg : std::vector<SessionId>(call_.legs))
        if (Session* other = leg == id_ ? nullptr : context_.find(leg))
            other->end(ipc::EndReason::hung_up_here, "another fork answered");
    enter(SessionState::answered, kMediaBudget);
    mark(ipc::Phase::answered);
    call_.tell(context_, ipc::CallState::answered);
    speak_when_anchored();
}

/// Of the caller: an answer that comes before the TPM has taken the anchor waits for it.
void Session::speak_when_anchored() {
    if (!anchored_ || state_ != SessionState::answered) return;
    start_media_path();
    begin_media();
}

void Session::begin_media() {
    auto grant = ReleaseGate::release(ReleaseConditions{.session = id_,
                                                        .ordinary = call_.ordinary,
                                                        .level = theirs_.level,
                                                        .decision = decision_.value_or(policy::Decision{}),
                                                        .peer_agreed = peer_verdict_ && peer_verdict_->accepted,
                                                        .is_winner = call_.winner == id_,
                                                        .answered = answered_});
    if (!grant) return end(ipc::EndReason::refused_by_policy, grant.error().what);
    auto media = MediaSession::create(std::move(*grant), context_, *this,
                                      MediaSetup{.call = call_.id,
                                                 .session = id_,
                                                 .role = role_,
                                                 .attested = !call_.ordinary,
                                                 .dtls_client = dtls_client_,
                                                 .peer_fingerprint = peer_fingerprint_,
                                                 .identity = call_.identity,
                                                 .slot = call_.slot.value_or(0),
                                                 .payload_type = payload_type_,
                                                 .microphone = microphone_ && may_speak()});
    if (!media) return end(ipc::EndReason::media_failed, error_text(media.error()));
    media_ = std::move(*media);
    if (path_ready_) media_->path_ready(BootClock::now());
}

void Session::start_media_path() {
    if (!path_started_) {
        path_started_ = true;
        context_.to_host(ipc::StartMediaPath{.session = id_});
    }
    forward_remote_candidates();
}

void Session::forward_remote_candidates() {
    if (!path_started_ || remote_candidates_.empty()) return;
    context_.to_host(ipc::RemoteCandidates{.session = id_, .fragment = BoundedString<3072>(remote_candidates_)});
    remote_candidates_.clear();
}

void Session::on_local_candidates(std::string_view fragment) {
    if (!path_started_ || local_sent_ || call_.ordinary) return;
    local_sent_ = true;
    send_frame(rats::FrameType::candidates, ipc::encode(rats::Candidates{.fragment = BoundedString<3072>(fragment)}));
}

void Session::on_media_path(bool ready) {
    if (state_ == SessionState::ended) return;
    if (!ready) {
        if (state_ >= SessionState::answered) end(ipc::EndReason::media_failed, "no way through the network");
        return;
    }
    path_ready_ = true;
    if (media_) media_->path_ready(BootClock::now());
}

void Session::on_datagram(ByteSpan bytes) {
    if (media_)
        media_->datagram(bytes, BootClock::now());
    else
        ++context_.dropped;
}

void Session::on_peer_hold(bool) {
    // Attested peers say it in the channel, and that alone counts. An ordinary phone simply stops sending.
}

void Session::on_leg_ended(ipc::LegEndWhy why, uint16_t sip_status) {
    if (state_ == SessionState::ended) return;
    host_knows_end_ = true;
    std::string detail = sip_status != 0 ? "SIP " + std::to_string(sip_status) : std::string();
    ipc::EndReason reason = ipc::EndReason::hung_up_there;
    if (why == ipc::LegEndWhy::transport) reason = ipc::EndReason::not_reachable;
    if (why == ipc::LegEndWhy::timeout)
        reason = state_ == SessionState::media ? ipc::EndReason::not_reachable : ipc::EndReason::no_answer;
    if (why == ipc::LegEndWhy::failed) {
        reason = sip_status == 486 || sip_status == 600 ? ipc::EndReason::busy : ipc::EndReason::refused_there;
        // A refusal before it rang, when our Evidence was already over there: that is about us.
        if (!call_.ordinary && state_ == SessionState::awaiting_evidence)
            reason = ipc::EndReason::we_were_not_acceptable;
    }
    if (why == ipc::LegEndWhy::cancelled && half_open() && call_.told()) {
        context_.record(audit::Record("attempt_abandoned")
                            .call(call_.id)
                            .text("from_hearsay", call_.hearsay_from)
                            .text("origin", call_.origin)
                            .number("state", static_cast<uint64_t>(state_)));
        context_.to_ui(ipc::Notice{
            .kind = ipc::NoticeKind::incoming_refused,
            .text = BoundedString<512>::cut("A call from " + call_.hearsay_from +
                                            " (its own word) ended before it had proven itself; it never rang.")});
    }
    end(reason, detail);
}

void Session::set_hold(bool on) {
    if (!media_ || (!on && (refused_by_lock() || refused_now()))) return;
    held_by_lock_ = false;
    if (!on) context_.microphone_owner = id_;
    if (Status s = media_->set_hold(on); !s)
        context_.to_ui(ipc::Notice{.kind = ipc::NoticeKind::dropped_messages,
                                   .text = BoundedString<512>::cut(std::string("Not done: ") + s.error().what + ".")});
}

void Session::set_microphone(bool on) {
    if (on && (refused_by_lock() || refused_now())) return;
    if (on && !may_speak()) {
        context_.to_ui(ipc::Notice{.kind = ipc::NoticeKind::policy,
                                   .text = BoundedString<512>("Not done: the policy lets you listen to this call, not "
                                                              "speak.")});
        return;
    }
    microphone_ = on;
    if (on) context_.microphone_owner = id_;
    if (media_) media_->set_microphone(on);
}

void Session::on_captured(const ipc::CapturedFrame& frame) {
    if (media_) media_->captured(frame, BootClock::now());
}

void Session::on_stream_stats(const ipc::StreamStats& stats) {
    if (media_) media_->stream_stats(stats);
}

void Session::on_audio_event(ipc::AudioEventKind kind) {
    auto say = [&](ipc::NoticeKind notice, std::string_view text) {
        context_.to_ui(ipc::Notice{.kind = notice, .text = BoundedString<512>(text)});
    };
    switch (kind) {
        case ipc::AudioEventKind::device_lost:
            return say(ipc::NoticeKind::audio_device_lost,
                       "The sound device is gone; the call goes on without sound. Plug it in again or hang up.");
        case ipc::AudioEventKind::device_back:
            return say(ipc::NoticeKind::audio_device_back, "The sound device is back.");
        case ipc::AudioEventKind::no_device:
            return say(ipc::NoticeKind::audio_device_lost,
                       "There is no sound device: run `sealcall devices` and name one in the configuration.");
        case ipc::AudioEventKind::wav_finished:
        case ipc::AudioEventKind::first_sound_played:
            return;
    }
}

void Session::suspended() {
    recheck_.slept(BootClock::now());
    held_by_lock_ = false;
    if (media_) media_->suspended();
}

void Session::mark(ipc::Phase phase) {
    context_.to_ui(ipc::CallPhase{.call = call_.id,
                                  .phase = phase,
                                  .boot_us = static_cast<uint64_t>(BootClock::now().time_since_epoch().count())});
}

void Session::media_changed() {
    if (state_ == SessionState::ended) return;
    const bool first = state_ != SessionState::media;
    const MediaSeen now_seen{media_->state(), media_->held_here(), media_->held_there(), media_->microphone()};
    if (!first && seen_ == now_seen) return;
    seen_ = now_seen;
    enter(SessionState::media, Millis{0});
    if (first) show_card();
    const bool held = media_->state() == MediaSession::State::held;
    call_.tell(context_, held ? ipc::CallState::held : ipc::CallState::media, media_->held_here(), media_->held_there(),
               media_->microphone());
}

void Session::media_failed(ipc::EndReason reason, Error error) { end(reason, error_text(error)); }

void Session::end(ipc::EndReason reason, std::string_view detail, uint16_t sip_status) {
    if (state_ == SessionState::ended) return;
    const SessionState before = state_;
    enter(SessionState::ended, Millis{0});
    destroying_ = true;
    mark(ipc::Phase::ended);
    call_.end_reason = reason;
    call_.end_detail = std::string(detail);
    context_.vault.withdraw({.call = call_.id, .session = id_});
    if (call_.told())
        context_.record(audit::Record("ended")
                            .call(call_.id)
                            .number("reason", static_cast<uint64_t>(reason))
                            .text("detail", detail)
                            .number("state", static_cast<uint64_t>(before)));
    if (!host_knows_end_) context_.to_host(ipc::EndLeg{.session = id_, .sip_status = sip_status});
    inbox_.clear();
    frames_.clear();
    own_evidence_ = {};
    pending_.reset();
    if (!media_) {
        destroying_ = false;
        // Not for everybody who knocks, nor who rings and goes: a chip's memory wears. Such an end waits for the next
        // anchor, whosever it is.
        if (before >= SessionState::decided && (caller() || answered_)) context_.notary.anchor({});
        return;
    }
    context_.to_ui(media_->stats());
    media_->destroy([this] {
        destroying_ = false;
        context_.notary.anchor({});
    });
}

void Session::tick(BootInstant now) {
    if (state_ == SessionState::ended) {
        if (destroying_ && media_) media_->retry_destroy();
        return;
    }
    if (media_) media_->tick(now);
    recheck_tick(now);
    if (passport_wait_ && now >= passport_wait_->until)
        on_passport({.session = id_, .round = passport_wait_->round, .status = 0, .body = {}});
    if (state_ == SessionState::ended || now < deadline_) return;
    if (state_ == SessionState::ringing || (state_ == SessionState::decided && caller()))
        return end(ipc::EndReason::no_answer, "nobody answered");
    if (state_ == SessionState::answered) return end(ipc::EndReason::media_failed, "no sound in time");
    end(ipc::EndReason::channel_broken, "the attestation did not end in time");
}

BootInstant Session::next_deadline() const {
    BootInstant next = deadline_;
    if (destroying_ && media_ && media_->destroy_waits()) return BootClock::now() + Millis{50};
    if (state_ != SessionState::ended) next = std::min(next, recheck_.next_deadline());
    if (state_ != SessionState::ended && passport_wait_) next = std::min(next, passport_wait_->until);
    if (media_)
        if (auto t = media_->next_deadline(); t && *t < next) next = *t;
    return next;
}

}  // namespace sealcall::enclave
