// A scripted SIP peer over TLS: says exactly what a test tells it to, right or wrong. One connection, bounded waits.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "tests/unit/host/host_process.h"

namespace sealcall::testing {

struct SipMessage {
    std::string text;  ///< whole message
    [[nodiscard]] bool empty() const { return text.empty(); }
    [[nodiscard]] std::string first_line() const { return text.substr(0, text.find("\r\n")); }
    [[nodiscard]] std::string method() const { return text.substr(0, text.find(' ')); }
    [[nodiscard]] int status() const;                               ///< 0 for a request
    [[nodiscard]] std::string header(std::string_view name) const;  ///< first of that name
    [[nodiscard]] std::string body() const;
    [[nodiscard]] bool has(std::string_view s) const { return text.find(s) != std::string::npos; }
};

class SipPeer {
  public:
    SipPeer();  ///< listens on a free port of 127.0.0.1 with a certificate of lab()
    ~SipPeer();
    SipPeer(const SipPeer&) = delete;
    SipPeer& operator=(const SipPeer&) = delete;

    [[nodiscard]] uint16_t port() const { return port_; }
    [[nodiscard]] std::string uri(const std::string& user) const {
        return "sip:" + user + "@127.0.0.1:" + std::to_string(port_) + ";transport=tls";
    }
    /// Uses this certificate instead; before accept or connect.
    void use(const LabCertificate& certificate);
    [[nodiscard]] bool accept();
    [[nodiscard]] bool connect(uint16_t port);
    void write(const std::string& bytes);
    /// The next whole message, or an empty one.
    SipMessage read(std::chrono::milliseconds limit = kWait);
    /// The next message must be this request.
    SipMessage expect(const std::string& method);
    /// The next message must have this status.
    SipMessage expect(int status);
    /// True when the other side closes within that time.
    [[nodiscard]] bool closed(std::chrono::milliseconds limit);

    /// A response to `request` with `to_tag`; `headers` are whole lines.
    static std::string response(const SipMessage& request, int status, const std::string& to_tag,
                                const std::string& headers = "", const std::string& body = "",
                                const std::string& type = "application/sdp");
    /// "Contact: <...>\r\n" of this peer.
    [[nodiscard]] std::string contact() const { return "Contact: <" + uri("peer") + ">\r\n"; }

  private:
    struct Tls;
    std::unique_ptr<Tls> tls_;
    uint16_t port_ = 0;
    std::string pending_;
};

/// An INVITE from a peer of `host`. `extra`: whole header lines.
struct InviteText {
    std::string user = "bob", tag = "peertag1", call_id = "c0ffee", branch = "z9hG4bKtest1";
    uint32_t cseq = 1;
    std::string extra, body;
    [[nodiscard]] std::string to(const SipPeer& peer, const HostProcess& host) const;
};

std::string attested_offer();
/// DTLS-SRTP and Opus at `port`, without ICE.
std::string ordinary_sdp(uint16_t port, const std::string& setup, const std::string& direction = "sendrecv");
/// A request in the dialog that `invite` (received by the peer) began; the peer speaks as callee with `tag`.
std::string request_as_callee(const SipPeer& peer, const SipMessage& invite, const std::string& tag,
                              const std::string& method, uint32_t cseq, const std::string& extra = "",
                              const std::string& body = "");
/// A request in the dialog that `response` (received by the peer) belongs to; the peer speaks as caller.
std::string request_as_caller(const SipPeer& peer, const SipMessage& response, const std::string& method, uint32_t cseq,
                              const std::string& extra = "", const std::string& body = "");

}  // namespace sealcall::testing
