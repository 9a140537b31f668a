// HTTP digest for SIP (RFC 3261 22, RFC 8760). The host has no password: the enclave computes the response, this file
// reads the challenge and writes the header. A challenge is foreign text.
#pragma once

#include <map>
#include <optional>

#include "host/sip/re.h"
#include "sealcall/ipc/schema.h"

namespace sealcall::host {

struct Challenge {
    bool proxy = false;  ///< 407
    ipc::DigestAlgorithm algorithm{};
    std::string realm, nonce, opaque;
    bool qop_auth = false;
};

/// The best challenge of a 401 or 407 that we can answer: SHA-256 before MD5. Errors: bad_sip.
Result<Challenge> choose_challenge(const sip_msg& response);

/// "Authorization: Digest ...\r\n" or Proxy-Authorization.
std::string authorization_header(const Challenge& c, const std::string& uri, const ipc::DigestResponse& r);

/// Asks the enclave and hands its answers back. At most 32 are open.
class DigestBroker {
  public:
    using Ask = std::function<void(const ipc::DigestChallenge&)>;
    using Answer = std::function<void(const ipc::DigestResponse*)>;  ///< null: no password, or too many open

    explicit DigestBroker(Ask ask) : ask_(std::move(ask)) {}
    void ask(const Challenge& c, const std::string& method, const std::string& uri, Answer answer);
    void answered(const ipc::DigestResponse& r);
    /// Nobody answers any more: who waits, and who asks from now on, gets null.
    void close();

  private:
    Ask ask_;
    uint32_t next_ = 1;
    std::map<uint32_t, Answer> open_;
    bool closed_ = false;
};

}  // namespace sealcall::host
