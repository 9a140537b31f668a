// Offers within a dialog: re-INVITE and UPDATE both ways (RFC 3261 14, RFC 3311), and session timers (RFC 4028).
#include "host/call/leg.h"

namespace sealcall::host {
namespace {

constexpr uint32_t kMinSessionS = 90;  ///< RFC 4028 4

}  // namespace

/// True if the offer can be taken. Tells the enclave when hold changed.
bool Leg::apply_remote(const RemoteSdp& offer) {
    if (kind_ == ipc::CallKind::ordinary) {
        // Another fingerprint would be another DTLS association, which only a new call gets.
        if (!offer.acceptable() || (remote && remote->has_fingerprint && offer.fingerprint != remote->fingerprint))
            return false;
        const bool moved = remote && (offer.address != remote->address || offer.port != remote->port);
        if (moved && path_ && !offer.ice.present() && offer.address != "0.0.0.0" && offer.port != 0)
            (void)path_->connect_plain(offer.address, offer.port);
    }
    remote = offer;
    const bool holds = is_hold(offer.direction);
    if (holds != peer_holds_) {
        peer_holds_ = holds;
        if (session_) context_.enclave.peer_hold(*session_, holds);
    }
    return true;
}

void Leg::handle_offer(const sip_msg& m) {
    const bool invite = view(m.met) == "INVITE";
    auto body = sdp_body(m);
    if (!body) {
        ++context_.counters.malformed;
        return reply(m, 415, "Accept: application/sdp\r\n");
    }
    if (invite && state_ != State::confirmed) return reply(m, 500, "Retry-After: 1\r\n");
    const bool has_offer = invite || !body->empty();
    if (has_offer && (reinvite_ || ack_pending_)) return reply(m, 491);
    LocalSdp answer = local;
    if (!body->empty()) {
        auto offer = parse_sdp(*body);
        if (!offer) ++context_.counters.malformed;
        if (!offer) return reply(m, 400);
        if (!apply_remote(*offer)) return reply(m, 488);
        answer.direction = answer_direction(offer->direction, local.direction);
        answer.setup = local.setup == Setup::actpass ? Setup::passive : local.setup;
        mirror_media_lines(*offer, answer);
        ++local.version;
        answer.version = local.version;
    }
    const sip_hdr* expires = sip_msg_hdr(&m, SIP_HDR_SESSION_EXPIRES);
    if (expires) {
        auto s = parse_session_expires(view(expires->val));
        if (!s) return reply(m, 400);
        if (s->seconds < kMinSessionS) return reply(m, 422, "Min-SE: " + std::to_string(kMinSessionS) + "\r\n");
    }
    const std::string sdp = has_offer ? build_sdp(answer) : std::string();
    std::string rest =
        "Contact: " + context_.transport.contact() + "\r\nSupported: 100rel, timer\r\n" + accept_session_timer(m);
    if (!sdp.empty()) rest += "Content-Type: application/sdp\r\n";
    rest += "Content-Length: " + std::to_string(sdp.size()) + "\r\n\r\n" + sdp;
    refresh_target(dialog_.get(), m, context_.transport);
    sip_strans* transaction = nullptr;
    ReRef<mbuf> sent;
    mbuf* raw = nullptr;
    const int err = sip_treplyf(invite ? &transaction : nullptr, &raw, context_.transport.stack(), &m, true, 200, "OK",
                                "%b", rest.data(), rest.size());
    if (err) return;
    sent = ReRef<mbuf>(raw);
    if (!invite) return;
    ack_pending_ = true;
    peer_invite_cseq_ = m.cseq.num;
    ok_.start(context_.transport.stack(), m, std::move(sent), [this] { drop(ipc::LegEndWhy::timeout, 0); });
}

void Leg::handle_ack(const sip_msg& ack) {
    // An ACK carries the CSeq of its INVITE, which may be lower than that of later INFOs.
    if (!ack_pending_ || ack.cseq.num != peer_invite_cseq_) return;
    ack_pending_ = false;
    ok_.stop();
    auto body = sdp_body(ack);
    if (body && !body->empty()) {
        auto answer = parse_sdp(*body);
        if (answer)
            (void)apply_remote(*answer);
        else
            ++context_.counters.malformed;
    }
    if (std::exchange(offer_wanted_, false)) send_offer();
}

void Leg::set_hold(bool on) {
    local.direction = on ? Direction::inactive : Direction::sendrecv;
    send_offer();
}

void Leg::send_offer() {
    if (state_ != State::confirmed) return;
    if (reinvite_ || ack_pending_ || glare_.running()) {
        offer_wanted_ = true;
        return;
    }
    ++local.version;
    LocalSdp offer = local;
    // The DTLS association stays, so the roles stay (RFC 5763 5); a peer must be able to see that.
    offer.refused_before.clear();
    offer.refused_after.clear();
    RequestSpec spec{.method = "INVITE",
                     .headers = "Supported: timer\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE\r\n",
                     .content_type = "application/sdp",
                     .body = build_sdp(offer),
                     .contact = true,
                     .contact_parameters = ""};
    reinvite_ = context_.requests.send(dialog_.get(), std::move(spec), life_.guard([this](int err, const sip_msg* msg) {
        offer_answered(reinvite_, err, msg);
    }));
}

void Leg::offer_answered(Request* request, int err, const sip_msg* msg) {
    if (msg && msg->scode < 200) return;
    reinvite_ = nullptr;
    if (msg && msg->scode < 300) {
        refresh_target(dialog_.get(), *msg, context_.transport);
        context_.requests.send_ack(dialog_.get(), request ? request->cseq() : msg->cseq.num, "");
        if (state_ == State::ended) return;
        take_session_timer(*msg);
        auto body = sdp_body(*msg);
        auto answer = body && !body->empty() ? parse_sdp(*body) : Result<RemoteSdp>(Error{Errc::bad_sdp, "none", 0});
        if (!answer)
            ++context_.counters.malformed;
        else
            remote = *answer;
    } else if (msg && msg->scode == 491) {
        return retry_offer();
    } else if (err || msg->scode == 481 || msg->scode == 408) {
        return dialog_gone(err == ETIMEDOUT ? ipc::LegEndWhy::timeout : ipc::LegEndWhy::transport,
                           msg ? msg->scode : 0);
    }
    if (std::exchange(offer_wanted_, false)) send_offer();
}

void Leg::retry_offer() {
    // RFC 3261 14.1: who made the Call-ID waits longer, so that the two do not meet again.
    const uint64_t wait = caller_ ? 2100 + rand_u32() % 1900 : rand_u32() % 2000;
    glare_.start(wait / 10 * 10, [this] { send_offer(); });
}

std::string Leg::accept_session_timer(const sip_msg& request) {
    const sip_hdr* h = sip_msg_hdr(&request, SIP_HDR_SESSION_EXPIRES);
    if (!h) return {};
    auto s = parse_session_expires(view(h->val));
    if (!s || s->seconds < kMinSessionS) return {};
    const bool peer_can = has_token(request, "Supported", "timer") || has_token(request, "Require", "timer");
    const bool peer_refreshes = peer_can && (s->refresher_given ? s->refresher_uac : true);
    arm_session_timer(s->seconds, !peer_refreshes);
    return "Session-Expires: " + std::to_string(s->seconds) +
           (peer_refreshes ? ";refresher=uac\r\n" : ";refresher=uas\r\n") +
           (peer_refreshes ? "Require: timer\r\n" : "");
}

void Leg::take_session_timer(const sip_msg& response) {
    const sip_hdr* h = sip_msg_hdr(&response, SIP_HDR_SESSION_EXPIRES);
    if (!h) return session_timer_.cancel();
    auto s = parse_session_expires(view(h->val));
    if (s && s->seconds >= kMinSessionS) arm_session_timer(s->seconds, s->refresher_given && s->refresher_uac);
}

void Leg::arm_session_timer(uint32_t seconds, bool we_refresh) {
    if (we_refresh) {
        session_timer_.start(uint64_t{seconds} * 500, [this] { send_offer(); });
        return;
    }
    const uint64_t grace = std::min(uint32_t{32}, seconds / 3);
    session_timer_.start((seconds - grace) * 1000, [this] { drop(ipc::LegEndWhy::timeout, 0); });
}

}  // namespace sealcall::host
