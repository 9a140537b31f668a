// What the attestation key signed about the audit log and about the secrets of calls, as whoever reads it later checks
// it: offline, from bytes alone. Foreign bytes. Not part of the trusted base.
#pragma once

#include "attestation/tpm_structs.h"
#include "sealcall/audit/anchor.h"

namespace sealcall::attestation {

/// Name of an NV index with SHA-256 and no policy: nameAlg || H(TPMS_NV_PUBLIC) (Part 1, 16; Part 2, 13.5).
Bytes nv_index_name(uint32_t index, uint32_t attributes, uint16_t size);

/// Restricted, signs only, ECDSA P-256 with SHA-256, made by its TPM and never to leave it.
bool is_attestation_key(const PublicArea& key);

/// One statement of the key: its signature, that an endorsement primary with this public area made it, and what it was
/// asked. Errors: bad_evidence, bad_signature, wrong_binding.
Result<Attest> check_statement(const PublicArea& ak, ByteSpan attest, ByteSpan signature,
                               const Digest& qualifying_data);

/// A statement about an NV index: its whole contents. Errors: as above, and bad_evidence for another index.
Result<Attest> check_index_statement(const PublicArea& ak, ByteSpan attest, ByteSpan signature,
                                     const Digest& qualifying_data, ByteSpan index_name);

/// What a call's secret was sealed to.
struct SealedTo {
    uint8_t slot = 0;
    uint64_t counter = 0;
    uint8_t pcr = 0;
    Digest pcr_digest{};
    uint32_t reset_count = 0, restart_count = 0;
    uint64_t lease_until_ms = 0;
};
/// authPolicy of the sealed object (design, "Keys"): PolicyPCR, PolicyAuthValue, PolicyNV(counter ==),
/// PolicyCounterTimer (resetCount ==, restartCount ==, clock <).
Digest sealed_policy(const SealedTo& to);

/// The public area (TPM2B_PUBLIC) of a sealed secret that opens only by its authPolicy; its Name. Errors: bad_key when
/// it is anything else, or its policy is not `policy`.
Result<Bytes> sealed_name(ByteSpan tpm2b_public, const Digest& policy);

/// PCRs in TPMS_CREATION_DATA (Part 2, 15.1): that the object was made while `pcr` alone had this digest. Errors:
/// bad_evidence and those of reading.
Status check_creation_data(ByteSpan creation_data, uint8_t pcr, const Digest& pcr_digest);

}  // namespace sealcall::attestation
