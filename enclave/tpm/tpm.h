// The one owner of the TPM connection. Every function blocks until the TPM answers or the deadline ends; only the
// worker thread calls them. Sessions are salted to the SRK (or the EK) and encrypt what is secret.
#pragma once

#include <memory>
#include <optional>

#include "sealcall/base/secret.h"
#include "sealcall/base/time.h"
#include "sealcall/base/unique_fd.h"
#include "sealcall/ipc/schema.h"
#include "sealcall/rats/approval.h"

namespace sealcall::tpm {

inline constexpr uint8_t kSlots = 4;  ///< calls at once, one NV counter each

struct Options {
    ipc::TpmKind kind{};
    Bytes auth_value;  ///< authValue of AK, identity key, counters and sealed objects
    uint8_t measurement_pcr = 13;
    Millis deadline{2000};  ///< for one TPM command (a device gets at least 10 s)
    Bytes srk_name{};       ///< Name that the storage key must have; empty: whatever the TPM holds is believed
};

struct IdentityBlobs {
    Bytes public_area;   ///< TPM2B_PUBLIC, marshalled
    Bytes private_area;  ///< TPM2B_PRIVATE, marshalled
};

struct Endorsement {
    rats::TpmPublic ek_public;            ///< TPMT_PUBLIC
    rats::CertificateDer ek_certificate;  ///< trailing padding cut; empty when the TPM has none
};

struct AttestedBlob {
    rats::TpmAttest attest;
    rats::TpmSignature signature;
};

struct Quotes {
    AttestedBlob main;  ///< SHA-256 bank, PCR 0-9 and 11-14
    AttestedBlob pcr10;
    std::vector<rats::PcrValue>
        pcrs;  ///< 0..14, equal to what was quoted (read again until they agree, at most 3 times)
};

/// A call secret that only this TPM, in this state, before the slot's counter moves, can give back.
struct SealedSecret {
    uint8_t slot = 0;
    uint64_t counter = 0;
    uint64_t lease_until_ms = 0;  ///< TPM clock
    Bytes public_area, private_area;
    // What it was sealed to, for who wants to see it proven:
    Digest pcr_digest{};  ///< of the measurement PCR alone: the hash of its value
    uint32_t reset_count = 0, restart_count = 0;
    Bytes creation_data, creation_ticket;  ///< TPMS_CREATION_DATA, TPMT_TK_CREATION
};

/// Who signs the authority's bundles, and the oldest version that still counts (rats/bundle.h).
struct AuthorityPin {
    Digest signer{};  ///< SHA-256 of the SPKI
    uint64_t oldest_version = 0;
};
inline constexpr uint64_t kVersionStepsAtOnce = 256;  ///< increments a start: a chip takes tens of ms for each

using ipc::PinTries;

inline constexpr size_t kPartnersMax = 4;  ///< with an AK of their own

/// authValues of the TPM's hierarchies; sealcall-guard sets them, the authority keeps a copy.
struct HierarchyAuths {
    Secret<32> owner, endorsement, lockout;
};

class Tpm {
  public:
    /// Takes the open connection. No command is sent that changes the TPM. Errors: tpm_gone, tpm_timeout, tpm_failed.
    static Result<std::unique_ptr<Tpm>> open(UniqueFd fd, Options options);
    virtual ~Tpm() = default;

    /// "swtpm 0.7" or manufacturer and firmware version.
    virtual std::string name() const = 0;

    /// Makes what is missing: SRK (persistent), dictionary attack parameters, the four counters. Idempotent.
    virtual Status provision() = 0;
    /// A new identity key bound to the current value of the measurement PCR and to authValue.
    virtual Result<IdentityBlobs> create_identity() = 0;
    /// Makes the AK (primary under endorsement), loads the identity key and the counters. Errors: tpm_not_provisioned.
    virtual Status load(const IdentityBlobs& identity) = 0;
    /// Name of the storage key to which sessions are salted, to be pinned for the next start. Errors:
    /// tpm_not_provisioned.
    virtual Result<Bytes> srk_name() = 0;
    virtual Result<Endorsement> endorsement() = 0;
    /// From now on quotes, certifies and activates with the AK for this partner, so that partners cannot tell by the
    /// AK that they speak with the same device; "" is the one for everybody, which `load` chooses. Made from its
    /// template when it is used first. At most kPartnersMax. After `load`. Errors: too_large, tpm_*.
    virtual Status use_ak(std::string_view partner) = 0;
    virtual Result<rats::TpmPublic> ak_public() = 0;        ///< TPMT_PUBLIC
    virtual Result<rats::TpmPublic> identity_public() = 0;  ///< TPMT_PUBLIC
    /// TPM2_ActivateCredential with the contents of TPM2B_ID_OBJECT and TPM2B_ENCRYPTED_SECRET.
    virtual Result<Bytes> activate_credential(ByteSpan blob, ByteSpan secret) = 0;

    /// ECDSA-SHA256 by the identity key over a digest; DER (RFC 3279 2.2.3). Error tpm_policy_refused, detail = TPM_RC,
    /// when the platform's state is not the approved one.
    virtual Result<Bytes> sign_identity(const Digest& digest) = 0;
    virtual Result<AttestedBlob> certify_identity(const Digest& qualifying_data) = 0;
    virtual Result<Quotes> quote(const Digest& qualifying_data) = 0;
    virtual Result<Digest> read_pcr(uint8_t pcr) = 0;

    /// Increments the slot's counter, so that nothing sealed before in it can be unsealed; at enclave start and at a
    /// call's end.
    virtual Result<uint64_t> end_slot(uint8_t slot) = 0;
    /// Seals under PCR, authValue, counter, resetCount, restartCount and lease (design, "Keys").
    virtual Result<SealedSecret> seal(uint8_t slot, const Secret<32>& secret) = 0;
    /// Errors: tpm_policy_refused (the state, the counter or the lease says no).
    virtual Result<Secret<32>> unseal(const SealedSecret& sealed) = 0;
    /// A new lease for the same secret: unseal and seal again inside the worker.
    virtual Result<SealedSecret> renew(const SealedSecret& sealed) = 0;
    /// How long a lease is: at least 60 s and ten times the measured Create.
    virtual Millis lease() const = 0;

    /// Pins the authority: writes and locks the index, or, for the same signer, only raises the version. Another signer
    /// needs the owner's authorisation, which undefines the index; a zero one leaves it undefined.
    virtual Status pin_authority(const Digest& signer, uint64_t version) = 0;
    /// Nothing when there is no whole and locked pin of ours.
    virtual Result<std::optional<AuthorityPin>> authority_pin() = 0;
    /// No version below this one counts from now on. A jump of more than kVersionStepsAtOnce is made in several calls.
    virtual Status accept_version(uint64_t version) = 0;

    /// Seals the vault's key under `pin`; an empty one means that there is none, and the TPM counts no tries. Policy:
    /// authValue (from the boot secret, and the PIN), and in embedded mode the measurement PCR as it is now: managed,
    /// the boot secret says the same and an approved update keeps it.
    virtual Result<IdentityBlobs> seal_vault(const Secret<32>& key, ByteSpan pin) = 0;
    /// Errors: tpm_auth_refused (wrong PIN: a try is gone), tpm_locked_out, tpm_policy_refused (other programs).
    virtual Result<Secret<32>> unseal_vault(const IdentityBlobs& sealed, ByteSpan pin) = 0;
    virtual Result<PinTries> pin_tries() = 0;
    /// Value of a vault's counter; 0 when there never was such a vault in this TPM. `add` counts by one, or makes it.
    enum class Count : uint8_t { read, add };
    virtual Result<uint64_t> vault_counter(uint8_t index, Count how) = 0;

    // ---- sealcall-guard only, before any key is loaded

    /// Uses `previous` for the hierarchies from here on; null: they must be empty. Error: tpm_auth_refused when they
    /// are not.
    virtual Status authorise(const HierarchyAuths* previous) = 0;
    /// Removes our indices, whose authValues follow from an older secret: call counters, the authority's pin and
    /// version. A counter that is made anew never counts lower (TPM 2.0 Part 1, 37.2.4).
    virtual Status forget_indices() = 0;
    virtual Status set_hierarchy_auths(const HierarchyAuths& auths) = 0;
    /// Seals the boot secret: readable while the measurement PCR holds `state`, by whoever can reach the TPM then.
    virtual Result<IdentityBlobs> seal_boot(const Secret<32>& secret, const Digest& state) = 0;
    /// Error: tpm_policy_refused after the cap, or in another state.
    virtual Result<Secret<32>> unseal_boot(const IdentityBlobs& sealed) = 0;

    /// Seals the boot secret to what `approver` signs (rats/approval.h) instead of to one state.
    virtual Result<IdentityBlobs> seal_approved(const Secret<32>& secret, const rats::Approver& approver) = 0;
    /// Error: tpm_policy_refused when the measurement PCR holds another state, when the approval is not the approver's
    /// or the secret not theirs, and when an approval with a higher number was accepted.
    virtual Result<Secret<32>> unseal_approved(const IdentityBlobs& sealed, const rats::Approver& approver,
                                               const rats::StateApproval& approval) = 0;
    /// No approval with a lower number counts from now on. Needs the owner's authorisation.
    virtual Status accept_approval(uint64_t number) = 0;

    // ---- the audit log's (sealcall/audit/anchor.h); all by the AK for everybody

    /// What the audit index holds.
    virtual Result<Digest> audit_value() = 0;
    /// Extends the index; what it holds then. On an error it may have been extended all the same.
    virtual Result<Digest> extend_audit(const Digest& head) = 0;
    /// TPM2_NV_Certify of the index, and of a slot's counter.
    virtual Result<AttestedBlob> certify_audit(const Digest& qualifying_data) = 0;
    virtual Result<AttestedBlob> certify_counter(uint8_t slot, const Digest& qualifying_data) = 0;
    /// TPM2_CertifyCreation; works after the slot has ended as well.
    virtual Result<AttestedBlob> certify_sealed(const SealedSecret& sealed, const Digest& qualifying_data) = 0;

    /// TPM2_Shutdown(CLEAR), so that the next start does not look like a crash.
    virtual Status shutdown() = 0;
};

}  // namespace sealcall::tpm
