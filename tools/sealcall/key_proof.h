// Proof that a call's sealed secret is dead: records of the audit log, each word for word, and what the TPM signed in
// them. One file, read on another machine without the log, the phone or a network. Foreign bytes.
#pragma once

#include "audit_calls.h"

namespace sealcall::cli {

inline constexpr size_t kKeyProofMax = 1024 * 1024;  ///< bytes
inline constexpr size_t kProofRecordsMax = 512;      ///< a lease is renewed twice a minute

/// The records that prove one call's secret, oldest first: the phone's start, the sealed conditions, the TPM's word;
/// and all from where the other phone showed its name to the sealing, when none of them is about anything else. Problem
/// when the call was not sealed, or nothing is signed yet.
std::string make_key_proof(const AuditTrail& trail, const CallStory& call);

struct KeyProof {
    uint64_t call = 0;  ///< as its records say, all of them the same
    std::string peer;   ///< empty: not bound by what the TPM signed
    std::vector<AuditRecord> records;
};
/// Errors: bad_value (no JSON, another form, not canonical records), too_large.
Result<KeyProof> read_key_proof(std::string_view text);

/// What the TPM signed about the making of a secret; nothing that only the file says.
struct ProvenSecret {
    std::string device, peer;  ///< empty: not proven
    uint64_t call = 0;
    uint64_t record = 0, wall_ms = 0;  ///< of its sealing
};

/// What it proves, step by step. Nothing is given back when the making of the secret is not signed.
std::optional<ProvenSecret> check_key_proof(const KeyProof& proof, const AuditGround& ground,
                                            attestation::foreign::Findings& out);

}  // namespace sealcall::cli
