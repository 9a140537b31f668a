// The identity key inside OpenSSL: an in-process provider whose EC key has only a public half and whose ECDSA asks a
// callback for each signature (the TPM). The provider lives in a library context that holds nothing else: beside the
// default provider in one context, P-256 silently falls out of supported_groups.
#pragma once

#include <optional>

#include "enclave/tls/channel.h"
#include "enclave/tls/openssl.h"

namespace sealcall::tls {

struct KeyState;

/// One P-256 key that signs through `SignDigest`. Made and used on one thread at a time; outlives every SSL that uses
/// it.
class SigningKey {
  public:
    /// `certificate`: where the public key comes from. Errors: bad_key unless it is P-256; crypto_failed.
    static Result<std::unique_ptr<SigningKey>> create(const X509& certificate, SignDigest sign);
    /// The same with the public half as `pub` (any provider); for a certificate request, before there is a certificate.
    static Result<std::unique_ptr<SigningKey>> create(const EVP_PKEY& pub, SignDigest sign);

    SigningKey(const SigningKey&) = delete;
    SigningKey& operator=(const SigningKey&) = delete;

    /// For SSL_CTX_use_PrivateKey, X509_REQ_sign and the like, with SHA-256 only. Exports the public half only.
    [[nodiscard]] EVP_PKEY* pkey() const { return pkey_.get(); }
    /// What the signer returned when it failed last.
    [[nodiscard]] const std::optional<Error>& signer_error() const;
    /// From now on every signature is refused.
    void disarm();

  private:
    SigningKey() = default;
    LibCtxPtr library_;
    ProviderPtr provider_;
    std::shared_ptr<KeyState> state_;  // shared with the key objects that OpenSSL copies as it likes
    EvpPkeyPtr pkey_;
};

}  // namespace sealcall::tls
