#include "host/sip/request.h"

#include "host/sip/message.h"

namespace sealcall::host {
namespace {

constexpr uint64_t kRefusedMs = 200;  ///< before a refused request is sent again

std::string with_body(const std::string& headers, const std::string& type, const std::string& body) {
    std::string out = headers;
    if (!body.empty()) out += "Content-Type: " + type + "\r\n";
    return out + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace

Request::Request(Transport& transport, DigestBroker& digests, sip_dialog* dialog, RequestSpec spec, Handler handler)
    : transport_(transport),
      digests_(digests),
      dialog_(ReRef<sip_dialog>::share(dialog)),
      spec_(std::move(spec)),
      handler_(std::move(handler)) {}

Request::~Request() { mem_deref(std::exchange(request_, nullptr)); }

int Request::transmit(const std::string& authorization) {
    const std::string rest = with_body(authorization + spec_.headers, spec_.content_type, spec_.body);
    provisional_ = false;
    cseq_ = sip_dialog_lseq(dialog_.get());
    if (spec_.method != "INVITE") patience_.start(kPatienceMs[repeats_], [this] { unanswered(); });
    return sip_drequestf(&request_, transport_.stack(), true, spec_.method.c_str(), dialog_.get(), 0, nullptr,
                         &Request::write_contact, &Request::responded, this, "%b", rest.data(), rest.size());
}

void Request::unanswered() {
    if (repeats_ + 1 < std::size(kPatienceMs)) return repeat();
    mem_deref(std::exchange(request_, nullptr));
    finish(ETIMEDOUT, nullptr);
}

void Request::repeat() {
    ++repeats_;
    std::fprintf(stderr, "event=request_repeated method=%s\n", spec_.method.c_str());
    tries_ = 0;
    mem_deref(std::exchange(request_, nullptr));  // a late answer to it counts no more
    if (int err = transmit("")) finish(err, nullptr);
}

bool Request::may_repeat(int err, const sip_msg* msg) const {
    if (!spec_.repeat_refused || cancelled_ || repeats_ + 1 >= std::size(kPatienceMs)) return false;
    if (err || !msg) return err != ETIMEDOUT;
    return msg->scode == 408 || msg->scode == 500 || msg->scode == 503 || msg->scode == 504;
}

int Request::write_contact(sip_transp, const sa*, const sa* dst, mbuf* mb, void* self) {
    auto* r = static_cast<Request*>(self);
    // So far the buffer holds the request line and the Via line.
    const std::string_view sent(reinterpret_cast<const char*>(mb->buf), mb->end);
    const size_t a = sent.find(' '), b = sent.find(' ', a + 1);
    const size_t via = sent.find("Via: "), end = sent.find("\r\n", via);
    if (a == sent.npos || b == sent.npos || via == sent.npos || end == sent.npos) return EINVAL;
    r->uri_ = std::string(sent.substr(a + 1, b - a - 1));
    r->via_ = std::string(sent.substr(via, end - via));
    r->destination_ = *dst;
    if (!r->spec_.contact) return 0;
    const std::string line = "Contact: " + r->transport_.contact() + r->spec_.contact_parameters + "\r\n";
    return mbuf_write_mem(mb, reinterpret_cast<const uint8_t*>(line.data()), line.size());
}

void Request::responded(int err, const sip_msg* msg, void* self) {
    auto* r = static_cast<Request*>(self);
    if (!err && msg) {
        if (!check_message(*msg)) {
            if (msg->scode < 200) return;  // a malformed provisional says nothing
            err = EBADMSG;
            msg = nullptr;
        }
    }
    r->patience_.cancel();
    if (!err && msg && msg->scode < 200) {
        r->provisional_ = true;
        if (r->cancelled_ && !r->cancel_sent_)
            r->send_cancel(*msg);
        else if (!r->last_provisional_ && msg->scode > 100)
            r->last_provisional_ = ReRef<sip_msg>::share(msg);
        if (!r->last_provisional_) r->last_provisional_ = ReRef<sip_msg>::share(msg);
        Handler h = r->handler_;
        if (h) h(0, msg);
        return;
    }
    if (!err && msg && (msg->scode == 401 || msg->scode == 407) && r->tries_ == 0 && !r->cancelled_)
        return r->authenticate(*msg);
    if (r->may_repeat(err, msg)) return r->patience_.start(kRefusedMs, [r] { r->repeat(); });
    r->finish(err, msg);
}

void Request::authenticate(const sip_msg& msg) {
    auto challenge = choose_challenge(msg);
    if (!challenge) return finish(0, &msg);
    ++tries_;
    // The response is kept: if there is no password it is what the caller gets.
    auto kept = std::make_shared<ReRef<sip_msg>>(ReRef<sip_msg>::share(&msg));
    digests_.ask(*challenge, spec_.method, uri_,
                 life_.guard([this, kept, c = *challenge](const ipc::DigestResponse* r) {
                     if (!r || cancelled_) return finish(0, kept->get());
                     if (int err = transmit(authorization_header(c, uri_, *r))) finish(err, nullptr);
                 }));
}

void Request::cancel(const std::string& headers, const std::string& to_uri, const std::string& route) {
    if (cancelled_ || done_) return;
    cancelled_ = true;
    cancel_headers_ = headers;
    cancel_to_ = to_uri;
    cancel_route_ = route;
    if (provisional_ && last_provisional_) send_cancel(*last_provisional_.get());
}

void Request::send_cancel(const sip_msg& provisional) {
    cancel_sent_ = true;
    std::string m = "CANCEL " + uri_ + " SIP/2.0\r\n" + via_ + "\r\nMax-Forwards: 70\r\n";
    if (!cancel_route_.empty()) m += "Route: <" + cancel_route_ + ";lr>\r\n";
    m += "To: <" + cancel_to_ + ">\r\nFrom: " + text(provisional.from.val) +
         "\r\nCall-ID: " + text(provisional.callid) + "\r\nCSeq: " + std::to_string(provisional.cseq.num) +
         " CANCEL\r\n" + cancel_headers_ + "Content-Length: 0\r\n\r\n";
    ReRef<mbuf> mb(mbuf_alloc(m.size()));
    if (!mb || mbuf_write_mem(mb.get(), reinterpret_cast<const uint8_t*>(m.data()), m.size())) return;
    mbuf_set_pos(mb.get(), 0);
    (void)sip_send(transport_.stack(), nullptr, SIP_TRANSP_TLS, &destination_, mb.get());
}

void Request::finish(int err, const sip_msg* msg) {
    if (std::exchange(done_, true)) return;
    patience_.cancel();
    Handler h = std::exchange(handler_, nullptr);
    if (h) h(err, msg);
}

Request* Requests::send(sip_dialog* dialog, RequestSpec spec, Request::Handler handler) {
    open_.emplace_back(new Request(transport_, digests_, dialog, std::move(spec), std::move(handler)));
    Request* r = open_.back().get();
    sweep_.start(1000, [this] { sweep(); });
    // Told later, so that the caller has stored the pointer by then.
    if (int err = r->transmit("")) {
        auto fail = std::make_shared<Timer>();
        fail->start(0, r->life_.guard([r, err, fail] { r->finish(err, nullptr); }));
    }
    return r;
}

void Requests::send_ack(sip_dialog* dialog, uint32_t cseq, const std::string& sdp) {
    const std::string rest = with_body("", "application/sdp", sdp);
    (void)sip_drequestf(nullptr, transport_.stack(), false, "ACK", dialog, cseq, nullptr, nullptr, nullptr, nullptr,
                        "%b", rest.data(), rest.size());
}

void Requests::sweep() {
    std::erase_if(open_, [](const auto& r) { return r->done(); });
    if (!open_.empty()) sweep_.start(1000, [this] { sweep(); });
}

}  // namespace sealcall::host
