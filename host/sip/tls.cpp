#include "host/sip/tls.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>

namespace sealcall::host {
namespace {

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
using X509Ptr = std::unique_ptr<X509, decltype(&X509_free)>;

constexpr size_t kNamesMax = 64;

Status add_ca(SSL_CTX* ctx, ByteSpan pem) {
    BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free_all);
    X509_STORE* store = SSL_CTX_get_cert_store(ctx);
    int count = 0;
    for (;;) {
        X509Ptr cert(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
        if (!cert) break;
        if (X509_STORE_add_cert(store, cert.get()) != 1) return Error{Errc::bad_certificate, "tls_ca", 0};
        (void)SSL_CTX_add_client_CA(ctx, cert.get());
        ++count;
    }
    ERR_clear_error();
    if (count == 0) return Error{Errc::bad_config, "tls_ca holds no certificate", 0};
    return {};
}

/// Where SSL_CTX keeps the HopTls that made it.
int owner_index() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

struct Connected {
    uint64_t cookie = 0;
    sa local{}, peer{};
};

/// libre does not show the socket of an outgoing connection before its first message, so it is looked for. Descriptors
/// are given out lowest first, so behind a long run of closed ones there is nothing.
std::vector<Connected> connected_tcp_sockets() {
    constexpr int kDescriptorsMax = 1024, kRunMax = 32;
    std::vector<Connected> out;
    for (int fd = 3, closed = 0; fd < kDescriptorsMax && closed < kRunMax; ++fd) {
        int one = 1, protocol = 0;
        socklen_t n = sizeof protocol;
        const bool socket = getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &n) == 0;
        closed = !socket && errno == EBADF ? closed + 1 : 0;
        if (!socket || protocol != IPPROTO_TCP) continue;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        Connected c;
        n = sizeof c.cookie;
        if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &c.cookie, &n)) continue;
        c.local.len = c.peer.len = sizeof c.local.u;
        if (getsockname(fd, &c.local.u.sa, &c.local.len) || getpeername(fd, &c.peer.u.sa, &c.peer.len)) continue;
        out.push_back(c);
    }
    return out;
}

}  // namespace

Result<std::unique_ptr<HopTls>> HopTls::create(ByteSpan certificate, ByteSpan key, ByteSpan ca) {
    std::unique_ptr<HopTls> t(new HopTls());
    if (certificate.empty() || key.empty()) return Error{Errc::bad_config, "no TLS certificate", 0};
    if (tls_alloc(t->tls_.out(), TLS_METHOD_SSLV23, nullptr, nullptr))
        return Error{Errc::out_of_memory, "tls_alloc", 0};
    const std::string_view c = as_chars(certificate), k = as_chars(key);
    if (tls_set_certificate_pem(t->tls_.get(), c.data(), c.size(), k.data(), k.size()))
        return Error{Errc::bad_certificate, "TLS certificate or key", 0};
    SSL_CTX* ctx = tls_openssl_context(t->tls_.get());
    if (SSL_CTX_check_private_key(ctx) != 1) return Error{Errc::bad_key, "TLS key does not fit the certificate", 0};
    TRY_STATUS(add_ca(ctx, ca));
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(ctx, &HopTls::verify, t.get());
    SSL_CTX_set_ex_data(ctx, owner_index(), t.get());
    SSL_CTX_set_info_callback(ctx, &HopTls::handshake_event);
    return t;
}

void HopTls::expect(const sa& address, const std::string& name) {
    if (expected_.size() < kNamesMax) expected_[to_text(address)] = name;
}

void HopTls::expect_dns_name(const std::string& name) {
    if (dns_names_.size() < kNamesMax) dns_names_.insert(name);
}

void HopTls::exclude(int fd) {
    uint64_t cookie = 0;
    socklen_t n = sizeof cookie;
    if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &n)) return;
    excluded_.insert(cookie);  // the kernel gives them out in ascending order, and never twice
    if (excluded_.size() > kNamesMax) excluded_.erase(excluded_.begin());
}

void HopTls::handshake_event(const ssl_st* ssl, int where, int) {
    auto* self = static_cast<HopTls*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), owner_index()));
    if (!self) return;
    if (where & SSL_CB_HANDSHAKE_START) self->new_connection(ssl, SSL_is_server(ssl) == 0);
    if (where & SSL_CB_HANDSHAKE_DONE) self->peers_.erase(ssl);
}

void HopTls::new_connection(const ssl_st* ssl, bool client) {
    std::set<uint64_t> alive, fresh;
    std::set<std::string> addresses;
    for (const Connected& c : connected_tcp_sockets()) {
        alive.insert(c.cookie);
        if (sa_port(&c.local) == listen_port_ || begun_.contains(c.cookie) || excluded_.contains(c.cookie)) continue;
        fresh.insert(c.cookie);
        addresses.insert(to_text(c.peer));
    }
    std::erase_if(begun_, [&alive](uint64_t cookie) { return !alive.contains(cookie); });
    if (!client || SSL_is_init_finished(ssl)) return;  // TLS 1.3 says "start" again for later messages
    // Two connections may be established before either begins: then each is checked against both addresses.
    if (++begun_in_group_ >= fresh.size()) {
        begun_.merge(fresh);
        begun_in_group_ = 0;
    }
    if (peers_.size() > kNamesMax) peers_.clear();  // handshakes that never ended: they fail closed
    peers_[ssl] = std::move(addresses);
}

bool HopTls::name_matches(x509_store_ctx_st* store, const ssl_st* ssl) const {
    X509* leaf = X509_STORE_CTX_get0_cert(store);
    auto peers = peers_.find(ssl);
    if (!leaf || peers == peers_.end()) return false;
    auto names = [leaf](const std::string& n) {
        return X509_check_ip_asc(leaf, n.c_str(), 0) == 1 || X509_check_host(leaf, n.data(), n.size(), 0, nullptr) == 1;
    };
    for (const std::string& address : peers->second) {
        if (auto e = expected_.find(address); e != expected_.end()) {
            if (names(e->second)) return true;
            continue;
        }
        std::string host = address.substr(0, address.rfind(':'));
        if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
        if (names(host) || std::ranges::any_of(dns_names_, names)) return true;
    }
    return false;
}

int HopTls::verify(x509_store_ctx_st* store, void* arg) {
    auto* self = static_cast<HopTls*>(arg);
    const auto* ssl = static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    bool ok = X509_verify_cert(store) == 1;
    if (ok && !SSL_is_server(ssl) && !self->name_matches(store, ssl)) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
        ok = false;
    }
    if (!ok) {
        ++self->refused_;
        std::fprintf(stderr, "event=tls_peer_refused reason=\"%s\"\n",
                     X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
    }
    return ok ? 1 : 0;
}

}  // namespace sealcall::host
