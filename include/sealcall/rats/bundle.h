// What an authority lets its phones believe: trust anchors, reference values, revocations and partners' verifiers, in
// one signed and versioned bundle (design, section 8). Canonical bytes of ipc/codec.h, so that the enclave parses only
// what it can also compare.
#pragma once

#include "sealcall/rats/wire.h"

namespace sealcall::rats {

inline constexpr size_t kBundleMax = 8 * 1024 * 1024;  ///< bytes of a whole SignedBundle
inline constexpr size_t kReferencesMax = 60000;        ///< entries a list (a list counts in 16 bits)
inline constexpr size_t kRevocationsMax = 8192;
inline constexpr size_t kPolicyMax = 256 * 1024;                       ///< bytes of a compiled policy
inline constexpr uint64_t kBundleLifeMax = 400ULL * 24 * 3600 * 1000;  ///< ms from issue to next update
inline constexpr uint64_t kBundleSkew = 5 * 60 * 1000;                 ///< ms that our clock may be behind the issuer's
inline constexpr std::string_view kBundleContext = "sealcall-bundle/1";

enum class ReferenceKind : uint8_t {
    approved,   ///< may be extended into this PCR
    sealcall,   ///< PCR of the own measurement: a role of an approved release
    measurer,   ///< PCR of the own measurement: the guard, or what else measured the roles
    forbidden,  ///< level X when it was extended, whatever else is there
};

/// One approved or forbidden extend. For PCR 10 `digest` is the SHA-256 template hash of an IMA entry.
struct Reference {
    uint32_t id = 0;  ///< not 0; by this number people look a text up (tools, not the enclave)
    uint8_t pcr = 0;
    ReferenceKind kind{};
    Digest digest{};
    static constexpr auto fields = std::tuple{&Reference::id, &Reference::pcr, &Reference::kind, &Reference::digest};
    bool operator==(const Reference&) const = default;
};

/// A partner organisation's verifier whose passports count: issuer, profile and key are pinned together.
struct PartnerVerifier {
    BoundedString<128> issuer;  ///< "iss" of the passport
    BoundedString<128> domain;  ///< it may vouch for sip:...@domain and nobody else
    BoundedString<64> profile;  ///< eat_profile
    TpmPublic key;              ///< SubjectPublicKeyInfo, DER: P-256
    Level at_most{};            ///< what it may vouch for
    bool lab = false;           ///< all that it vouches for is marked LAB
    static constexpr auto fields =
        std::tuple{&PartnerVerifier::issuer, &PartnerVerifier::domain,  &PartnerVerifier::profile,
                   &PartnerVerifier::key,    &PartnerVerifier::at_most, &PartnerVerifier::lab};
    bool operator==(const PartnerVerifier&) const = default;
};

struct Bundle {
    uint8_t format = 2;
    BoundedString<128> authority;  ///< common name of the root that signs
    uint64_t version = 0;          ///< never goes back on a phone (NV counter)
    uint64_t issued_ms = 0;        ///< UTC, milliseconds; before it (less kBundleSkew) the clock is wrong: level 0
    uint64_t next_update_ms = 0;   ///< after this revocations count as unknown: level 0
    BoundedList<CertificateDer, 4> anchors;
    BoundedList<Digest, kRevocationsMax> revoked;       ///< SHA-256 of SPKIs: AKs and identity keys. Ascending
    uint32_t boot_pcrs = 0;                             ///< bit n: every extend of PCR n needs a reference for level 3
    BoundedList<Reference, kReferencesMax> references;  ///< ascending by (pcr, digest), no pair twice
    BoundedList<Reference, kReferencesMax> runtime;     ///< the same for PCR 10
    BoundedList<PartnerVerifier, 16> partners;          ///< ascending by issuer, none twice
    BoundedBytes<kPolicyMax> policy;                    ///< encode(policy::Document); empty: the authority gives none
    static constexpr auto fields =
        std::tuple{&Bundle::format,         &Bundle::authority, &Bundle::version,  &Bundle::issued_ms,
                   &Bundle::next_update_ms, &Bundle::anchors,   &Bundle::revoked,  &Bundle::boot_pcrs,
                   &Bundle::references,     &Bundle::runtime,   &Bundle::partners, &Bundle::policy};
    bool operator==(const Bundle&) const = default;
};

inline constexpr size_t kReferenceSize = ipc::max_size<Reference>();  ///< bytes of every entry of a list
static_assert(kReferenceSize == 38);

/// What travels and lies on disk. The signature is ECDSA P-256 with SHA-256, DER, over "sealcall-bundle/1" and `body`.
struct SignedBundle {
    BoundedBytes<kBundleMax> body;  ///< encode(Bundle)
    BoundedBytes<128> signature;
    static constexpr auto fields = std::tuple{&SignedBundle::body, &SignedBundle::signature};
};

}  // namespace sealcall::rats

template <>
struct sealcall::ipc::EnumRange<sealcall::rats::ReferenceKind> {
    static constexpr auto last = sealcall::rats::ReferenceKind::forbidden;
};
