// A passport: what the verifier of another organisation says of a phone, an EAR as a signed JWT (docs/attestation.md,
// "Passports"). It has one canonical text, which the relying party makes itself from fields and from what it knows; no
// JSON is parsed, and nothing of the text chooses a key or an algorithm. Trusted base.
#pragma once

#include <string>

#include "attestation/bundle.h"
#include "attestation/checks.h"

namespace sealcall::attestation {

inline constexpr std::string_view kPassportProfile = "tag:ietf.org,2026:rats/ear#03";
inline constexpr uint64_t kPassportSkew = 60;  ///< s that the issuer's clock may be ahead of ours

/// RFC 4648 5, without padding.
std::string base64url(ByteSpan in);

/// The key of a canonical P-256 SubjectPublicKeyInfo, for verify_tpm_signature. Error: bad_key.
Result<PublicArea> p256_public(ByteSpan spki);

/// base64url(header) "." base64url(claims): what the issuer signs. `nonce`: the 32 bytes that the attestation key
/// signed; `identity_spki`: of the key that it certified. Errors: bad_value (a name that JSON would have to escape, a
/// level that nobody vouches for, a life that is not from 1 to kPassportLifeMax), bad_key.
Result<std::string> passport_text(const rats::Passport& passport, const Digest& nonce, ByteSpan identity_spki);

/// What `passport` is worth to us. `expect`: binding, identity_spki, wall_ms, references and revocations count;
/// `identity_spki`: the DER of the TLS peer's key; `domain`: of its certified name.
rats::AttestationResult check_passport(const rats::Passport& passport, const Expectation& expect,
                                       ByteSpan identity_spki, std::string_view domain);

/// A partner's authority may vouch for its own domain alone, and up to the pinned level, however it does that.
rats::AttestationResult limit_to_partner(rats::AttestationResult result, const rats::PartnerVerifier& partner,
                                         std::string_view domain);

}  // namespace sealcall::attestation
