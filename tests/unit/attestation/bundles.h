// Signed bundles for tests: small, valid, and each part at hand to be made wrong.
#pragma once

#include "attestation/bundle.h"
#include "attestation/bundle_writer.h"
#include "tests/unit/attestation/software_tpm.h"

namespace sealcall::attestation::test {

inline rats::Reference reference(uint8_t pcr, const Digest& digest, uint32_t id = 1,
                                 rats::ReferenceKind kind = rats::ReferenceKind::approved) {
    return {.id = id, .pcr = pcr, .kind = kind, .digest = digest};
}

inline rats::PartnerVerifier partner(std::string_view issuer) {
    rats::PartnerVerifier p;
    p.issuer = BoundedString<128>(issuer);
    p.domain = BoundedString<128>("partner.example");
    p.profile = BoundedString<64>("tag:ietf.org,2026:rats/ear#03");
    p.key = rats::TpmPublic(*public_key_der(keys().peer.get()));
    p.at_most = rats::Level::measured;
    return p;
}

/// Without references and revocations; issued yesterday, good for a week.
inline rats::Bundle empty_bundle() {
    rats::Bundle b;
    b.authority = BoundedString<128>("Example Corp");
    b.version = 7;
    b.issued_ms = kNow - kDay;
    b.next_update_ms = kNow + 7 * kDay;
    CHECK(b.anchors.push(rats::CertificateDer(keys().authority_root)));
    return b;
}

/// One of everything.
inline rats::Bundle small_bundle() {
    rats::Bundle b = empty_bundle();
    CHECK(b.revoked.push(digest_of(1)) && b.revoked.push(digest_of(2)));
    b.boot_pcrs = 1u << 4 | 1u << 7;
    CHECK(b.references.push(reference(4, digest_of(1), 11)));
    CHECK(b.references.push(reference(4, digest_of(2), 12, rats::ReferenceKind::forbidden)));
    CHECK(b.references.push(reference(7, digest_of(1), 13)));
    CHECK(b.runtime.push(reference(10, digest_of(5), 14)));
    CHECK(b.partners.push(partner("https://a.example")));
    CHECK(b.partners.push(partner("https://b.example")));
    return b;
}

inline Bytes bundle_key() { return *public_key_der(keys().authority.get()); }
inline Bytes signed_bundle(const rats::Bundle& b) { return *sign_bundle(b, keys().authority.get()); }
inline Result<ReferenceSet> open_bytes(ByteSpan bytes, uint64_t oldest = 0) {
    return ReferenceSet::open(bytes, bundle_key(), oldest);
}

/// A set that was signed and opened, with the bytes it looks at.
struct OwnedSet {
    Bytes bytes;
    ReferenceSet set;
    explicit OwnedSet(const rats::Bundle& b) : bytes(signed_bundle(sorted_bundle(b))), set(*open_bytes(bytes)) {}
    OwnedSet(const OwnedSet&) = delete;
    OwnedSet& operator=(const OwnedSet&) = delete;
};

inline rats::Bundle revoking(const std::vector<Digest>& keys_struck_off) {
    rats::Bundle b = empty_bundle();
    for (const Digest& d : keys_struck_off) CHECK(b.revoked.push(d));
    return b;
}

}  // namespace sealcall::attestation::test
