#include "host/sip/transport.h"

namespace sealcall::host {
namespace {

constexpr uint32_t kTableSize = 64;

Result<uri> parse_uri(const std::string& in) {
    uri u{};
    const pl p = to_pl(in);
    const bool clean =
        std::ranges::all_of(in, [](unsigned char c) { return c > 0x20 && c < 0x7f && c != '<' && c != '>'; });
    if (!clean || uri_decode(&u, &p) || !pl_isset(&u.host)) return Error{Errc::bad_sip, "URI", 0};
    if (pl_strcasecmp(&u.scheme, "sip") && pl_strcasecmp(&u.scheme, "sips")) return Error{Errc::bad_sip, "scheme", 0};
    return u;
}

/// Hosts files are not ours to read; this one name needs no server (RFC 6761 6.3).
std::string resolve_localhost(std::string_view host) {
    return host == "localhost" ? std::string("127.0.0.1") : std::string(host);
}

std::string bracketed(const std::string& host) {
    return host.find(':') != std::string::npos && !host.starts_with('[') ? "[" + host + "]" : host;
}

}  // namespace

std::string to_text(const sa& address) {
    char buffer[80];
    return re_snprintf(buffer, sizeof buffer, "%J", &address) > 0 ? std::string(buffer) : std::string();
}

std::string random_token() {
    char buffer[17];
    (void)re_snprintf(buffer, sizeof buffer, "%016llx", static_cast<unsigned long long>(rand_u64()));
    return buffer;
}

Result<std::string> bare_uri(const std::string& in) {
    TRY(uri u, parse_uri(in));
    std::string out = "sip:";
    if (pl_isset(&u.user)) out += text(u.user) + "@";
    out += bracketed(text(u.host));
    if (u.port) out += ":" + std::to_string(u.port);
    return out;
}

Result<std::unique_ptr<Transport>> Transport::create(const ipc::ConfigureHost& c) {
    std::unique_ptr<Transport> t(new Transport());
    t->token_ = random_token();
    if (sa_set_str(&t->local_, c.listen_address.str().c_str(), c.listen_port))
        return Error{Errc::bad_config, "listen address", 0};
    TRY(t->tls_, HopTls::create(c.tls_certificate.view(), c.tls_key.view(), c.tls_ca.view()));
    std::vector<sa> servers;
    for (const auto& s : c.dns_servers) {
        sa server{};
        if (sa_set_str(&server, s.str().c_str(), 53)) return Error{Errc::bad_config, "DNS server", 0};
        servers.push_back(server);
    }
    if (!servers.empty() && dnsc_alloc(t->dns_.out(), nullptr, servers.data(), static_cast<uint32_t>(servers.size())))
        return Error{Errc::out_of_memory, "dnsc", 0};
    if (sip_alloc(t->sip_.out(), t->dns_.get(), kTableSize, kTableSize, kTableSize, nullptr, nullptr, nullptr))
        return Error{Errc::out_of_memory, "sip_alloc", 0};
    sa wanted = t->local_;
    if (int err = sip_transp_add(t->sip_.get(), SIP_TRANSP_TLS, &wanted, t->tls_->get()))
        return Error{Errc::io, "cannot listen", static_cast<uint32_t>(err)};
    if (sip_transp_laddr(t->sip_.get(), &t->local_, SIP_TRANSP_TLS, &wanted))
        return Error{Errc::io, "local address", 0};
    t->tls_->set_listen_port(sa_port(&t->local_));
    if (!c.outbound_proxy.empty()) TRY_STATUS(t->set_proxy(c.outbound_proxy.str(), c.proxy_name.str()));
    return t;
}

Transport::~Transport() {
    requests_.reset();
    responses_.reset();
    if (sip_) sip_close(sip_.get(), true);
}

Status Transport::set_proxy(const std::string& proxy, const std::string& name) {
    TRY(uri u, parse_uri(proxy));
    const std::string host = resolve_localhost(view(u.host));
    const std::string expected = name.empty() ? text(u.host) : name;
    const uint16_t port = u.port ? u.port : uint16_t{SIP_PORT_TLS};
    sa address{};
    if (sa_set_str(&address, host.c_str(), port) == 0)
        tls_->expect(address, expected);
    else
        tls_->expect_dns_name(expected);
    route_ = "sip:" + bracketed(host) + (u.port ? ":" + std::to_string(u.port) : "") + ";transport=tls";
    return {};
}

Result<std::string> Transport::direct_target(const std::string& in) {
    TRY(uri u, parse_uri(in));
    const std::string host = resolve_localhost(view(u.host));
    const uint16_t port = u.port ? u.port : uint16_t{SIP_PORT_TLS};
    sa address{};
    const bool numeric = sa_set_str(&address, host.c_str(), port) == 0;
    if (numeric && host != text(u.host)) tls_->expect(address, text(u.host));
    if (!numeric) tls_->expect_dns_name(host);
    std::string out = "sip:";
    if (pl_isset(&u.user)) out += text(u.user) + "@";
    out += bracketed(host);
    if (u.port || numeric) out += ":" + std::to_string(port);
    return out + ";transport=tls";
}

std::string Transport::contact() const { return "<sip:" + token_ + "@" + to_text(local_) + ";transport=tls>"; }

void Transport::on_message(Handler request, Handler response) {
    on_request_ = std::move(request);
    on_response_ = std::move(response);
    (void)sip_listen(requests_.out(), sip_.get(), true, &Transport::request_arrived, this);
    (void)sip_listen(responses_.out(), sip_.get(), false, &Transport::response_arrived, this);
}

bool Transport::request_arrived(const sip_msg* msg, void* self) {
    return static_cast<Transport*>(self)->on_request_(*msg);
}

bool Transport::response_arrived(const sip_msg* msg, void* self) {
    return static_cast<Transport*>(self)->on_response_(*msg);
}

}  // namespace sealcall::host
