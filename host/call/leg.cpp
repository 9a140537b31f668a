#include "host/call/leg.h"

namespace sealcall::host {
namespace {

constexpr uint64_t kOrderMs = 5000;  ///< longer than a lost INFO takes to be sent again and to arrive
constexpr const char* kAllow = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE\r\n";

/// Lets libre read another Contact for as long as it makes a dialog from the message.
class ContactAlias {
  public:
    ContactAlias(const sip_msg& msg, bool direct) {
        const sip_hdr* h = sip_msg_hdr(&msg, SIP_HDR_CONTACT);
        sip_addr address{};
        if (!direct || !h || sip_msg_hdr_count(&msg, SIP_HDR_RECORD_ROUTE) || sip_addr_decode(&address, &h->val))
            return;
        value_ = "<sip:" + (pl_isset(&address.uri.user) ? text(address.uri.user) + "@" : "") + to_text(msg.src) +
                 ";transport=tls>";
        header_ = const_cast<sip_hdr*>(h);
        saved_ = h->val;
        header_->val = to_pl(value_);
    }
    ContactAlias(const ContactAlias&) = delete;
    ContactAlias& operator=(const ContactAlias&) = delete;
    ~ContactAlias() {
        if (header_) header_->val = saved_;
    }

  private:
    sip_hdr* header_ = nullptr;
    pl saved_{};
    std::string value_;
};

/// No proxy between us and who sent this.
bool is_direct(const sip_msg& msg, const Transport& transport) {
    return msg.req ? sip_msg_hdr_count(&msg, SIP_HDR_VIA) == 1 : transport.route().empty();
}

}  // namespace

Result<ReRef<sip_dialog>> make_dialog(const sip_msg& msg, sip_dialog* base, const Transport& transport) {
    ContactAlias alias(msg, is_direct(msg, transport));
    ReRef<sip_dialog> d;
    const int err = base ? sip_dialog_fork(d.out(), base, &msg) : sip_dialog_accept(d.out(), &msg);
    if (err) return Error{Errc::bad_sip, "dialog", static_cast<uint32_t>(err)};
    return d;
}

void refresh_target(sip_dialog* dialog, const sip_msg& msg, const Transport& transport) {
    ContactAlias alias(msg, is_direct(msg, transport));
    (void)sip_dialog_update(dialog, &msg);
}

Leg::Leg(Context& context, ReRef<sip_dialog> dialog, bool caller, ipc::CallKind kind, uint8_t index)
    : context_(context), dialog_(std::move(dialog)), caller_(caller), kind_(kind), index_(index) {
    local.session_id = rand_u64() >> 2;
    local.trickle = kind == ipc::CallKind::attested;
}

Leg::~Leg() = default;

void Leg::admit(SessionId session) {
    session_ = session;
    for (const Bytes& body : std::exchange(inbox_, {})) context_.enclave.channel_in(session, body);
    if (answered_ && !answer_told_ && kind_ == ipc::CallKind::attested) {
        answer_told_ = true;
        context_.enclave.leg_answered(session);
    }
    if (end_) return report_end(end_->first, end_->second);
    if (path_ready_) media_ready();
}

void Leg::handle(const sip_msg& m) {
    if (!sip_dialog_rseq_valid(dialog_.get(), &m)) return reply(m, 500);
    if (state_ == State::ended) return reply(m, 481);
    const std::string_view method = view(m.met);
    if (method == "INFO") return handle_info(m);
    if (method == "BYE") return handle_bye(m);
    if (method == "INVITE" || method == "UPDATE") return handle_offer(m);
    if (method == "OPTIONS") return handle_options(m);
    reply(m, 405, kAllow);
}

void Leg::reply(const sip_msg& m, uint16_t status, const std::string& headers) {
    const std::string rest = headers + "Content-Length: 0\r\n\r\n";
    (void)sip_treplyf(nullptr, nullptr, context_.transport.stack(), &m, false, status, reason_phrase(status), "%b",
                      rest.data(), rest.size());
}

void Leg::handle_info(const sip_msg& m) {
    const std::string package = header_value(m, "Info-Package");
    const ByteSpan body = left_of(m.mb);
    if (package.empty()) return reply(m, body.empty() ? 200 : 415);  // RFC 6086 4.2.2: legacy INFO
    if (package.substr(0, package.find(';')) != kAttestTag || kind_ != ipc::CallKind::attested)
        return reply(m, 469, std::string("Recv-Info: ") + kAttestTag + "\r\n");
    const bool room = session_ || inbox_.size() + order_.held() < kInboxMax;
    if (body.empty() || body.size() > rats::kInfoBodyMax || !room) {
        ++context_.counters.malformed;
        return reply(m, 400);
    }
    reply(m, 200);  // at once: the answer says "arrived", not "believed"
    hand_over(order_.take(body));
    if (order_.held() == 0)
        order_timer_.cancel();
    else if (!order_timer_.running())
        order_timer_.start(kOrderMs, [this] { hand_over(order_.give_up()); });
}

void Leg::hand_over(std::vector<Bytes> bodies) {
    for (Bytes& body : bodies) {
        if (session_)
            context_.enclave.channel_in(*session_, body);
        else
            inbox_.push_back(std::move(body));
    }
}

void Leg::handle_bye(const sip_msg& m) {
    reply(m, 200);
    dialog_gone(ipc::LegEndWhy::bye, 0);
}

void Leg::handle_options(const sip_msg& m) {
    reply(m, 200,
          std::string(kAllow) + "Accept: application/sdp\r\nSupported: 100rel, timer, " + kAttestTag +
              "\r\nRecv-Info: " + kAttestTag + "\r\n");
}

void Leg::confirm() {
    if (state_ == State::ended) return;
    state_ = State::confirmed;
    answered_ = true;
    if (!session_ || answer_told_) return;
    // Outgoing ordinary calls are told by OrdinaryAnswered.
    if (kind_ == ipc::CallKind::ordinary && caller_) return;
    answer_told_ = true;
    context_.enclave.leg_answered(*session_);
}

void Leg::close() {
    state_ = State::ended;
    ok_.stop();
    session_timer_.cancel();
    glare_.cancel();
    order_timer_.cancel();
    path_.reset();
}

void Leg::send_bye() {
    RequestSpec spec{.method = "BYE",
                     .headers = "",
                     .content_type = "",
                     .body = "",
                     .contact = false,
                     .contact_parameters = "",
                     .repeat_refused = true};
    (void)context_.requests.send(dialog_.get(), std::move(spec), nullptr);
}

void Leg::bye() {
    if (state_ == State::ended) return;
    close();
    end_told_ = true;
    send_bye();
}

void Leg::silence() {
    close();
    end_told_ = true;
}

void Leg::take_dialog(Leg& other) {
    dialog_ = std::move(other.dialog_);
    index_ = other.index_;
    remote = other.remote;
}

void Leg::drop(ipc::LegEndWhy why, uint16_t status) {
    if (state_ == State::ended) return;
    send_bye();
    report_end(why, status);
}

void Leg::dialog_gone(ipc::LegEndWhy why, uint16_t status) {
    if (state_ != State::ended) report_end(why, status);
}

void Leg::report_end(ipc::LegEndWhy why, uint16_t status) {
    close();
    end_ = {why, status};
    if (!session_ || std::exchange(end_told_, true)) return;
    context_.enclave.leg_ended(*session_, why, status);
}

void Leg::channel_out(ByteSpan body) {
    if (state_ == State::ended || body.empty()) return;
    RequestSpec spec{
        .method = "INFO",
        .headers = std::string("Info-Package: ") + kAttestTag + "\r\nContent-Disposition: Info-Package\r\n",
        .content_type = kAttestType,
        .body = std::string(as_chars(body)),
        .contact = false,
        .contact_parameters = "",
        .repeat_refused = true};
    (void)context_.requests.send(dialog_.get(), std::move(spec), life_.guard([this](int err, const sip_msg* msg) {
        if (err) return dialog_gone(err == ETIMEDOUT ? ipc::LegEndWhy::timeout : ipc::LegEndWhy::transport, 0);
        // 481 and 408 end the dialog (RFC 3261 12.2.1.2); any other refusal ends the channel, and with it this call.
        if (msg->scode < 300) return;
        const bool gone = msg->scode == 481 || msg->scode == 408 || state_ != State::confirmed;
        gone ? dialog_gone(ipc::LegEndWhy::failed, msg->scode) : drop(ipc::LegEndWhy::failed, msg->scode);
    }));
}

Status Leg::make_media_path() {
    if (path_) return {};
    TRY(path_, MediaPath::create(context_.media_address, caller_, *this, context_.counters.packets_dropped));
    if (kind_ == ipc::CallKind::attested) return {};  // addresses of attested calls stay out of SDP
    local.address = path_->address();
    local.port = path_->port();
    local.ice = path_->local_ice();
    return {};
}

void Leg::start_media_path() {
    if (!session_ || state_ == State::ended) return;
    if (Status s = make_media_path(); !s) {
        std::fprintf(stderr, "event=media_path_failed what=\"%s\" detail=%u\n", s.error().what, s.error().detail);
        return context_.enclave.media_path_failed(*session_);
    }
    context_.enclave.local_candidates(*session_, encode_fragment(path_->local_ice()));
}

void Leg::remote_candidates(const std::string& text_fragment) {
    if (!session_ || state_ == State::ended) return;
    auto fragment = parse_fragment(text_fragment);
    Status s = fragment ? make_media_path() : Status(fragment.error());
    if (s) s = path_->connect_ice(*fragment);
    if (s) return;
    ++context_.counters.malformed;
    if (s.error().code != Errc::wrong_state) context_.enclave.media_path_failed(*session_);
}

Status Leg::connect_media(const RemoteSdp& r) {
    TRY_STATUS(make_media_path());
    if (r.ice.present() && !r.ice.candidates.empty()) return path_->connect_ice(r.ice);
    return path_->connect_plain(r.address, r.port);
}

void Leg::datagram(ByteSpan packet) {
    if (path_)
        path_->send(packet);
    else
        ++context_.counters.packets_dropped;
}

void Leg::media_ready() {
    path_ready_ = true;
    if (!session_ || state_ == State::ended) return;
    context_.enclave.media_path_ready(*session_);
    path_->open();
}

void Leg::media_failed() {
    if (session_ && state_ != State::ended) context_.enclave.media_path_failed(*session_);
}

void Leg::media_packet(ByteSpan packet) {
    if (!session_ || !context_.enclave.datagram(*session_, packet)) ++context_.counters.packets_dropped;
}

}  // namespace sealcall::host
