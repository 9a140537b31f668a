// What an authority signs so that a TPM opens a secret in a state that no computer was in yet (rats/approval.h). For
// tools: the enclave computes the same digests by itself, and its TPM judges.
#pragma once

#include "attestation/openssl.h"
#include "sealcall/rats/approval.h"

namespace sealcall::attestation {

/// PolicyPCR(SHA-256 {pcr}, state), then PolicyNV(approval index <= number): policyDigest with SHA-256 (TPM 2.0 Part 3,
/// 23.7 and 23.9). `pcr` is below 24.
Digest approved_state_policy(uint8_t pcr, const Digest& state, uint64_t number);

/// `key` is a P-256 private key. Errors: bad_key, crypto_failed.
Result<rats::StateApproval> approve_state(uint8_t pcr, const Digest& state, uint64_t number, EVP_PKEY* key);
/// The public point of `key`. Errors: bad_key.
Result<rats::Approver> approver_of(EVP_PKEY* key);

}  // namespace sealcall::attestation
