// What the enclave believes of its authority: the signed bundle of anchors, references and revocations (design,
// section 8), opened once at start. The signer is pinned; everything else of the file is foreign until its signature
// holds. Trusted base.
#pragma once

#include <optional>

#include "attestation/x509_checks.h"
#include "sealcall/rats/bundle.h"

namespace sealcall::attestation {

/// The bundle's beginning, up to its large lists.
struct BundleHead {
    uint8_t format = 0;
    BoundedString<128> authority;
    uint64_t version = 0, issued_ms = 0, next_update_ms = 0;
    BoundedList<rats::CertificateDer, 4> anchors;
    BoundedList<Digest, rats::kRevocationsMax> revoked;
    uint32_t boot_pcrs = 0;
    static constexpr auto fields =
        std::tuple{&BundleHead::format,         &BundleHead::authority, &BundleHead::version, &BundleHead::issued_ms,
                   &BundleHead::next_update_ms, &BundleHead::anchors,   &BundleHead::revoked, &BundleHead::boot_pcrs};
};

/// A rats::SignedBundle that was checked whole. The lists of references stay where they are: no index is built and
/// nothing large is copied, for the enclave's own memory is scarce. So the bytes must outlive the set, and must not
/// change (private memory, never a mapped file).
class ReferenceSet {
  public:
    /// Checks size, signature by the key whose SubjectPublicKeyInfo is `signer_spki` (P-256, DER), canonical form,
    /// order and version. Time is not looked at: see `in_time`. Errors: too_large, truncated, trailing_bytes,
    /// not_canonical, bad_value; bad_key; bad_signature; bundle_rolled_back, when the version is lower than
    /// `oldest_version`.
    static Result<ReferenceSet> open(ByteSpan signed_bundle, ByteSpan signer_spki, uint64_t oldest_version);

    /// Errors: bundle_stale (the next update is overdue: revocations are unknown); clock_wrong (`wall_ms` is more than
    /// kBundleSkew before the time of issue). A set that is not in time still knows what it revoked and forbade.
    [[nodiscard]] Status in_time(uint64_t wall_ms) const;

    /// By PCR and digest, never by id. PCR 10: `digest` is the SHA-256 template hash.
    [[nodiscard]] std::optional<rats::Reference> find(uint8_t pcr, const Digest& digest) const;
    /// Is the key with this SHA-256 of its SubjectPublicKeyInfo struck off?
    [[nodiscard]] bool revoked(const Digest& spki) const;
    /// The pinned verifier behind `issuer`, or null.
    [[nodiscard]] const rats::PartnerVerifier* partner(std::string_view issuer) const;

    [[nodiscard]] const BundleHead& head() const { return head_; }
    /// The anchors of head(), read when the set was opened.
    [[nodiscard]] const Anchors& anchors() const { return anchors_; }
    [[nodiscard]] const std::vector<rats::PartnerVerifier>& partners() const { return partners_.items(); }
    /// Canonical bytes of the policy (policy/document.h), not looked at here. Empty: there is none.
    [[nodiscard]] ByteSpan policy() const { return policy_; }
    [[nodiscard]] size_t references() const { return references_.size() / rats::kReferenceSize; }
    [[nodiscard]] size_t runtime() const { return runtime_.size() / rats::kReferenceSize; }

  private:
    ReferenceSet() = default;
    Status read(ByteSpan body);
    [[nodiscard]] Status check_head() const;
    [[nodiscard]] Status check_partners() const;

    BundleHead head_;
    Anchors anchors_;
    ByteSpan references_, runtime_;  ///< entries of kReferenceSize bytes
    BoundedList<rats::PartnerVerifier, 16> partners_;
    ByteSpan policy_;
};

}  // namespace sealcall::attestation
