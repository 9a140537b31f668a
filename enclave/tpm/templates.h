// Public templates of every object that sealcall makes in a TPM, and the endorsement keys a TPM may come with.
#pragma once

#include <tss2/tss2_tpm2_types.h>

#include "enclave/tpm/tpm.h"

namespace sealcall::tpm {

inline constexpr TPM2_HANDLE kSrkHandle = 0x81000001;      ///< TCG TPM v2.0 Provisioning Guidance, 7.8
inline constexpr TPM2_HANDLE kCounterHandle = 0x01800100;  ///< slot 0; the others follow
inline constexpr TPM2_HANDLE kPinHandle = 0x01800110, kVersionHandle = 0x01800111;  ///< tpm_authority.cpp
inline constexpr uint16_t kPinSize = 48;  ///< bytes: signer (32), version (u64), counter (u64) at the time of pinning
inline constexpr TPM2_HANDLE kVaultHandle = 0x01800300;
inline constexpr uint32_t kVaults = 256;  ///< several profiles may share a TPM
/// A PIN has at least six characters: ten tries, then one in ten minutes, tries a million for 19 years.
inline constexpr uint32_t kDaMaxTries = 10, kDaRecoverySeconds = 600, kDaLockoutRecoverySeconds = 86400;

/// Storage root key: ECC P-256 (TCG EK Credential Profile template with a well-known unique).
TPM2B_PUBLIC srk_template();
/// Is this a key that may parent ours and salt our sessions: restricted decryption, fixed to this TPM, made in it?
bool is_storage_key(const TPMT_PUBLIC& pub);
/// Attestation key: restricted ECDSA P-256. `unique` (32 bytes) selects which of the possible keys.
TPM2B_PUBLIC ak_template(ByteSpan unique);
/// Identity key: unrestricted ECDSA-SHA256 P-256, usable only through `policy`.
TPM2B_PUBLIC identity_template(const Digest& policy);
/// Is `pub` what identity_template makes (any policy of 32 bytes)?
bool is_identity_key(const TPMT_PUBLIC& pub);
/// The key of who approves states: public, unrestricted ECDSA-SHA256 P-256, to be loaded for checking only.
TPM2B_PUBLIC approver_public(const rats::Approver& approver);
/// nameAlg and SHA-256 of the public area (TPM 2.0 Part 1, 16). Errors: tpm_bad_response.
Result<Bytes> public_name(const TPMT_PUBLIC& pub);
/// Sealed data, readable only through `policy`.
TPM2B_PUBLIC sealed_template(const Digest& policy);

/// The same under the TPM's dictionary attack protection: the one object of ours whose authValue is a person's PIN.
TPM2B_PUBLIC pin_template(const Digest& policy);

/// ORDERLY counter with authValue, outside dictionary attack protection. `written` as it is once incremented.
TPMS_NV_PUBLIC counter_public(uint8_t slot, TPMA_NV written);
/// The authority's pin, 48 bytes, write-locked for good (WRITEDEFINE: until the owner undefines it).
TPMS_NV_PUBLIC pin_public(TPMA_NV state);
/// The counter behind the bundle's version. Not ORDERLY: an unclean stop must not skip versions.
TPMS_NV_PUBLIC version_public(TPMA_NV state);
/// The version of a vault's newest file; not ORDERLY either.
TPMS_NV_PUBLIC vault_public(uint8_t index, TPMA_NV state);
/// The number of the newest approval (rats/approval.h), written by the owner alone and readable by all.
TPMS_NV_PUBLIC approval_public(TPMA_NV state);
/// The audit log's index (sealcall/audit/anchor.h).
TPMS_NV_PUBLIC audit_public(TPMA_NV state);
bool same_nv_public(const TPMS_NV_PUBLIC& a, const TPMS_NV_PUBLIC& b);

/// One endorsement key of the TCG EK Credential Profile 2.5, Annex B. The first in the table with a certificate is
/// taken.
struct EkKind {
    TPM2_HANDLE certificate;  ///< NV index
    TPM2_HANDLE persistent;   ///< where a provisioned one usually lies
    bool policy_secret;       ///< low range: PolicySecret(endorsement); high range: authValue, empty
    TPM2B_PUBLIC pub;
};
inline constexpr size_t kEkKinds = 6;
EkKind ek_kind(size_t index);
/// Equal in everything but the key itself.
bool same_template(const TPMT_PUBLIC& pub, const TPMT_PUBLIC& wanted);

/// TPMT_PUBLIC as bytes. Errors: tpm_bad_response.
Result<Bytes> marshal_public(const TPMT_PUBLIC& pub);

}  // namespace sealcall::tpm
