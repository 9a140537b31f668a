#include "host/call/outgoing_call.h"

#include <cstring>

namespace sealcall::host {
namespace {

constexpr uint64_t kSilenceMs = 4000;   ///< no 18x at all
constexpr uint64_t kGraceMs = 500;      ///< a fork without Recv-Info answered: another may attest
constexpr uint64_t kLingerMs = 35'000;  ///< late 2xx of other forks: 64*T1 and some
constexpr const char* kElsewhere = "Reason: SIP;cause=200;text=\"Call completed elsewhere\"\r\n";

}  // namespace

OutgoingCall::OutgoingCall(Context& context, const ipc::PlaceCall& order)
    : context_(context), id_(order.call), kind_(order.kind) {}

Result<std::unique_ptr<OutgoingCall>> OutgoingCall::place(Context& context, const ipc::PlaceCall& order) {
    std::unique_ptr<OutgoingCall> c(new OutgoingCall(context, order));
    TRY_STATUS(c->start(order));
    return c;
}

Status OutgoingCall::start(const ipc::PlaceCall& order) {
    const std::string& route = context_.transport.route();
    TRY(to_uri_, bare_uri(order.uri.str()));
    std::string target = to_uri_;
    if (route.empty()) {
        TRY(target, context_.transport.direct_target(order.uri.str()));
    }
    const char* routes[1] = {route.c_str()};
    if (sip_dialog_alloc(base_.out(), target.c_str(), to_uri_.c_str(), nullptr, context_.own_uri.c_str(), routes,
                         route.empty() ? 0 : 1))
        return Error{Errc::bad_sip, "dialog", 0};
    gathering_ = std::make_unique<Leg>(context_, ReRef<sip_dialog>(), true, kind_, uint8_t{0});
    gathering_->local.fingerprint = order.fingerprint;
    if (kind_ == ipc::CallKind::ordinary) TRY_STATUS(gathering_->make_media_path());
    offer_ = gathering_->local;
    RequestSpec spec = invite(order);
    const size_t fixed = 700;  // request line, Via, Route, To, From, Call-ID, CSeq, Contact
    if (spec.headers.size() + spec.body.size() + fixed > kInviteMax) return Error{Errc::too_large, "INVITE", 0};
    invite_ = context_.requests.send(base_.get(), std::move(spec),
                                     life_.guard([this](int err, const sip_msg* msg) { answered(err, msg); }));
    if (kind_ == ipc::CallKind::attested)
        silence_.start(kSilenceMs, [this] { found_ordinary(ipc::OrdinaryWhy::silence); });
    return {};
}

RequestSpec OutgoingCall::invite(const ipc::PlaceCall& order) const {
    RequestSpec spec{.method = "INVITE",
                     .headers = "",
                     .content_type = "application/sdp",
                     .body = build_sdp(offer_),
                     .contact = true,
                     .contact_parameters = ""};
    if (kind_ == ipc::CallKind::attested) {
        // Ours first: some phones name only the first tag in Unsupported.
        spec.headers = std::string("Require: ") + kAttestTag +
                       ", 100rel\r\nSupported: 100rel, timer\r\nRecv-Info: " + kAttestTag + "\r\n";
    } else {
        spec.headers = "Supported: timer\r\n";
    }
    spec.headers += "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE\r\n";
    const bool one_line = order.identity.view().find_first_of("\r\n") == std::string_view::npos;
    if (!order.identity.empty() && one_line) spec.headers += "Identity: " + order.identity.str() + "\r\n";
    return spec;
}

void OutgoingCall::answered(int err, const sip_msg* msg) {
    if (msg && !err && msg->scode < 200) return provisional(*msg);
    invite_ = nullptr;
    silence_.cancel();
    give_up_.cancel();
    if (!err && msg && msg->scode < 300) return success(*msg);
    failure(err, msg);
}

OutgoingCall::Fork* OutgoingCall::fork_for(const sip_msg& msg) {
    for (Fork& f : forks_)
        if (f.leg->matches(msg)) return &f;
    if (forks_.size() >= rats::kForksPerCall || msg.to.tag.l == 0) return nullptr;
    auto dialog = make_dialog(msg, base_.get(), context_.transport);
    if (!dialog) {
        ++context_.counters.malformed;
        return nullptr;
    }
    const auto index = static_cast<uint8_t>(forks_.size());
    Fork f{.leg = std::make_unique<Leg>(context_, std::move(*dialog), true, kind_, index)};
    f.leg->local = offer_;
    forks_.push_back(std::move(f));
    return &forks_.back();
}

void OutgoingCall::provisional(const sip_msg& msg) {
    if (msg.scode == 100 || msg.to.tag.l == 0 || ended_) return;
    silence_.cancel();
    Fork* fork = fork_for(msg);
    if (!fork) return;
    const bool attests = kind_ == ipc::CallKind::attested && has_token(msg, "Recv-Info", kAttestTag);
    acknowledge_reliable(*fork, msg);
    if (attests && !fork->attested && fork->rseq_seen) {
        attesting(*fork, msg);
    } else if (kind_ == ipc::CallKind::attested && !fork->attested && !any_attested() && !grace_.running()) {
        grace_.start(kGraceMs, [this] {
            if (!any_attested()) found_ordinary(ipc::OrdinaryWhy::no_recv_info);
        });
    } else if (kind_ == ipc::CallKind::ordinary && !std::exchange(rings_, true)) {
        context_.enclave.ordinary_ringing(id_);
    }
    if (on_new_leg) on_new_leg();
}

void OutgoingCall::attesting(Fork& fork, const sip_msg& msg) {
    fork.attested = true;
    grace_.cancel();
    Digest fingerprint{};
    auto body = sdp_body(msg);
    auto sdp = body && !body->empty() ? parse_sdp(*body) : Result<RemoteSdp>(Error{Errc::bad_sdp, "none", 0});
    if (sdp) {
        fingerprint = sdp->fingerprint;
        fork.leg->remote = *sdp;
    } else {
        ++context_.counters.malformed;  // the channel counts, not SDP; the enclave sees an all-zero fingerprint
    }
    context_.enclave.leg_attesting(id_, fork.leg->index(), fingerprint);
}

void OutgoingCall::acknowledge_reliable(Fork& fork, const sip_msg& msg) {
    uint32_t rseq = 0;
    if (!has_token(msg, "Require", "100rel") || !parse_number(header_value(msg, "RSeq"), rseq)) return;
    if (fork.rseq_seen && rseq <= fork.rseq) return;  // a repeat; its PRACK is under way
    fork.rseq_seen = true;
    fork.rseq = rseq;
    RequestSpec spec{.method = "PRACK",
                     .headers = "RAck: " + std::to_string(rseq) + " " + std::to_string(msg.cseq.num) + " INVITE\r\n",
                     .content_type = "",
                     .body = "",
                     .contact = false,
                     .contact_parameters = ""};
    (void)context_.requests.send(fork.leg->dialog(), std::move(spec), nullptr);
}

void OutgoingCall::success(const sip_msg& msg) {
    Fork* fork = fork_for(msg);
    if (!fork) {
        linger();
        return;
    }
    // A 2xx that crosses our CANCEL, or comes from a second fork, is acknowledged and ended (RFC 3261 13.2.2.4).
    context_.requests.send_ack(fork->leg->dialog(), msg.cseq.num, "");
    if (ended_ || answered_ || fork->leg->state() == Leg::State::ended) {
        fork->leg->silence();
        fork->leg->send_bye();
        return linger();
    }
    refresh_target(fork->leg->dialog(), msg, context_.transport);
    kind_ == ipc::CallKind::attested ? attested_answer(*fork, msg) : ordinary_answer(*fork, msg);
}

void OutgoingCall::attested_answer(Fork& fork, const sip_msg& msg) {
    if (!fork.attested) {
        fork.leg->bye();
        if (any_attested()) {
            for (Fork& f : forks_) f.leg->report_end(ipc::LegEndWhy::cancelled, 0);
            context_.enclave.call_failed(id_, ipc::LegEndWhy::failed, msg.scode);
            ended_ = true;
        } else {
            found_ordinary(ipc::OrdinaryWhy::no_recv_info);
        }
        return linger();
    }
    answered_ = true;
    fork.leg->take_session_timer(msg);
    fork.leg->confirm();
    drop_other_forks(*fork.leg);
}

void OutgoingCall::ordinary_answer(Fork& fork, const sip_msg& msg) {
    auto body = sdp_body(msg);
    auto sdp = body && !body->empty() ? parse_sdp(*body) : Result<RemoteSdp>(Error{Errc::bad_sdp, "none", 0});
    // The path was bound before the INVITE; its events must reach the leg that won.
    if (sdp && sdp->acceptable() && gathering_) {
        fork.leg->remote = *sdp;
        gathering_->take_dialog(*fork.leg);
        fork.leg = std::move(gathering_);
    }
    const bool usable = sdp && sdp->acceptable() && fork.leg->media_path() && fork.leg->connect_media(*sdp).has_value();
    if (!usable) {
        ++context_.counters.malformed;
        fork.leg->bye();
        ended_ = true;
        context_.enclave.call_failed(id_, ipc::LegEndWhy::failed, 488);
        return linger();
    }
    answered_ = true;
    fork.leg->take_session_timer(msg);
    fork.leg->confirm();
    context_.enclave.ordinary_answered(ipc::OrdinaryAnswered{.call = id_,
                                                             .leg = fork.leg->index(),
                                                             .sdp_fingerprint = sdp->fingerprint,
                                                             .peer_is_dtls_client = sdp->setup == Setup::active,
                                                             .opus_payload_type = sdp->opus_payload_type});
    drop_other_forks(*fork.leg);
}

void OutgoingCall::drop_other_forks(const Leg& winner) {
    for (Fork& f : forks_)
        if (f.leg.get() != &winner) f.leg->report_end(ipc::LegEndWhy::cancelled, 0);
    linger();
}

void OutgoingCall::failure(int err, const sip_msg* msg) {
    grace_.cancel();
    const bool was_over = std::exchange(ended_, true);
    const uint16_t status = msg ? msg->scode : uint16_t{0};
    // Who sends 420 has not rung. After an attested 183 any final answer, 420 included, only means the end.
    if (!was_over && status == 420 && kind_ == ipc::CallKind::attested && !any_attested()) {
        context_.enclave.leg_ordinary(id_, ipc::OrdinaryWhy::bad_extension);
    } else if (!was_over) {
        const auto why = msg                ? ipc::LegEndWhy::failed
                         : err == ETIMEDOUT ? ipc::LegEndWhy::timeout
                                            : ipc::LegEndWhy::transport;
        if (err) std::fprintf(stderr, "event=invite_failed error=\"%s\"\n", std::strerror(err));
        for (Fork& f : forks_) f.leg->report_end(why, status);
        context_.enclave.call_failed(id_, why, status);
    }
    linger();
}

void OutgoingCall::found_ordinary(ipc::OrdinaryWhy why) {
    if (std::exchange(ended_, true)) return;
    cancel(kElsewhere);  // keeps a phone that rang from listing a missed call
    context_.enclave.leg_ordinary(id_, why);
}

void OutgoingCall::cancel(const std::string& reason) {
    silence_.cancel();
    grace_.cancel();
    if (!invite_) return;
    invite_->cancel(reason, to_uri_, context_.transport.route());
    give_up_.start(kLingerMs, [this] { linger(); });
}

void OutgoingCall::end() {
    ended_ = true;
    cancel("");
    // What has answered ends with BYE, forks in progress with the CANCEL.
    for (Fork& f : forks_) {
        if (f.leg->state() == Leg::State::confirmed)
            f.leg->bye();
        else
            f.leg->silence();
    }
    gathering_.reset();
    if (!invite_) linger();
}

void OutgoingCall::end_leg(Leg& leg, uint16_t) {
    const auto alive = std::ranges::count_if(forks_, [](const Fork& f) { return f.leg->state() != Leg::State::ended; });
    if (leg.state() == Leg::State::early && alive <= 1) return end();
    // One fork among others: BYE within its early dialog (RFC 3261 15); CANCEL would end them all.
    leg.bye();
}

void OutgoingCall::leg_admitted(uint8_t index, SessionId session) {
    for (Fork& f : forks_)
        if (f.leg->index() == index) return f.leg->admit(session);
    ++context_.counters.unmatched;
}

bool OutgoingCall::stray_response(const sip_msg& msg) {
    if (!base_ || !sip_dialog_cmp_half(base_.get(), &msg)) return false;
    if (pl_strcmp(&msg.cseq.met, "INVITE") || msg.scode < 200 || msg.scode >= 300) return true;
    if (Leg* known = leg_for(msg); known && known->state() == Leg::State::confirmed) {
        context_.requests.send_ack(known->dialog(), msg.cseq.num, "");  // a repeat: our ACK was lost
        return true;
    }
    auto dialog = make_dialog(msg, base_.get(), context_.transport);
    if (!dialog) return true;
    Leg late(context_, std::move(*dialog), true, kind_, 0);
    context_.requests.send_ack(late.dialog(), msg.cseq.num, "");
    late.bye();
    return true;
}

bool OutgoingCall::expects(const sip_msg& request) const {
    return invite_ && base_ && !ended_ && sip_dialog_cmp_half(base_.get(), &request);
}

Leg* OutgoingCall::leg_for(const sip_msg& msg) {
    for (Fork& f : forks_)
        if (f.leg->matches(msg)) return f.leg.get();
    return nullptr;
}

Leg* OutgoingCall::leg_of(SessionId session) {
    for (Fork& f : forks_)
        if (f.leg->session() == session && f.leg->state() != Leg::State::ended) return f.leg.get();
    return nullptr;
}

void OutgoingCall::prack(Leg&, const sip_msg& msg) {
    (void)sip_treply(nullptr, context_.transport.stack(), &msg, 481, reason_phrase(481));
}

bool OutgoingCall::any_attested() const {
    return std::ranges::any_of(forks_, [](const Fork& f) { return f.attested; });
}

void OutgoingCall::linger() {
    over_ = true;
    if (!linger_.running()) linger_.start(kLingerMs, [] {});
}

bool OutgoingCall::finished() const {
    const bool alive = std::ranges::any_of(forks_, [](const Fork& f) { return f.leg->state() != Leg::State::ended; });
    return over_ && !linger_.running() && (!alive || ended_);
}

}  // namespace sealcall::host
