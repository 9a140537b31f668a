#include "host/net/authority_client.h"

#include <openssl/objects.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <charconv>

namespace sealcall::host {
namespace {

using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;
constexpr size_t kPiece = 16 * 1024;  ///< one TLS record

/// Only an authority's own service has this purpose; a phone's certificate for its SIP transport never has.
bool is_authority_service(X509* leaf) {
    auto* usages = static_cast<EXTENDED_KEY_USAGE*>(X509_get_ext_d2i(leaf, NID_ext_key_usage, nullptr, nullptr));
    if (usages == nullptr) return false;
    const std::unique_ptr<ASN1_OBJECT, decltype(&ASN1_OBJECT_free)> wanted(OBJ_txt2obj(rats::kAuthorityUsageOid, 1),
                                                                           &ASN1_OBJECT_free);
    bool found = false;
    for (int i = 0; i < sk_ASN1_OBJECT_num(usages); ++i)
        found = found || (wanted && OBJ_cmp(sk_ASN1_OBJECT_value(usages, i), wanted.get()) == 0);
    EXTENDED_KEY_USAGE_free(usages);
    return found;
}

}  // namespace

/// One request on a connection of its own.
struct AuthorityClient::Exchange {
    AuthorityClient& owner;
    Bytes body;
    Answered done;
    bool over = false;
    ReRef<tcp_conn> tcp;
    ReRef<tls_conn> tls;
    ReRef<dns_query> query;
    ReRef<mbuf> answer;
    Timer deadline;

    Exchange(AuthorityClient& o, Bytes b, Answered d) : owner(o), body(std::move(b)), done(std::move(d)) {}

    static void established(void* arg) { static_cast<Exchange*>(arg)->send(); }
    static void received(mbuf* mb, void* arg) { static_cast<Exchange*>(arg)->take(left_of(mb)); }
    static void closed(int, void* arg) { static_cast<Exchange*>(arg)->conclude(true); }
    static void resolved(int, const dnshdr*, list* answers, list*, list*, void* arg);

    void send();
    void take(ByteSpan bytes);
    void conclude(bool closed);
};

void AuthorityClient::Exchange::send() {
    const std::string head = "POST /v1/passports HTTP/1.1\r\nHost: " + owner.host_ +
                             "\r\nContent-Type: application/octet-stream\r\nAccept: application/octet-stream\r\n"
                             "Connection: close\r\nContent-Length: " +
                             std::to_string(body.size()) + "\r\n\r\n";
    tcp_conn_txqsz_set(tcp.get(), 2 * body.size() + kPiece);  // it waits here, not in the kernel
    const auto write = [&](ByteSpan all) {
        for (size_t at = 0; at < all.size(); at += kPiece) {
            const ByteSpan piece = all.subspan(at, std::min(kPiece, all.size() - at));
            ReRef<mbuf> mb(mbuf_alloc(piece.size()));
            if (!mb || mbuf_write_mem(mb.get(), as_u8(piece.data()), piece.size())) return false;
            mbuf_set_pos(mb.get(), 0);
            if (tcp_send(tcp.get(), mb.get())) return false;
        }
        return true;
    };
    if (!write(as_bytes(head)) || !write(body)) owner.finish(*this, 0, {});
    body = {};
}

void AuthorityClient::Exchange::take(ByteSpan bytes) {
    if (over) return;
    mbuf_set_pos(answer.get(), answer->end);
    if (answer->end + bytes.size() > kAnswerMax || mbuf_write_mem(answer.get(), as_u8(bytes.data()), bytes.size()))
        return owner.finish(*this, 0, {});
    conclude(false);
}

/// The answer is whole when its stated length is there; a connection that ends before gave none.
void AuthorityClient::Exchange::conclude(bool closed) {
    if (over) return;
    mbuf_set_pos(answer.get(), 0);
    http_msg* raw = nullptr;
    const int err = http_msg_decode(&raw, answer.get(), false);
    const ReRef<http_msg> msg(raw);
    const bool known_length = !err && http_msg_hdr(msg.get(), HTTP_HDR_CONTENT_LENGTH) != nullptr;
    const ByteSpan rest = left_of(answer.get());
    if (known_length && rest.size() >= msg->clen) return owner.finish(*this, msg->scode, rest.first(msg->clen));
    if (closed || (err && err != ENODATA)) owner.finish(*this, 0, {});
}

void AuthorityClient::Exchange::resolved(int err, const dnshdr*, list* answers, list*, list*, void* arg) {
    auto& self = *static_cast<Exchange*>(arg);
    if (self.over) return;
    const dnsrr* rr =
        err || answers == nullptr ? nullptr : dns_rrlist_find(answers, nullptr, DNS_TYPE_A, DNS_CLASS_IN, true);
    if (rr == nullptr) return self.owner.finish(self, 0, {});
    sa address{};
    sa_set_in(&address, rr->rdata.a.addr, self.owner.port_);
    self.owner.connect(self, address);
}

Result<std::unique_ptr<AuthorityClient>> AuthorityClient::create(const ipc::ConfigureHost& config, dnsc* dns,
                                                                 Connected connected) {
    std::unique_ptr<AuthorityClient> out;
    if (config.authority_host.empty()) return out;
    out.reset(new AuthorityClient());
    out->dns_ = dns;
    out->connected_ = std::move(connected);
    out->host_ = config.authority_host.str();
    out->port_ = config.authority_port;
    if (tls_alloc(out->tls_.out(), TLS_METHOD_SSLV23, nullptr, nullptr))
        return Error{Errc::out_of_memory, "tls_alloc", 0};
    SSL_CTX* ctx = tls_openssl_context(out->tls_.get());
    const unsigned char* at = as_u8(config.authority_root.view().data());
    const X509Ptr root(d2i_X509(nullptr, &at, static_cast<long>(config.authority_root.view().size())), &X509_free);
    if (!root || X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), root.get()) != 1)
        return Error{Errc::bad_certificate, "root of the authority", 0};
    SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(ctx, &AuthorityClient::verify, out.get());
    return out;
}

AuthorityClient::~AuthorityClient() = default;

int AuthorityClient::verify(x509_store_ctx_st* store, void* arg) {
    const auto& self = *static_cast<AuthorityClient*>(arg);
    bool ok = X509_verify_cert(store) == 1;
    X509* leaf = X509_STORE_CTX_get0_cert(store);
    const unsigned flags = X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;
    if (ok && !(X509_check_ip_asc(leaf, self.host_.c_str(), 0) == 1 ||
                X509_check_host(leaf, self.host_.data(), self.host_.size(), flags, nullptr) == 1)) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
        ok = false;
    }
    if (ok && !is_authority_service(leaf)) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_INVALID_PURPOSE);
        ok = false;
    }
    if (!ok)
        std::fprintf(stderr, "event=authority_refused reason=\"%s\"\n",
                     X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
    return ok ? 1 : 0;
}

void AuthorityClient::post(Bytes body, Answered done) {
    exchanges_.push_back(std::make_unique<Exchange>(*this, std::move(body), std::move(done)));
    Exchange& e = *exchanges_.back();
    e.answer = ReRef<mbuf>(mbuf_alloc(1024));
    e.deadline.start(kDeadlineMs, [this, &e] { finish(e, 0, {}); });
    if (!e.answer || exchanges_.size() > kAtOnce) return finish(e, 0, {});
    sa address{};
    const std::string numeric = host_ == "localhost" ? "127.0.0.1" : host_;
    if (sa_set_str(&address, numeric.c_str(), port_) == 0) return connect(e, address);
    look_up(e);
}

void AuthorityClient::look_up(Exchange& e) {
    if (dns_ == nullptr ||
        dnsc_query(e.query.out(), dns_, host_.c_str(), DNS_TYPE_A, DNS_CLASS_IN, true, &Exchange::resolved, &e))
        finish(e, 0, {});
}

void AuthorityClient::connect(Exchange& e, const sa& address) {
    if (tcp_connect(e.tcp.out(), &address, &Exchange::established, &Exchange::received, &Exchange::closed, &e) ||
        tls_start_tcp(e.tls.out(), tls_.get(), e.tcp.get(), 0))
        return finish(e, 0, {});
    if (e.query) (void)tls_set_servername(e.tls.get(), host_.c_str());  // no address stands there (RFC 6066 3)
    if (connected_) connected_(tcp_conn_fd(e.tcp.get()));
}

/// The owner hears of it from a timer, so that nothing of libre's is freed within its own callback.
void AuthorityClient::finish(Exchange& e, uint16_t status, ByteSpan body) {
    if (std::exchange(e.over, true)) return;
    e.deadline.start(0, [this, &e, status, bytes = to_bytes(body)] {
        const auto at = std::ranges::find_if(exchanges_, [&](const auto& x) { return x.get() == &e; });
        const auto ended = std::move(*at);
        exchanges_.erase(at);
        ended->done(status, bytes);
    });
}

}  // namespace sealcall::host
