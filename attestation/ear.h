// EAR, the EAT Attestation Result (draft-ietf-rats-ear-03), as a JWT: what a verifier says about an attester. Reading
// and making; for the verifier, the authority and tools, never the enclave. Trusts only the key it is given: no key, no
// key reference and no algorithm is ever taken from a token's own header.
//
//   base64url(header) "." base64url(claims) "." base64url(signature)          ES256 or ES384, by the key
//
// Limits: 64 KiB a token, 16 levels and 4096 values of JSON, 16 submodules, 8 nonces.
#pragma once

#include <array>
#include <map>
#include <optional>

#include "attestation/jose_key.h"

namespace sealcall::attestation {

inline constexpr const char* kEarProfile = "tag:ietf.org,2026:rats/ear#03";
inline constexpr const char* kEarVeraisonProfile = "tag:github.com,2023:veraison/ear";

enum class EarProfile : uint8_t { ietf, veraison };
const char* ear_profile_tag(EarProfile profile);

/// AR4SI trust tiers (draft-ietf-rats-ar4si 2.3.2), best last but for `none`, which says nothing.
enum class TrustTier : uint8_t { none, affirming, warning, contraindicated };
const char* tier_name(TrustTier tier);

/// The tier of a claim's value: -1, 0, 1 none; 2..31 and -32..-2 affirming; 32..95 and -96..-33 warning; the rest
/// contraindicated.
TrustTier tier_of(int8_t value);

/// The eight claims of AR4SI, in the order of the draft.
inline constexpr std::array<const char*, 8> kTrustClaims = {"instance-identity", "configuration", "executables",
                                                            "file-system",       "hardware",      "runtime-opaque",
                                                            "storage-opaque",    "sourced-data"};
using TrustVector = std::array<std::optional<int8_t>, kTrustClaims.size()>;

/// What is said about one part of the attester.
struct EarAppraisal {
    TrustTier status = TrustTier::none;
    TrustVector vector;  ///< all empty when the token has none
    std::vector<std::string> policy_ids;
    bool operator==(const EarAppraisal&) const = default;
};

/// A token's claims. Times in seconds since 1970 UTC.
struct Ear {
    EarProfile profile = EarProfile::ietf;
    std::string issuer;  ///< iss; may be empty
    int64_t issued_at = 0;
    std::optional<int64_t> expires_at, not_before;
    std::vector<Bytes> nonces;  ///< eat_nonce, decoded
    Bytes cnf_spki;             ///< DER SubjectPublicKeyInfo of cnf.jwk; empty without
    std::string developer, build;
    std::map<std::string, EarAppraisal> submods;

    /// The worst of the submodules; one that says nothing makes it `none` unless another one is worse.
    [[nodiscard]] TrustTier status() const;
    bool operator==(const Ear&) const = default;
};

/// What the reader demands. Everything that is set must be so.
struct EarExpectation {
    uint64_t wall_ms = 0;
    uint32_t skew_s = 60;               ///< how far ahead of ours the issuer's clock may be; never prolongs a token
    std::optional<EarProfile> profile;  ///< none: either of the two
    std::optional<std::string> issuer;
    std::optional<Bytes> nonce;  ///< must be the only one
    std::optional<Bytes> cnf_spki;
    std::optional<uint32_t> max_lifetime_s;  ///< then exp is mandatory, and at most so long after iat
};

/// Error::detail of what verify_ear refuses; `ear_fault_name` gives the stable name.
enum class EarFault : uint32_t {
    size = 1,
    format,  ///< not three parts of base64url
    header,  ///< not JSON, a critical extension, another type
    alg,     ///< not the algorithm of the key: none, HS256, ...
    signature,
    claims,  ///< the payload is no JSON object within the bounds
    expired,
    not_yet_valid,
    missing,        ///< a mandatory claim is not there
    bad_claim,      ///< a claim of the wrong type or range
    contradiction,  ///< a status that is better than its own vector
    profile,
    issuer,
    nonce,
    confirmation,
    lifetime,
};
const char* ear_fault_name(uint32_t detail);

/// Verifies the signature with `key`, then reads and checks the claims. Errors: Error::detail is an EarFault; code
/// bad_signature for alg and signature, too_large, refused_by_policy for what only the expectation refuses, else
/// bad_value.
Result<Ear> verify_ear(std::string_view jwt, const JoseKey& key, const EarExpectation& expect);

/// Makes a token: `ear.profile`, `issued_at`, at least one submodule and, if cnf_spki is set, a P-256 or P-384 key in
/// it. What it makes passes verify_ear. Errors: bad_value, bad_key, crypto_failed.
Result<std::string> issue_ear(const Ear& ear, EVP_PKEY* key, std::string_view kid);

/// A passport's bounds (facts: at most 10 minutes, 32 bytes of nonce, cnf mandatory).
inline constexpr uint32_t kPassportLifetime = 600;  ///< seconds
inline constexpr size_t kPassportNonce = 32;        ///< bytes
/// `ear` has what a passport must have. Error: bad_value, detail as EarFault.
Status check_passport_form(const Ear& ear);

}  // namespace sealcall::attestation
