// The issuing side of passports (ear_passport.h): for an authority and for tests. Not part of the trusted base.
#pragma once

#include "attestation/ear_passport.h"
#include "attestation/openssl.h"

namespace sealcall::attestation {

inline constexpr uint16_t kPassportLife = 300;  ///< s: one round of attestation

/// Fields and signature for Evidence that was appraised: `ceiling` and `result` as check_evidence and conclude gave
/// them for `request`. Errors: bad_value (nobody vouches for such a level), wrong_binding, bad_key, crypto_failed.
Result<rats::Passport> make_passport(const rats::VerifierRequest& request, const Appraised& ceiling,
                                     const rats::AttestationResult& result, std::string_view issuer, uint64_t now_s,
                                     EVP_PKEY* key);

/// Signs the fields as they are, over the text that they give.
Status sign_passport(rats::Passport& passport, const Digest& nonce, ByteSpan identity_spki, EVP_PKEY* key);

/// The whole JWT: text and signature.
Result<std::string> passport_jwt(const rats::Passport& passport, const Digest& nonce, ByteSpan identity_spki);

}  // namespace sealcall::attestation
