#include "tests/unit/host/sip_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>

#include <csignal>

namespace sealcall::testing {
namespace {

using Clock = std::chrono::steady_clock;

std::string random_branch() {
    static int n = 0;
    return "z9hG4bKpeer" + std::to_string(getpid()) + "x" + std::to_string(++n);
}

std::string with_length(const std::string& head, const std::string& body, const std::string& type) {
    return head + (body.empty() ? "" : "Content-Type: " + type + "\r\n") +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

bool wait_for(int fd, short events, std::chrono::milliseconds limit) {
    pollfd p{fd, events, 0};
    return poll(&p, 1, static_cast<int>(limit.count())) > 0;
}

}  // namespace

struct SipPeer::Tls {
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> ctx{SSL_CTX_new(TLS_method()), &SSL_CTX_free};
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl{nullptr, &SSL_free};
    UniqueFd listener, connection;
    /// What came may be no data (a session ticket): SSL_read gives up soon, and the caller waits for more.
    void read_in_pieces() {
        const timeval limit{0, 20'000};
        setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    }
};

int SipMessage::status() const { return text.starts_with("SIP/2.0 ") ? std::atoi(text.c_str() + 8) : 0; }

std::string SipMessage::header(std::string_view name) const {
    size_t at = text.find("\r\n");
    const size_t end = text.find("\r\n\r\n");
    while (at < end) {
        at += 2;
        const size_t next = text.find("\r\n", at);
        const size_t colon = text.find(':', at);
        if (colon < next && colon - at == name.size() && strncasecmp(&text[at], name.data(), name.size()) == 0) {
            size_t value = colon + 1;
            while (text[value] == ' ') ++value;
            return text.substr(value, next - value);
        }
        at = next;
    }
    return {};
}

std::string SipMessage::body() const {
    const size_t end = text.find("\r\n\r\n");
    return end == std::string::npos ? std::string() : text.substr(end + 4);
}

SipPeer::SipPeer() : tls_(std::make_unique<Tls>()) {
    std::signal(SIGPIPE, SIG_IGN);  // the host may close on us: that is what some tests are about
    use(lab().issue("peer", "IP:127.0.0.1,DNS:localhost"));
    SSL_CTX_set_options(tls_->ctx.get(), SSL_OP_IGNORE_UNEXPECTED_EOF);
    tls_->listener = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(tls_->listener.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) == 0);
    CHECK(listen(tls_->listener.get(), 4) == 0);
    socklen_t n = sizeof a;
    getsockname(tls_->listener.get(), reinterpret_cast<sockaddr*>(&a), &n);
    port_ = ntohs(a.sin_port);
}

SipPeer::~SipPeer() = default;

void SipPeer::use(const LabCertificate& c) {
    std::unique_ptr<BIO, decltype(&BIO_free_all)> cert(BIO_new_mem_buf(c.certificate.data(), -1), &BIO_free_all);
    std::unique_ptr<BIO, decltype(&BIO_free_all)> key(BIO_new_mem_buf(c.key.data(), -1), &BIO_free_all);
    std::unique_ptr<X509, decltype(&X509_free)> x(PEM_read_bio_X509(cert.get(), nullptr, nullptr, nullptr), &X509_free);
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> k(PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr),
                                                          &EVP_PKEY_free);
    CHECK(SSL_CTX_use_certificate(tls_->ctx.get(), x.get()) == 1);
    CHECK(SSL_CTX_use_PrivateKey(tls_->ctx.get(), k.get()) == 1);
}

bool SipPeer::accept() {
    if (!wait_for(tls_->listener.get(), POLLIN, kWait)) return false;
    tls_->connection = UniqueFd(::accept4(tls_->listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const timeval limit{8, 0};
    setsockopt(tls_->connection.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    int one = 1;
    setsockopt(tls_->connection.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    tls_->ssl.reset(SSL_new(tls_->ctx.get()));
    SSL_set_fd(tls_->ssl.get(), tls_->connection.get());
    const bool ok = SSL_accept(tls_->ssl.get()) == 1;
    ERR_clear_error();
    tls_->read_in_pieces();
    return ok;
}

bool SipPeer::connect(uint16_t port) {
    tls_->connection = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(tls_->connection.get(), reinterpret_cast<sockaddr*>(&a), sizeof a)) return false;
    const timeval limit{8, 0};
    setsockopt(tls_->connection.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    int one = 1;
    setsockopt(tls_->connection.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    tls_->ssl.reset(SSL_new(tls_->ctx.get()));
    SSL_set_fd(tls_->ssl.get(), tls_->connection.get());
    const bool ok = SSL_connect(tls_->ssl.get()) == 1;
    ERR_clear_error();
    tls_->read_in_pieces();
    return ok;
}

void SipPeer::write(const std::string& bytes) {
    ASSERT_TRUE(tls_->ssl);
    (void)SSL_write(tls_->ssl.get(), bytes.data(), static_cast<int>(bytes.size()));
    ERR_clear_error();
}

SipMessage SipPeer::read(std::chrono::milliseconds limit) {
    const auto end = Clock::now() + limit;
    for (;;) {
        while (pending_.starts_with("\r\n")) pending_.erase(0, 2);
        const size_t head = pending_.find("\r\n\r\n");
        if (head != std::string::npos) {
            SipMessage m{pending_.substr(0, head + 4)};
            const auto length = static_cast<size_t>(std::atoi(m.header("Content-Length").c_str()));
            if (pending_.size() >= head + 4 + length) {
                m.text = pending_.substr(0, head + 4 + length);
                pending_.erase(0, head + 4 + length);
                return m;
            }
        }
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
        if (left.count() <= 0 || !tls_->ssl) return {};
        if (SSL_pending(tls_->ssl.get()) == 0 && !wait_for(tls_->connection.get(), POLLIN, left)) return {};
        char buffer[16384];
        const int n = SSL_read(tls_->ssl.get(), buffer, sizeof buffer);
        const bool only_a_ticket = n <= 0 && SSL_get_error(tls_->ssl.get(), n) == SSL_ERROR_WANT_READ;
        ERR_clear_error();
        if (only_a_ticket) continue;
        if (n <= 0) return {};
        pending_.append(buffer, static_cast<size_t>(n));
    }
}

SipMessage SipPeer::expect(const std::string& method) {
    SipMessage m = read();
    EXPECT_EQ(m.method(), method) << m.text;
    return m;
}

SipMessage SipPeer::expect(int status) {
    SipMessage m = read();
    EXPECT_EQ(m.status(), status) << m.text;
    return m;
}

bool SipPeer::closed(std::chrono::milliseconds limit) {
    const auto end = Clock::now() + limit;
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
        if (left.count() <= 0 || !wait_for(tls_->connection.get(), POLLIN, left)) return false;
        char buffer[4096];
        if (::recv(tls_->connection.get(), buffer, sizeof buffer, 0) <= 0) return true;
    }
}

std::string SipPeer::response(const SipMessage& q, int status, const std::string& to_tag, const std::string& headers,
                              const std::string& body, const std::string& type) {
    std::string to = q.header("To");
    if (!to_tag.empty() && to.find(";tag=") == std::string::npos) to += ";tag=" + to_tag;
    return with_length("SIP/2.0 " + std::to_string(status) + " Test\r\nVia: " + q.header("Via") + "\r\nTo: " + to +
                           "\r\nFrom: " + q.header("From") + "\r\nCall-ID: " + q.header("Call-ID") +
                           "\r\nCSeq: " + q.header("CSeq") + "\r\n" + headers,
                       body, type);
}

std::string InviteText::to(const SipPeer& peer, const HostProcess& host) const {
    return with_length(
        "INVITE " + host.uri(user) + " SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:" + std::to_string(peer.port()) +
            ";branch=" + branch + ";rport\r\nMax-Forwards: 70\r\nTo: <sip:" + user +
            "@example.com>\r\nFrom: \"Mallory\" <sip:mallory@example.com>;tag=" + tag + "\r\nCall-ID: " + call_id +
            "\r\nCSeq: " + std::to_string(cseq) + " INVITE\r\n" + peer.contact() + extra,
        body, "application/sdp");
}

std::string attested_offer() {
    std::string fp = "AA";
    for (int i = 1; i < 32; ++i) fp += ":AA";
    return "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
           "a=rtpmap:111 opus/48000/2\r\na=fingerprint:sha-256 " +
           fp + "\r\na=setup:actpass\r\na=rtcp-mux\r\n";
}

std::string ordinary_sdp(uint16_t port, const std::string& setup, const std::string& direction) {
    std::string fp = "BB";
    for (int i = 1; i < 32; ++i) fp += ":BB";
    return "v=0\r\no=- 7 7 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio " + std::to_string(port) +
           " UDP/TLS/RTP/SAVPF 96 0\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:0 PCMU/8000\r\na=fingerprint:sha-256 " +
           fp + "\r\na=setup:" + setup + "\r\na=" + direction + "\r\na=rtcp-mux\r\n";
}

std::string request_as_callee(const SipPeer& peer, const SipMessage& invite, const std::string& tag,
                              const std::string& method, uint32_t cseq, const std::string& extra,
                              const std::string& body) {
    const std::string contact = invite.header("Contact");
    return with_length(method + " " + contact.substr(1, contact.find('>') - 1) +
                           " SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:" + std::to_string(peer.port()) +
                           ";branch=" + random_branch() + "\r\nMax-Forwards: 70\r\nTo: " + invite.header("From") +
                           "\r\nFrom: " + invite.header("To") + ";tag=" + tag +
                           "\r\nCall-ID: " + invite.header("Call-ID") + "\r\nCSeq: " + std::to_string(cseq) + " " +
                           method + "\r\n" + peer.contact() + extra,
                       body, method == "INFO" ? "application/sealcall-attest" : "application/sdp");
}

std::string request_as_caller(const SipPeer& peer, const SipMessage& r, const std::string& method, uint32_t cseq,
                              const std::string& extra, const std::string& body) {
    const std::string contact = r.header("Contact");
    return with_length(method + " " + contact.substr(1, contact.find('>') - 1) +
                           " SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:" + std::to_string(peer.port()) +
                           ";branch=" + random_branch() + "\r\nMax-Forwards: 70\r\nTo: " + r.header("To") +
                           "\r\nFrom: " + r.header("From") + "\r\nCall-ID: " + r.header("Call-ID") +
                           "\r\nCSeq: " + std::to_string(cseq) + " " + method + "\r\n" + peer.contact() + extra,
                       body, method == "INFO" ? "application/sealcall-attest" : "application/sdp");
}

}  // namespace sealcall::testing
