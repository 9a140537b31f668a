// The key and certificate behind dtls::Identity, for this folder only.
#pragma once

#include "enclave/dtls/endpoint.h"
#include "enclave/tls/openssl.h"

namespace sealcall::dtls {

/// DTLS datagrams are at most this long, both ways (a path MTU that holds everywhere, tunnels included).
inline constexpr size_t kDatagramMax = 1200;
inline constexpr size_t kReceiveMax = 2048;

class SoftwareIdentity final : public Identity {
  public:
    SoftwareIdentity(tls::EvpPkeyPtr key, tls::X509Ptr certificate, const Digest& fingerprint)
        : key_(std::move(key)), certificate_(std::move(certificate)), fingerprint_(fingerprint) {}
    const Digest& fingerprint() const override { return fingerprint_; }
    [[nodiscard]] EVP_PKEY* key() const { return key_.get(); }
    [[nodiscard]] X509* certificate() const { return certificate_.get(); }

  private:
    tls::EvpPkeyPtr key_;  // OpenSSL clears the scalar when the last reference goes
    tls::X509Ptr certificate_;
    Digest fingerprint_;
};

/// SHA-256 over the DER of a certificate (RFC 8122, 5).
Result<Digest> certificate_fingerprint(const X509* certificate);

}  // namespace sealcall::dtls
