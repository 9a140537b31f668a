// Keys of JOSE: P-256 and P-384 public keys as JWK (RFC 7517, RFC 7518 6.2) or in any form of foreign/tpm_files.h, and
// the two signature algorithms that go with them. Not part of the trusted base; trusts nothing it reads.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "attestation/openssl.h"

namespace sealcall::attestation {

/// A key that somebody pinned: it alone decides the algorithm, no header does.
struct JoseKey {
    PkeyPtr key;
    std::string alg;  ///< "ES256" for P-256, "ES384" for P-384
    std::string kid;  ///< of the JWK; empty if there is none
};

/// One JWK (not a set) with public members only, or PEM or DER of a public key or signing certificate. At most 64 KiB.
/// Errors: bad_key (what says which member; a private key is refused), too_large, not_canonical, bad_value.
Result<JoseKey> read_jose_key(ByteSpan file);

/// The same for a member of another object, as `cnf` carries it.
Result<JoseKey> parse_jwk(const nlohmann::json& jwk);

/// The public JWK of a P-256 or P-384 key: kty, crv, x, y. Error: bad_key.
Result<nlohmann::json> jwk_of(EVP_PKEY* key);

/// RFC 7518 3.4: r || s, each of the curve's length. Errors: bad_signature, crypto_failed.
Status verify_jose(const JoseKey& key, ByteSpan message, ByteSpan signature);
Result<Bytes> sign_jose(EVP_PKEY* key, ByteSpan message);

/// RFC 7515 2: no padding, and no bits that carry nothing. Errors: bad_value, not_canonical.
Result<Bytes> from_base64url(std::string_view text);
std::string to_base64url(ByteSpan bytes);

}  // namespace sealcall::attestation
