#include "host/call/incoming_call.h"

namespace sealcall::host {
namespace {

constexpr uint64_t kRepeatMs = 60'000;    ///< 183 again, so that proxies keep the transaction (RFC 3261 13.3.1.1)
constexpr uint64_t kDecisionMs = 30'000;  ///< for the enclave's first word
constexpr const char* kAllow = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE\r\n";

void refuse(Context& context, const sip_msg& m, uint16_t status, const std::string& headers) {
    if (status == 400) ++context.counters.malformed;
    const std::string rest = headers + "Content-Length: 0\r\n\r\n";
    (void)sip_treplyf(nullptr, nullptr, context.transport.stack(), &m, false, status, reason_phrase(status), "%b",
                      rest.data(), rest.size());
}

}  // namespace

IncomingCall::IncomingCall(Context& context, const sip_msg& invite, HostHandle handle, ipc::CallKind kind)
    : context_(context), handle_(handle), kind_(kind), invite_(ReRef<sip_msg>::share(&invite)) {
    peer_wants_reliable_ = has_token(invite, "Require", "100rel");
}

IncomingCall::~IncomingCall() { mem_deref(transaction_); }

std::unique_ptr<IncomingCall> IncomingCall::take(Context& context, const sip_msg& m, HostHandle handle) {
    const bool attest = has_token(m, "Require", kAttestTag);
    if (attest && !has_token(m, "Recv-Info", kAttestTag)) {
        refuse(context, m, 420, std::string("Unsupported: ") + kAttestTag + "\r\n");
        return nullptr;
    }
    auto body = sdp_body(m);
    auto offer = body && !body->empty() ? parse_sdp(*body) : Result<RemoteSdp>(Error{Errc::bad_sdp, "none", 0});
    const auto kind = attest ? ipc::CallKind::attested : ipc::CallKind::ordinary;
    if (!body)
        refuse(context, m, 415, "Accept: application/sdp\r\n");
    else if (body->empty())
        refuse(context, m, 488, "");
    else if (!offer)
        refuse(context, m, 400, "");
    // RFC 5763 5 asks for actpass; as the side that answers we are the DTLS client.
    else if (!attest && (!offer->acceptable() || offer->setup == Setup::holdconn))
        refuse(context, m, 488, "Warning: 304 sealcall \"DTLS-SRTP with Opus only\"\r\n");
    else {
        std::unique_ptr<IncomingCall> c(new IncomingCall(context, m, handle, kind));
        auto dialog = make_dialog(m, nullptr, context.transport);
        if (!dialog) {
            refuse(context, m, 400, "");
            return nullptr;
        }
        c->leg_ = std::make_unique<Leg>(context, std::move(*dialog), false, kind, uint8_t{0});
        c->leg_->remote = *offer;
        if (sip_strans_alloc(&c->transaction_, context.transport.stack(), &m, &IncomingCall::cancelled, c.get()))
            return nullptr;
        if (!c->tell_enclave(*offer)) {
            ++context.counters.malformed;
            (void)c->respond(400, "", "");
            return nullptr;
        }
        IncomingCall* raw = c.get();
        c->decision_.start(kDecisionMs, [raw] { raw->refused(480); });
        return c;
    }
    return nullptr;
}

Status IncomingCall::tell_enclave(const RemoteSdp& offer) {
    ipc::IncomingInvite m;
    m.handle = handle_;
    m.kind = kind_;
    TRY(m.from_uri, BoundedString<256>::from(view(invite_->from.auri)));
    TRY(m.to_uri, BoundedString<256>::from(view(invite_->to.auri)));
    m.display_name = BoundedString<256>::cut(display_name(*invite_.get()));
    auto identity = BoundedString<2048>::from(header_value(*invite_.get(), "Identity"));
    if (identity) m.identity = *identity;
    m.sdp_fingerprint = offer.fingerprint;
    if (offer.opus_payload_type != 0) m.opus_payload_type = offer.opus_payload_type;
    m.peer_is_dtls_client = offer.setup == Setup::active;
    char source[64];
    if (re_snprintf(source, sizeof source, "%j", &invite_->src) > 0) m.origin = BoundedString<64>::cut(source);
    context_.enclave.incoming_invite(m);
    return {};
}

ReRef<mbuf> IncomingCall::respond(uint16_t status, const std::string& headers, const std::string& sdp) {
    if (!transaction_) return {};
    std::string rest = headers;
    if (status > 100 && status < 300) {
        rest += "Contact: " + context_.transport.contact() + "\r\n" + kAllow + "Supported: 100rel, timer, " +
                kAttestTag + "\r\n";
        if (kind_ == ipc::CallKind::attested) rest += std::string("Recv-Info: ") + kAttestTag + "\r\n";
    }
    if (!sdp.empty()) rest += "Content-Type: application/sdp\r\n";
    rest += "Content-Length: " + std::to_string(sdp.size()) + "\r\n\r\n" + sdp;
    mbuf* sent = nullptr;
    (void)sip_treplyf(&transaction_, &sent, context_.transport.stack(), invite_.get(), true, status,
                      reason_phrase(status), "%b", rest.data(), rest.size());
    return ReRef<mbuf>(sent);
}

void IncomingCall::admitted(const ipc::IncomingAdmitted& m) {
    decided_ = true;
    decision_.cancel();
    leg_->local.fingerprint = m.fingerprint;
    // RFC 5763 5: the answerer is active, unless the offer says that it will be.
    leg_->local.setup = leg_->remote && leg_->remote->setup == Setup::active ? Setup::passive : Setup::active;
    leg_->local.direction = Direction::sendrecv;
    if (leg_->remote) {
        leg_->local.feedback = leg_->remote->feedback;
        mirror_media_lines(*leg_->remote, leg_->local);
    }
    if (kind_ == ipc::CallKind::attested && leg_->state() == Leg::State::early) send_progress();
    leg_->admit(m.session);  // after the 183: ChannelOut must go right behind it
}

void IncomingCall::refused(uint16_t status) {
    decided_ = true;
    decision_.cancel();
    if (leg_->state() == Leg::State::ended) return;
    leg_->silence();
    (void)respond(status >= 400 && status < 700 ? status : uint16_t{480}, "", "");
}

void IncomingCall::send_reliably(uint16_t status, const std::string& headers, const std::string& sdp) {
    rseq_ = rseq_ ? rseq_ + 1 : 1 + rand_u32() % 0x3fffffff;
    auto sent = respond(status, headers + "Require: 100rel\r\nRSeq: " + std::to_string(rseq_) + "\r\n", sdp);
    prack_pending_ = true;
    provisional_.start(context_.transport.stack(), *invite_.get(), std::move(sent),
                       [this] { give_up(504, ipc::LegEndWhy::timeout); });
}

void IncomingCall::send_progress() {
    if (!transaction_ || leg_->state() == Leg::State::ended) return;
    // A repeat goes without SDP: the answer has been given (RFC 3261 13.2.1).
    if (!prack_pending_) send_reliably(183, "", rseq_ == 0 ? build_sdp(leg_->local) : std::string());
    repeat_.start(kRepeatMs, [this] { send_progress(); });
}

void IncomingCall::prack(Leg&, const sip_msg& m) {
    auto rack = parse_rack(m);
    const bool ours = rack && prack_pending_ && rack->rseq == rseq_ && rack->cseq == invite_->cseq.num;
    (void)sip_dialog_rseq_valid(leg_->dialog(), &m);
    const uint16_t status = !rack ? 400 : ours ? 200 : 481;
    if (!rack) ++context_.counters.malformed;
    (void)sip_treply(nullptr, context_.transport.stack(), &m, status, reason_phrase(status));
    if (!ours) return;
    prack_pending_ = false;
    provisional_.stop();
    if (std::exchange(ok_wanted_, false)) send_ok();
}

void IncomingCall::ring(Leg&) {
    if (!transaction_ || leg_->state() != Leg::State::early || ok_sent_) return;
    if (kind_ == ipc::CallKind::ordinary && peer_wants_reliable_ && !prack_pending_) return send_reliably(180, "", "");
    (void)respond(180, "", "");
}

void IncomingCall::accept(Leg&) {
    if (!transaction_ || leg_->state() != Leg::State::early || ok_sent_) return;
    // Some stacks kill the call when the 200 overtakes a PRACK.
    if (prack_pending_)
        ok_wanted_ = true;
    else
        send_ok();
}

void IncomingCall::send_ok() {
    std::string sdp;
    if (kind_ == ipc::CallKind::ordinary) {
        const RemoteSdp& offer = *leg_->remote;
        leg_->local.payload_type = offer.opus_payload_type;
        leg_->local.direction = answer_direction(offer.direction, Direction::sendrecv);
        Status s = leg_->make_media_path();
        if (s) s = leg_->connect_media(offer);
        if (!s) return give_up(488, ipc::LegEndWhy::failed);
        if (!offer.ice.present()) leg_->local.ice = {};
        sdp = build_sdp(leg_->local);
        leg_->local.direction = Direction::sendrecv;
    }
    repeat_.cancel();
    const std::string timer = leg_->accept_session_timer(*invite_.get());
    auto sent = respond(200, timer, sdp);
    ok_sent_ = true;
    ok_.start(context_.transport.stack(), *invite_.get(), std::move(sent), [this] {
        // RFC 3261 13.3.1.4: no ACK in 64*T1 ends the session with BYE.
        leg_->send_bye();
        leg_->report_end(ipc::LegEndWhy::timeout, 0);
    });
}

void IncomingCall::acknowledged(Leg& leg, const sip_msg& ack) {
    if (!ok_.running() || ack.cseq.num != invite_->cseq.num) return leg.handle_ack(ack);
    ok_.stop();
    if (bye_after_ack_) return leg.send_bye();
    leg.confirm();
}

void IncomingCall::give_up(uint16_t status, ipc::LegEndWhy why) {
    repeat_.cancel();
    provisional_.stop();
    (void)respond(status, "", "");
    leg_->report_end(why, status);
}

void IncomingCall::end_leg(Leg& leg, uint16_t status) {
    repeat_.cancel();
    provisional_.stop();
    if (!ok_sent_) {
        leg.silence();
        (void)respond(status >= 400 && status < 700 ? status : uint16_t{480}, "", "");
        return;
    }
    if (!ok_.running()) return leg.bye();
    // The callee may not send BYE before the ACK (RFC 3261 15).
    bye_after_ack_ = true;
    leg.silence();
}

void IncomingCall::cancelled(void* self) {
    auto* c = static_cast<IncomingCall*>(self);
    c->give_up(487, ipc::LegEndWhy::cancelled);
}

bool IncomingCall::finished() const {
    return decided_ && leg_->state() == Leg::State::ended && !transaction_ && !ok_.running();
}

}  // namespace sealcall::host
