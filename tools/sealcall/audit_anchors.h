// What the TPM says about an audit log: its anchors replayed, its signatures checked. A log proves nothing by itself:
// whoever can write the file can make another chain. What is believed here is the attestation key that an authority
// certified, and the index that only grows.
#pragma once

#include "attestation/audit_proof.h"
#include "attestation/bundle.h"
#include "attestation/foreign/finding.h"
#include "audit_trail.h"

namespace sealcall::cli {

/// The head of a log that somebody else keeps, and since when by his clock; 0: nobody said.
struct AuditWitness {
    std::string who;
    Digest head{};
    uint64_t wall_ms = 0;
};

/// Whom the reader believes, and what else is known of the log.
struct AuditGround {
    std::vector<rats::CertificateDer> roots;                ///< of the authority; empty: nobody
    const attestation::ReferenceSet* references = nullptr;  ///< its bundle, for what was struck off
    std::vector<AuditWitness> witnesses;
    struct Live {
        Bytes attest, signature;
        Digest nonce{};
    };
    std::optional<Live> live;             ///< what the TPM says now
    std::optional<uint32_t> keep_days{};  ///< what the reader's rule of retention is; 0: for ever
};

/// The key that signs from one start of the phone to the next.
struct AuditSigner {
    std::optional<attestation::PublicArea> key;
    std::string device, authority;
    bool vouched = false;       ///< the authority's certificate holds for it
    bool software_tpm = false;  ///< by the certificate, or by the log's own word
};

/// A moment at which the TPM spoke.
struct TpmMoment {
    size_t record = 0;  ///< index of the record that holds the statement
    uint64_t clock = 0;
    uint32_t reset_count = 0, restart_count = 0;
};

struct AnchorReport {
    size_t starts = 0, anchors = 0, certified = 0;
    std::optional<size_t> anchored;    ///< index of the newest record whose hash is in the TPM
    std::optional<size_t> covered;     ///< the same for what was signed
    Digest value{};                    ///< that the index must hold now
    std::vector<AuditSigner> signers;  ///< one a start
    std::vector<size_t> signer_of;     ///< for each record: index in `signers`; kNoSigner before the first start
    std::vector<TpmMoment> moments;
    static constexpr size_t kNoSigner = ~size_t{0};
    /// nullptr: nobody has spoken yet.
    [[nodiscard]] const AuditSigner* signer(size_t record) const;
};

/// Everything that `sealcall audit verify` says. The report is what was found on the way.
AnchorReport check_anchors(const AuditTrail& trail, const AuditGround& ground, attestation::foreign::Findings& out);

/// The key of a `started` record, and who vouches for it at that time.
AuditSigner read_signer(const AuditRecord& started, const AuditGround& ground, std::string& why_not);

}  // namespace sealcall::cli
