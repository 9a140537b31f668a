#include "host/call/phone.h"

namespace sealcall::host {
namespace {

constexpr uint64_t kHeldMs = 2000;  ///< an INFO that overtook its 183 on another connection
constexpr size_t kHeldMax = 16;
constexpr size_t kIncomingMax = 16;
constexpr size_t kOutgoingMax = 16;
constexpr const char* kAllow = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE\r\n";

}  // namespace

Result<std::unique_ptr<Phone>> Phone::create(const ipc::ConfigureHost& c, LinkPort& link, StateChanged changed) {
    std::unique_ptr<Phone> p(new Phone(link, std::move(changed)));
    Phone* self = p.get();
    TRY(std::string own, bare_uri(c.own_uri.str()));
    TRY(p->transport_, Transport::create(c));
    TRY(p->authority_,
        AuthorityClient::create(c, p->transport_->dns(), [self](int fd) { self->transport_->not_sip(fd); }));
    p->digests_ = std::make_unique<DigestBroker>([self](const auto& m) { self->enclave_.digest_challenge(m); });
    p->requests_ = std::make_unique<Requests>(*p->transport_, *p->digests_);
    const std::string media = c.media_address.empty() ? c.listen_address.str() : c.media_address.str();
    p->context_.reset(new Context{*p->transport_, *p->requests_, p->enclave_, own, media, p->counters_});
    p->transport_->on_message([self](const sip_msg& m) { return self->request(m); },
                              [self](const sip_msg& m) { return self->response(m); });
    p->state_.listening = BoundedString<128>(to_text(p->transport_->local()));
    if (c.register_) {
        p->registration_ = std::make_unique<Registration>(
            *p->requests_, own, [self](ipc::Registration r, uint16_t status, const std::string& problem) {
                self->state_.registration = r;
                self->state_.sip_status = status;
                self->state_.error = BoundedString<256>::cut(problem);
                self->tell_state();
            });
        TRY_STATUS(p->registration_->start());
    }
    p->tell_state();
    p->sweep_.start(1000, [self] { self->sweep(); });
    return p;
}

Phone::~Phone() {
    outgoing_.clear();
    incoming_.clear();
    held_.clear();
    registration_.reset();
    requests_.reset();
    authority_.reset();
    transport_.reset();
}

void Phone::shutdown() {
    closing_ = true;
    for (auto& c : outgoing_) c->end();
    for (auto& c : incoming_)
        if (Leg* leg = c->the_leg(); leg->state() != Leg::State::ended) c->end_leg(*leg, 480);
    if (registration_) registration_->stop();
}

bool Phone::all_said() const {
    return requests_->idle() && std::ranges::none_of(incoming_, [](const auto& c) { return c->awaits_ack(); });
}

ipc::HostState Phone::state() const {
    ipc::HostState s = state_;
    s.malformed = counters_.malformed + transport_->tls_refused();
    return s;
}

void Phone::tell_state() {
    told_malformed_ = state().malformed;
    if (changed_) changed_(state());
}

void Phone::sweep() {
    std::erase_if(outgoing_, [](const auto& c) { return c->finished(); });
    std::erase_if(incoming_, [](const auto& c) { return c->finished(); });
    if (state().malformed != told_malformed_) tell_state();
    sweep_.start(1000, [this] { sweep(); });
}

void Phone::reply(const sip_msg& m, uint16_t status, const std::string& headers) {
    const std::string rest = headers + "Content-Length: 0\r\n\r\n";
    (void)sip_treplyf(nullptr, nullptr, transport_->stack(), &m, false, status, reason_phrase(status), "%b",
                      rest.data(), rest.size());
}

void Phone::bad(const sip_msg& m, const Error& why) {
    ++counters_.malformed;
    std::fprintf(stderr, "event=sip_malformed what=\"%s\"\n", why.what);
    // Without these nobody could match the answer.
    const bool answerable = m.req && m.callid.l && m.from.val.l && m.to.val.l && m.cseq.met.l && m.via.branch.l;
    if (answerable && pl_strcmp(&m.met, "ACK")) (void)sip_reply(transport_->stack(), &m, 400, reason_phrase(400));
}

bool Phone::request(const sip_msg& m) {
    if (Status s = check_message(m); !s) {
        bad(m, s.error());
        return true;
    }
    const bool ack = view(m.met) == "ACK";
    if (view(m.met) == "CANCEL") {
        reply(m, 481);  // libre takes those that match
        return true;
    }
    if (auto unknown = unknown_required(m); !unknown.empty() && !ack) {
        std::string list;
        for (const auto& t : unknown) list += (list.empty() ? "" : ", ") + t;
        reply(m, 420, "Unsupported: " + list + "\r\n");
        return true;
    }
    if (m.to.tag.l)
        in_dialog(m);
    else if (!ack)
        out_of_dialog(m);
    return true;
}

void Phone::in_dialog(const sip_msg& m) {
    const std::string_view method = view(m.met);
    auto route = [&](auto& calls) {
        for (auto& call : calls) {
            Leg* leg = call->leg_for(m);
            if (!leg) continue;
            if (method == "ACK")
                call->acknowledged(*leg, m);
            else if (method == "PRACK")
                call->prack(*leg, m);
            else
                leg->handle(m);
            return true;
        }
        return false;
    };
    if (route(outgoing_) || route(incoming_) || method == "ACK") return;
    if (method == "INFO" && hold_early_info(m)) return;
    reply(m, 481);
}

bool Phone::hold_early_info(const sip_msg& m) {
    const bool expected = std::ranges::any_of(outgoing_, [&m](const auto& c) { return c->expects(m); });
    if (!expected || held_.size() >= kHeldMax) return false;
    held_.push_back({ReRef<sip_msg>::share(&m), tmr_jiffies() + kHeldMs});
    held_timer_.start(kHeldMs, [this] { release_held(); });
    return true;
}

void Phone::release_held() {
    uint64_t next = 0;
    for (Held& h : std::exchange(held_, {})) {
        const bool known = std::ranges::any_of(outgoing_, [&h](const auto& c) { return c->leg_for(*h.msg.get()); });
        if (known)
            in_dialog(*h.msg.get());
        else if (tmr_jiffies() >= h.deadline_ms)
            reply(*h.msg.get(), 481);
        else {
            next = h.deadline_ms;
            held_.push_back(std::move(h));
        }
    }
    const uint64_t now = tmr_jiffies();
    if (!held_.empty()) held_timer_.start(next > now ? next - now : 1, [this] { release_held(); });
}

void Phone::out_of_dialog(const sip_msg& m) {
    const std::string_view method = view(m.met);
    if (method == "OPTIONS")
        return reply(m, 200,
                     std::string(kAllow) + "Accept: application/sdp\r\nSupported: 100rel, timer, " + kAttestTag +
                         "\r\nRecv-Info: " + kAttestTag + "\r\n");
    if (method == "BYE" || method == "INFO" || method == "PRACK" || method == "UPDATE") return reply(m, 481);
    if (method != "INVITE") return reply(m, 405, kAllow);
    if (closing_) return reply(m, 480);
    const auto pending = std::ranges::count_if(incoming_, [](const auto& c) { return c->waiting(); });
    if (static_cast<size_t>(pending) >= kIncomingMax) return reply(m, 486);
    if (auto call = IncomingCall::take(*context_, m, HostHandle{next_handle_})) {
        ++next_handle_;
        incoming_.push_back(std::move(call));
    }
}

bool Phone::response(const sip_msg& m) {
    if (!check_message(m)) {
        ++counters_.malformed;
        return true;
    }
    if (!pl_strcmp(&m.cseq.met, "CANCEL")) return true;  // the INVITE's own 487 is what counts
    (void)std::ranges::any_of(outgoing_, [&m](auto& c) { return c->stray_response(m); });
    return true;
}

OutgoingCall* Phone::outgoing(CallId id) {
    // The newest: an ordinary INVITE follows an attested one under the same number.
    for (auto it = outgoing_.rbegin(); it != outgoing_.rend(); ++it)
        if ((*it)->id() == id) return it->get();
    ++counters_.unmatched;
    return nullptr;
}

template <class F>
void Phone::with_leg(SessionId session, F f) {
    for (auto& c : outgoing_)
        if (Leg* leg = c->leg_of(session)) return f(static_cast<Call&>(*c), *leg);
    for (auto& c : incoming_)
        if (Leg* leg = c->leg_of(session)) return f(static_cast<Call&>(*c), *leg);
    ++counters_.unmatched;  // it ended while the command was under way
}

void Phone::on(const ipc::PlaceCall& m) {
    if (outgoing_.size() >= kOutgoingMax) sweep();
    auto call = outgoing_.size() < kOutgoingMax
                    ? OutgoingCall::place(*context_, m)
                    : Result<std::unique_ptr<OutgoingCall>>(Error{Errc::too_large, "calls", 0});
    if (!call) {
        std::fprintf(stderr, "event=call_not_placed what=\"%s\"\n", call.error().what);
        const bool address = call.error().code == Errc::bad_sip;
        return enclave_.call_failed(m.call, ipc::LegEndWhy::failed, address ? uint16_t{404} : uint16_t{500});
    }
    (*call)->on_new_leg = [this] {
        if (!held_.empty()) release_held();
    };
    outgoing_.push_back(std::move(*call));
}

void Phone::on(const ipc::LegAdmitted& m) {
    if (OutgoingCall* c = outgoing(m.call)) c->leg_admitted(m.leg, m.session);
}

void Phone::on(const ipc::IncomingAdmitted& m) {
    for (auto& c : incoming_)
        if (c->handle() == m.handle && c->waiting()) return c->admitted(m);
    ++counters_.unmatched;
}

void Phone::on(const ipc::IncomingRefused& m) {
    for (auto& c : incoming_)
        if (c->handle() == m.handle && c->waiting()) return c->refused(m.sip_status);
    ++counters_.unmatched;
}

void Phone::on(const ipc::ChannelOut& m) {
    with_leg(m.session, [&m](Call&, Leg& leg) { leg.channel_out(m.body.view()); });
}

void Phone::on(const ipc::SendRinging& m) {
    with_leg(m.session, [](Call& call, Leg& leg) { call.ring(leg); });
}

void Phone::on(const ipc::SendOk& m) {
    with_leg(m.session, [](Call& call, Leg& leg) { call.accept(leg); });
}

void Phone::on(const ipc::EndLeg& m) {
    with_leg(m.session, [&m](Call& call, Leg& leg) {
        if (leg.state() != Leg::State::ended) call.end_leg(leg, m.sip_status);
    });
}

void Phone::on(const ipc::EndCall& m) {
    if (OutgoingCall* c = outgoing(m.call)) c->end();
}

void Phone::on(const ipc::StartMediaPath& m) {
    with_leg(m.session, [](Call&, Leg& leg) { leg.start_media_path(); });
}

void Phone::on(const ipc::RemoteCandidates& m) {
    with_leg(m.session, [&m](Call&, Leg& leg) { leg.remote_candidates(m.fragment.str()); });
}

void Phone::on(const ipc::Datagram& m) {
    with_leg(m.session, [&m](Call&, Leg& leg) { leg.datagram(m.bytes.view()); });
}

void Phone::on(const ipc::SendHold& m) {
    with_leg(m.session, [&m](Call&, Leg& leg) { leg.set_hold(m.on); });
}

void Phone::on(const ipc::DigestResponse& m) { digests_->answered(m); }

void Phone::on(const ipc::AskPassport& m) {
    Bytes& body = passport_requests_[m.session];
    const ByteSpan bytes = m.bytes.view();
    body.insert(body.end(), bytes.begin(), bytes.end());
    if (!m.last) return;
    auto whole = passport_requests_.extract(m.session);
    auto answer = [this, session = m.session, round = m.round](uint16_t status, ByteSpan got) {
        const bool good = status == 200 && got.size() <= BoundedBytes<512>::kMax;
        enclave_.passport_reply(
            {.session = session, .round = round, .status = status, .body = BoundedBytes<512>(good ? got : ByteSpan())});
    };
    if (!authority_) return answer(0, {});
    authority_->post(std::move(whole.mapped()), answer);
}

}  // namespace sealcall::host
