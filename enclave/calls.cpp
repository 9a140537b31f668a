#include "enclave/calls.h"

#include "attestation/binding.h"
#include "enclave/passport.h"
#include "policy/decide.h"
#include "sealcall/policy/reason_text.h"

namespace sealcall::enclave {

Session* Calls::session(SessionId id) {
    auto it = sessions_.find(id.value);
    return it == sessions_.end() ? nullptr : it->second.get();
}

Call* Calls::call(CallId id) {
    auto it = calls_.find(id.value);
    return it == calls_.end() ? nullptr : it->second.get();
}

uint32_t Calls::live() const {
    return static_cast<uint32_t>(std::ranges::count_if(calls_, [](const auto& c) { return !c.second->ended; }));
}

bool Calls::busy() const {
    return std::ranges::any_of(calls_, [](const auto& c) {
        return !c.second->ended && (c.second->direction == policy::Direction::outgoing || c.second->winner.value != 0);
    });
}

Result<Call*> Calls::new_call(policy::Direction direction, bool ordinary) {
    // Strangers who only ring must not keep the person from calling: an incoming call takes its slot at the answer.
    const bool outgoing = direction == policy::Direction::outgoing;
    if (!context_.slots.any_free()) return Error{Errc::unavailable, "four calls at once are the limit", 0};
    TRY(auto identity, dtls::Identity::create());
    auto call = std::make_unique<Call>();
    call->id = CallId{next_call_++};
    call->direction = direction;
    call->ordinary = ordinary;
    if (outgoing) call->slot = context_.slots.take();
    call->identity = std::move(identity);
    call->since = BootClock::now();
    Call* raw = call.get();
    calls_.emplace(raw->id.value, std::move(call));
    return raw;
}

// ---------------------------------------------------------------- outgoing

void Calls::dial(const ipc::Dial& m) {
    auto reply = [&](CallId id, ipc::EndReason reason) {
        context_.to_ui(ipc::DialReply{.request = m.request, .call = id, .reason = reason});
    };
    if (context_.vault.locked()) return reply(CallId{}, ipc::EndReason::locked);
    const bool enrolled = context_.attester != nullptr;
    if (!enrolled && context_.policies().own->ordinary_phones == policy::Action::refuse)
        return reply(CallId{}, ipc::EndReason::not_enrolled);
    if (const auto no = policy::refused_outright(m.uri.view(), m.label.view(), context_.policies())) {
        context_.record(audit::Record("not_dialled")
                            .text("uri", m.uri.view())
                            .text("label", m.label.view())
                            .number("decided_by", static_cast<uint64_t>(*no)));
        context_.to_ui(ipc::Notice{.kind = ipc::NoticeKind::policy,
                                   .text = BoundedString<512>::cut(std::string(policy::text(*no).sentence) + " " +
                                                                   std::string(policy::text(*no).next_step))});
        return reply(CallId{}, ipc::EndReason::refused_by_policy);
    }
    auto made = new_call(policy::Direction::outgoing, false);
    if (!made) return reply(CallId{}, ipc::EndReason::too_many_calls);
    Call& call = **made;
    call.dialled_uri = m.uri.str();
    call.label_said = m.label.str();
    call.label = policy::label_or_default(m.label.view(), context_.policies());
    reply(call.id, ipc::EndReason::none);
    context_.to_ui(ipc::CallPhase{.call = call.id,
                                  .phase = ipc::Phase::dialled,
                                  .boot_us = static_cast<uint64_t>(call.since.time_since_epoch().count())});
    const bool recorded =
        context_.record(audit::Record("dialled").call(call.id).text("uri", call.dialled_uri).text("label", call.label));
    call.tell(context_, ipc::CallState::dialling);
    if (!recorded) {
        call.end_reason = ipc::EndReason::internal;
        call.end_detail = "the audit log cannot be written";
        return finish(call);
    }
    if (!enrolled) return place_ordinary(call);
    place_attested(call);
}

/// The INVITE waits for one signature of the TPM: who calls whom with which DTLS certificate. A TPM that refuses does
/// not stop the INVITE: the channel will fail for the same reason, and says it where both sides notice.
void Calls::place_attested(Call& call) {
    const PassportFacts facts{
        .orig = context_.config.own_uri.str(), .dest = call.dialled_uri, .mky = call.identity->fingerprint()};
    auto text = passport_text(facts, wall_ms() / 1000);
    auto place = [this, id = call.id](BoundedString<2048> identity) {
        Call* live = this->call(id);
        if (live == nullptr || live->ended || live->ordinary) return;
        context_.to_host(ipc::PlaceCall{.call = id,
                                        .kind = ipc::CallKind::attested,
                                        .uri = BoundedString<256>::cut(live->dialled_uri),
                                        .fingerprint = live->identity->fingerprint(),
                                        .identity = std::move(identity)});
    };
    if (!text) return place({});
    const Digest digest = attestation::sha256(as_bytes(*text));
    auto der = std::make_shared<std::optional<Result<Bytes>>>();  // shared: both closures must be copyable
    Status posted = context_.worker.post(
        tpm::Urgency::own_call, [der, digest](tpm::Tpm& t) { der->emplace(t.sign_identity(digest)); },
        [der, place, signed_text = *text] {
            BoundedString<2048> identity;
            if (*der && **der)
                if (auto header = identity_header(signed_text, ***der); header && header->size() <= 2048)
                    identity = BoundedString<2048>(*header);
            place(std::move(identity));
        });
    if (!posted) place({});
}

void Calls::adopt(Call& call, std::unique_ptr<Session> session, uint8_t leg) {
    Session* raw = session.get();
    call.legs.push_back(raw->id());
    sessions_.emplace(raw->id().value, std::move(session));
    context_.to_host(ipc::LegAdmitted{.call = call.id, .leg = leg, .session = raw->id()});
    raw->begin();
}

void Calls::leg_attesting(const ipc::LegAttesting& m) {
    Call* call = this->call(m.call);
    if (call == nullptr || call->ended || call->ordinary || call->winner.value != 0) return;
    if (call->legs.size() >= rats::kForksPerCall) return;
    if (std::exchange(call->waits_for_pin, false)) context_.vault.withdraw(call->id);  // it attests after all
    auto session =
        Session::open_attested(context_, *call, SessionId{next_session_++}, rats::Role::caller, m.sdp_fingerprint);
    if (!session) {
        call->end_reason = ipc::EndReason::internal;
        return finish(*call);
    }
    adopt(*call, std::move(*session), m.leg);
}

void Calls::leg_ordinary(const ipc::LegOrdinary& m) {
    Call* call = this->call(m.call);
    if (call == nullptr || call->ended || call->ordinary) return;
    if (call->waits_for_pin) return;
    // Once a fork has begun to attest, "does not attest" can only be a downgrade; the leg's own end decides the call.
    if (!call->legs.empty()) return;
    place_ordinary(*call);
}

void Calls::place_ordinary(Call& call) {
    rats::AttestationResult nothing;
    (void)nothing.reasons.push(rats::Reason::not_supported);
    if (context_.vault.locked()) return give_up(call, ipc::EndReason::locked, "");
    const vault::Content& memory = *context_.vault.content();
    const bool known = attested_before(memory, call.dialled_uri);
    const rats::Reason why = known ? rats::Reason::downgrade : rats::Reason::none;
    const policy::Decision decision = context_.decide(nothing,
                                                      {.direction = call.direction,
                                                       .ordinary = true,
                                                       .known_to_attest = known,
                                                       .known_person = is_contact(memory, call.dialled_uri),
                                                       .peer = call.dialled_uri,
                                                       .label = call.label,
                                                       .wall_ms = wall_ms()},
                                                      why, call.consent);
    context_.record(audit::Record("ordinary")
                        .call(call.id)
                        .flag("known_to_attest", known)
                        .text("label", call.label)
                        .number("action", static_cast<uint64_t>(decision.action))
                        .number("decided_by", static_cast<uint64_t>(decision.rule))
                        .number("rule", decision.number)
                        .text("rule_name", decision.name.view()));
    if (decision.action == policy::Action::pin && !call.consent) {
        call.waits_for_pin = true;
        const Consent about{decision, nothing, why};
        const auto answered = [this, id = call.id, about](bool granted) {
            Call* waiting = this->call(id);
            if (waiting == nullptr || waiting->ended) return;
            if (!granted) return give_up(*waiting, ipc::EndReason::refused_by_policy, "no PIN was entered");
            waiting->consent = about;
            place_ordinary(*waiting);
        };
        return context_.vault.ask({.call = call.id, .session = {}}, about, call.dialled_uri, answered);
    }
    if (decision.action <= policy::Action::pin)
        return known ? give_up(call, ipc::EndReason::downgrade, "it attested before")
                     : give_up(call, ipc::EndReason::peer_is_ordinary, "");
    call.ordinary = true;
    const bool recorded = context_.record(audit::Record("open")
                                              .call(call.id)
                                              .text("peer", call.dialled_uri)
                                              .text("peer_key", "")
                                              .number("level", static_cast<uint64_t>(rats::Level::unverified))
                                              .flag("lab", false)
                                              .text("label", call.label)
                                              .number("action", static_cast<uint64_t>(decision.action))
                                              .number("rule", decision.number));
    if (!recorded) return give_up(call, ipc::EndReason::internal, "the audit log cannot be written");
    // Before it goes out, so that no call that was placed can be left out of the log unseen.
    context_.notary.anchor([this, id = call.id](const Status& anchored) {
        Call* live = this->call(id);
        if (live == nullptr || live->ended) return;
        if (!anchored) return give_up(*live, ipc::EndReason::own_tpm_failed, "the audit log could not be anchored");
        live->placed = true;
        context_.to_host(ipc::PlaceCall{.call = id,
                                        .kind = ipc::CallKind::ordinary,
                                        .uri = BoundedString<256>::cut(live->dialled_uri),
                                        .fingerprint = live->identity->fingerprint(),
                                        .identity = {}});
    });
}

/// Of a call that no session has taken over.
void Calls::give_up(Call& call, ipc::EndReason reason, std::string_view detail) {
    call.end_reason = reason;
    call.end_detail = detail;
    context_.to_host(ipc::EndCall{.call = call.id});
    finish(call);
}

void Calls::ordinary_ringing(const ipc::OrdinaryRinging& m) {
    Call* call = this->call(m.call);
    if (call == nullptr || call->ended || !call->placed || call->state != ipc::CallState::dialling) return;
    call->tell(context_, ipc::CallState::ringing);
}

void Calls::ordinary_answered(const ipc::OrdinaryAnswered& m) {
    Call* call = this->call(m.call);
    if (call == nullptr || call->ended || !call->placed || call->winner.value != 0) return;
    auto session = Session::open_ordinary(context_, *call, SessionId{next_session_++}, rats::Role::caller,
                                          m.sdp_fingerprint, m.peer_is_dtls_client, m.opus_payload_type);
    if (!session) return give_up(*call, ipc::EndReason::media_failed, session.error().what);
    call->winner = (*session)->id();
    adopt(*call, std::move(*session), m.leg);
}

void Calls::call_failed(const ipc::CallFailed& m) {
    Call* call = this->call(m.call);
    if (call == nullptr || call->ended) return;
    for (SessionId leg : call->legs)
        if (Session* s = session(leg)) s->on_leg_ended(m.why, m.sip_status);
    if (call->end_reason == ipc::EndReason::none) {
        switch (m.sip_status) {
            case 404:
            case 410:
            case 604:
                call->end_reason = ipc::EndReason::not_found;
                break;
            case 486:
            case 600:
                call->end_reason = ipc::EndReason::busy;
                break;
            case 408:
            case 480:
                call->end_reason = ipc::EndReason::no_answer;
                break;
            case 0:
                call->end_reason = ipc::EndReason::not_reachable;
                break;
            default:
                call->end_reason = ipc::EndReason::refused_there;
                break;
        }
        if (m.why == ipc::LegEndWhy::transport) call->end_reason = ipc::EndReason::not_reachable;
        if (m.sip_status != 0) call->end_detail = "SIP " + std::to_string(m.sip_status);
    }
    finish(*call);
}

// ---------------------------------------------------------------- incoming

void Calls::refuse_incoming(const ipc::IncomingInvite& m, std::string_view why, uint16_t sip_status) {
    if (refusals_.tell(BootClock::now())) {
        context_.record(audit::Record("incoming_refused")
                            .text("from_hearsay", m.from_uri.view())
                            .text("origin", m.origin.view())
                            .text("why", why)
                            .number("others_not_listed", refusals_.take_untold()));
        context_.to_ui(ipc::Notice{
            .kind = ipc::NoticeKind::incoming_refused,
            .text = BoundedString<512>::cut("A call from " + m.from_uri.str() +
                                            " (its own word) was refused before it rang: " + std::string(why) + ".")});
    }
    context_.to_host(ipc::IncomingRefused{.handle = m.handle, .sip_status = sip_status});
}

/// Calls that came and went without proving anything, and were not listed one by one.
void Calls::record_not_listed() {
    if (const uint32_t n = attempts_.take_untold())
        context_.record(audit::Record("attempts_not_listed").number("others_not_listed", n));
}

/// Before anything is spent on it. What an ordinary phone claims to be is all that there will be; who attests is asked
/// again once the certificate is known.
Admission Calls::admit(const ipc::IncomingInvite& m) {
    const auto& document = context_.bundle.document();
    if (!document) return Admission::yes;
    const BootInstant now = BootClock::now();
    if (context_.limits->admit_origin(*document, m.origin.view(), now) != Admission::yes) return Admission::too_often;
    if (m.kind != ipc::CallKind::ordinary) return Admission::yes;
    return context_.limits->admit(*document, m.from_uri.view(), CallerLimits::Name::claimed, now);
}

void Calls::policy_changed() {
    for (auto& [id, s] : sessions_) s->policy_changed();
}

void Calls::incoming(const ipc::IncomingInvite& m) {
    const bool ordinary = m.kind == ipc::CallKind::ordinary;
    size_t half_open = 0, same_origin = 0;
    for (const auto& [id, s] : sessions_) {
        if (s->state() >= SessionState::answered || s->call().direction != policy::Direction::incoming) continue;
        ++half_open;
        if (s->call().origin == m.origin.view()) ++same_origin;
    }
    if (half_open >= rats::kHalfOpenChannels) return refuse_incoming(m, "too many calls are being checked", 480);
    if (same_origin >= rats::kHalfOpenPerOrigin)
        return refuse_incoming(m, "too many calls from one place are being checked", 480);
    if (!ordinary && context_.attester == nullptr) return refuse_incoming(m, "this phone is not enrolled", 480);
    if (ordinary && context_.policies().own->ordinary_phones == policy::Action::refuse)
        return refuse_incoming(m, "an ordinary phone, and the policy refuses those", 480);
    if (context_.notary.wear().dry(BootClock::now())) return refuse_incoming(m, "too many calls in a short time", 480);
    if (const Admission no = admit(m); no != Admission::yes) return refuse_incoming(m, sentence(no), 480);
    auto made = new_call(policy::Direction::incoming, ordinary);
    if (!made) return refuse_incoming(m, "four calls at once are the limit", 486);
    Call& call = **made;
    call.hearsay_from = m.from_uri.str();
    call.hearsay_name = m.display_name.str();
    call.origin = m.origin.str();
    call.identity_header = m.identity.str();
    if (ordinary) call.dialled_uri = m.to_uri.str();
    call.state = ipc::CallState::offered;
    context_.to_ui(ipc::CallPhase{.call = call.id,
                                  .phase = ipc::Phase::dialled,
                                  .boot_us = static_cast<uint64_t>(call.since.time_since_epoch().count())});
    if (attempts_.tell(BootClock::now())) call.list(context_);
    const SessionId id{next_session_++};
    auto session = ordinary ? Session::open_ordinary(context_, call, id, rats::Role::callee, m.sdp_fingerprint,
                                                     m.peer_is_dtls_client, m.opus_payload_type)
                            : Session::open_attested(context_, call, id, rats::Role::callee, m.sdp_fingerprint);
    if (!session) {
        calls_.erase(call.id.value);
        return refuse_incoming(m, session.error().what, 488);
    }
    call.legs.push_back(id);
    Session* raw = session->get();
    sessions_.emplace(id.value, std::move(*session));
    context_.to_host(ipc::IncomingAdmitted{
        .handle = m.handle, .call = call.id, .session = id, .fingerprint = call.identity->fingerprint()});
    raw->begin();
}

// ---------------------------------------------------------------- the person

Session* Calls::active(CallId id) {
    Call* c = call(id);
    if (c == nullptr || c->ended) return nullptr;
    if (c->winner.value != 0) return session(c->winner);
    for (SessionId leg : c->legs)
        if (Session* s = session(leg); s != nullptr && s->state() != SessionState::ended) return s;
    return nullptr;
}

void Calls::answer(const ipc::Answer& m) {
    if (Session* s = active(m.call)) {
        // ui speaks for a person or a script; what the policy answers is decided here alone.
        s->answer(m.by == policy::AnsweredBy::person ? policy::AnsweredBy::person : policy::AnsweredBy::script,
                  m.microphone);
    }
}

void Calls::refuse(const ipc::Refuse& m) {
    if (Session* s = active(m.call)) s->end(ipc::EndReason::refused_here, "", 480);
}

void Calls::hang_up(const ipc::HangUp& m) {
    Call* c = call(m.call);
    if (c == nullptr || c->ended) return;
    for (SessionId leg : std::vector<SessionId>(c->legs))
        if (Session* s = session(leg)) s->end(ipc::EndReason::hung_up_here, "");
    c->end_reason = ipc::EndReason::hung_up_here;
    c->end_detail.clear();
    if (c->direction == policy::Direction::outgoing && c->winner.value == 0)
        give_up(*c, ipc::EndReason::hung_up_here, "");
}

void Calls::set_hold(const ipc::SetHold& m) {
    if (Session* s = active(m.call)) s->set_hold(m.on);
}

void Calls::set_microphone(const ipc::SetMicrophone& m) {
    if (Session* s = active(m.call)) s->set_microphone(m.on);
}

void Calls::recheck(const ipc::Recheck& m) {
    if (Session* s = active(m.call)) s->recheck();
}

// ---------------------------------------------------------------- life

bool Calls::has_live_leg(const Call& call) {
    return std::ranges::any_of(call.legs, [&](SessionId id) {
        Session* s = session(id);
        return s != nullptr && s->state() != SessionState::ended;
    });
}

/// Marks a call as over; it is told and forgotten once its sessions are gone (their secrets dead).
void Calls::finish(Call& call) {
    call.ended = true;
    context_.vault.withdraw(call.id);
    call.since = BootClock::now();
    for (SessionId id : call.legs)
        if (Session* s = session(id)) s->end(call.end_reason, call.end_detail);
}

void Calls::suspended() {
    context_.to_ui(ipc::Notice{
        .kind = ipc::NoticeKind::suspended,
        .text = BoundedString<512>("This computer slept; the keys of running calls left memory. Resume to go on.")});
    for (auto& [id, s] : sessions_) s->suspended();
}

void Calls::lock_changed() {
    // What nobody has answered yet would be reached, or not, without memory.
    for (auto& [id, c] : calls_)
        if (context_.vault.locked() && !c->ended && c->direction == policy::Direction::outgoing && c->winner.value == 0)
            give_up(*c, ipc::EndReason::locked, "");
    for (auto& [id, s] : sessions_) s->lock_changed();
}

void Calls::end_all(ipc::EndReason reason) {
    record_not_listed();
    for (auto& [id, c] : calls_) {
        if (c->ended) continue;
        if (c->direction == policy::Direction::outgoing && c->winner.value == 0)
            context_.to_host(ipc::EndCall{.call = c->id});
        c->end_reason = reason;
        c->end_detail.clear();
        finish(*c);
    }
}

void Calls::tick(BootInstant now) {
    if (attempts_.over(now)) record_not_listed();
    for (auto& [id, s] : sessions_) s->tick(now);
    for (auto& [id, owned] : calls_) {
        Call& c = *owned;
        if (c.ended || c.legs.empty() || has_live_leg(c)) {
            if (!c.ended) c.since = now;
            continue;
        }
        const bool outgoing_waits = c.direction == policy::Direction::outgoing && c.winner.value == 0 && !c.ordinary &&
                                    c.end_reason != ipc::EndReason::own_tpm_refused &&
                                    c.end_reason != ipc::EndReason::own_tpm_failed && now - c.since < kForkGrace;
        if (outgoing_waits) continue;
        if (c.direction == policy::Direction::outgoing && c.winner.value == 0)
            context_.to_host(ipc::EndCall{.call = c.id});
        c.ended = true;
    }
    std::erase_if(sessions_, [](const auto& s) { return s.second->finished(); });
    std::erase_if(calls_, [&](const auto& entry) {
        Call& c = *entry.second;
        const bool gone = c.ended && std::ranges::none_of(c.legs, [&](SessionId id) { return session(id) != nullptr; });
        if (!gone) return false;
        if (c.slot) context_.slots.give_back(*c.slot);
        c.tell(context_, ipc::CallState::ended);
        return true;
    });
}

BootInstant Calls::next_deadline() const {
    BootInstant next = BootInstant::max();
    for (const auto& [id, s] : sessions_) next = std::min(next, s->next_deadline());
    for (const auto& [id, c] : calls_) {
        if (c->ended) continue;
        const bool all_gone = !c->legs.empty() && std::ranges::none_of(c->legs, [&](SessionId leg) {
            auto it = sessions_.find(leg.value);
            return it != sessions_.end() && it->second->state() != SessionState::ended;
        });
        if (all_gone) next = std::min(next, c->since + kForkGrace);
    }
    return next;
}

}  // namespace sealcall::enclave
