#include "host/sip/registration.h"

#include <cstring>

#include "host/sip/message.h"

namespace sealcall::host {
namespace {

constexpr uint32_t kExpiresS = 600;
constexpr uint32_t kRetryMaxS = 120;

/// The interval that the registrar granted: our Contact's expires, else the Expires header.
uint32_t granted(const sip_msg& msg) {
    uint32_t s = kExpiresS;
    const sip_hdr* contact = sip_msg_hdr(&msg, SIP_HDR_CONTACT);
    sip_addr address{};
    pl expires{};
    if (contact && sip_addr_decode(&address, &contact->val) == 0 &&
        msg_param_decode(&address.params, "expires", &expires) == 0)
        (void)parse_number(view(expires), s);
    else if (pl_isset(&msg.expires))
        (void)parse_number(view(msg.expires), s);
    return std::clamp(s, uint32_t{30}, uint32_t{86400});
}

}  // namespace

Status Registration::start() {
    TRY(std::string aor, bare_uri(own_uri_));
    const size_t at = aor.find('@');
    const std::string domain = "sip:" + (at == aor.npos ? aor.substr(4) : aor.substr(at + 1));
    const std::string& route = requests_.transport().route();
    const char* routes[1] = {route.c_str()};
    if (sip_dialog_alloc(dialog_.out(), domain.c_str(), aor.c_str(), nullptr, aor.c_str(), routes,
                         route.empty() ? 0 : 1))
        return Error{Errc::bad_config, "registrar", 0};
    changed_(ipc::Registration::trying, 0, "");
    send(kExpiresS);
    return {};
}

void Registration::stop() {
    stopped_ = true;
    timer_.cancel();
    if (dialog_) send(0);
}

void Registration::send(uint32_t expires_s) {
    RequestSpec spec{.method = "REGISTER",
                     .headers = "Supported: path\r\n",
                     .content_type = "",
                     .body = "",
                     .contact = true,
                     .contact_parameters = ";expires=" + std::to_string(expires_s)};
    (void)requests_.send(dialog_.get(), std::move(spec),
                         life_.guard([this](int err, const sip_msg* msg) { answered(err, msg); }));
}

void Registration::answered(int err, const sip_msg* msg) {
    if (msg && msg->scode < 200) return;
    if (stopped_) return;
    if (!err && msg && msg->scode < 300) {
        wait_s_ = 2;
        if (!keepalive_)
            (void)sip_keepalive_start(
                keepalive_.out(), requests_.transport().stack(), msg, 0,
                [](int, void* self) {
                    auto* r = static_cast<Registration*>(self);
                    r->keepalive_.reset();
                    r->timer_.start(100, [r] { r->send(kExpiresS); });
                },
                this);
        timer_.start(uint64_t{granted(*msg)} * 900, [this] { send(kExpiresS); });
        return changed_(ipc::Registration::registered, msg->scode, "");
    }
    const std::string problem =
        err ? std::string("The SIP server cannot be reached: ") + std::strerror(err) + "."
            : "The SIP server refuses to register this phone (" + std::to_string(msg->scode) + ").";
    changed_(ipc::Registration::failed, msg ? msg->scode : uint16_t{0}, problem);
    retry_later();
}

void Registration::retry_later() {
    timer_.start(uint64_t{wait_s_} * 1000 + rand_u32() % 1000, [this] { send(kExpiresS); });
    wait_s_ = std::min(wait_s_ * 2, kRetryMaxS);
}

}  // namespace sealcall::host
