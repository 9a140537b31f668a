// What the reader of an evidence file trusts: an authority by its directory or root certificate, and its signed bundle.
// Naming a file is the trust: nothing is remembered between two runs, so an old bundle cannot be told from the newest.
#pragma once

#include "attestation/evidence_file.h"
#include "options.h"

namespace sealcall::cli {

class EvidenceTrust {
  public:
    /// Reads what the options name: the authority's root, and its bundle: the one that is named, else the one in the
    /// authority's directory. A bundle must be signed by that root; without --authority by one of its own anchors.
    /// Throws Problem.
    explicit EvidenceTrust(const TrustOptions& options);
    EvidenceTrust(const EvidenceTrust&) = delete;
    EvidenceTrust& operator=(const EvidenceTrust&) = delete;

    /// Borrows from this object.
    [[nodiscard]] const attestation::FileGround& ground() const { return ground_; }
    [[nodiscard]] const attestation::ReferenceSet* bundle() const { return set_ ? &*set_ : nullptr; }

  private:
    void open_bundle(const std::string& file, const std::vector<rats::CertificateDer>& signers);
    Bytes bytes_;
    std::optional<attestation::ReferenceSet> set_;
    attestation::FileGround ground_;
};

}  // namespace sealcall::cli
