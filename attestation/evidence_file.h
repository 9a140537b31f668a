// Evidence in one file, for people and tools (`sealcall evidence collect|verify`): what a phone sends in a call, with
// its logs, over a nonce instead of a call. Reading believes nothing; appraising makes the same checks as a call does,
// with what the reader itself trusts. Tools only.
//
//   "sealcall-evidence/1\n"  then, in the codec of the wire (ipc/codec.h):
//   nonce (32)               of who asked, or random
//   collected (u64)          ms since 1970 UTC: a claim
//   Evidence                 docs/protocol.md; its binding is file_binding(nonce, identity key)
//   u16 count (at most 4)    certificates that the device believes in: a hint who vouches, never trusted
//   u32 length, boot log     the one that the EvidenceBody offers, or empty: withheld
//   u32 length, runtime log  the one that Evidence offers, or empty
#pragma once

#include <optional>

#include "attestation/appraise.h"
#include "attestation/bundle.h"

namespace sealcall::attestation {

struct EvidenceFile {
    Digest nonce{};
    uint64_t collected_ms = 0;
    rats::Evidence evidence;
    BoundedList<rats::CertificateDer, 4> chain;
    BoundedBytes<rats::kBootLogMax> boot_log;
    BoundedBytes<rats::kRuntimeLogMax> runtime_log;
    static constexpr auto fields =
        std::tuple{&EvidenceFile::nonce, &EvidenceFile::collected_ms, &EvidenceFile::evidence,
                   &EvidenceFile::chain, &EvidenceFile::boot_log,     &EvidenceFile::runtime_log};
    bool operator==(const EvidenceFile&) const = default;
};

inline constexpr std::string_view kEvidenceFileMagic = "sealcall-evidence/1\n";
inline constexpr size_t kEvidenceFileMax = kEvidenceFileMagic.size() + ipc::max_size<EvidenceFile>();  ///< bytes

/// True when the bytes begin as a file of Evidence does, whole or not.
bool looks_like_evidence_file(ByteSpan in);
Bytes encode_evidence_file(const EvidenceFile& file);
/// Form only: nothing in it has been checked. Errors: bad_value (not such a file), those of the codec, bad_evidence
/// (the Evidence has no body; a log is not the one that the Evidence offers).
Result<EvidenceFile> read_evidence_file(ByteSpan in);

/// What the reader of a file trusts, and asked for.
struct FileGround {
    std::vector<rats::CertificateDer> anchors;
    const ReferenceSet* references = nullptr;               ///< outlives the appraisal; null: nothing is approved
    rats::Reason revocations_unknown = rats::Reason::none;  ///< else why nothing better than level 0 can be said
    uint64_t wall_ms = 0;
    uint8_t measurement_pcr = 13;  ///< where sealcall measures itself, in the reader's organisation
    std::optional<Digest> nonce;   ///< that was asked for; nothing: the file's own, so it may be of any age
};

struct FileAppraisal {
    Appraised ceiling;  ///< parts 1 and 2
    rats::Measured measured;
    rats::AttestationResult result;
    rats::EvidenceBody body;
};

/// The same checks as in a call, in the same order (docs/attestation.md): check_evidence, the verifier's part,
/// conclude.
FileAppraisal appraise_file(const EvidenceFile& file, const FileGround& ground);

}  // namespace sealcall::attestation
