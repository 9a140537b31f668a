// Parts 1 and 2 of "What the verifier proves" (docs/attestation.md): the enclave makes them itself, and the verifier
// again. Trusted base.
#pragma once

#include "attestation/tpm_structs.h"

namespace sealcall::attestation {

class ReferenceSet;

/// What the relying party expects the Evidence to be about.
struct Expectation {
    rats::BindingInput binding;                 ///< evidence_body is filled in by the check
    Digest identity_spki{};                     ///< SHA-256 of the SPKI of the TLS peer's certificate
    std::vector<rats::CertificateDer> anchors;  ///< authority roots
    uint64_t wall_ms = 0;
    uint8_t measurement_pcr = 13;
    Digest identity_policy_pcr{};  ///< unused when zero; else the state of measurement_pcr that the identity key's
                                   ///< authPolicy must be bound to (identity_auth_policy)
    const ReferenceSet* references = nullptr;               ///< of the authority's bundle; null: there is none
    rats::Reason revocations_unknown = rats::Reason::none;  ///< else why nothing better than level 0 can be said
};

/// What the AK certificate says of the device (docs/attestation.md, "AK certificate").
enum class EkOrigin : uint8_t { not_proven, vendor, lab };
struct DeviceClaims {
    EkOrigin ek = EkOrigin::not_proven;
    bool software_tpm = false;
    bool managed = false;   ///< a guard keeps the TPM and measured before the session (docs/operations.md)
    bool runtime = false;   ///< managed, and its kernel keeps a list of what it runs: none to be seen is one withheld
    std::string device;     ///< subject serialNumber
    std::string authority;  ///< issuer common name
};

struct ClockInfo {
    uint32_t reset_count = 0, restart_count = 0;
    uint64_t clock = 0;
};

/// authPolicy of an identity key without a PIN: PolicyPCR(SHA-256: `pcr` at `value`), then PolicyAuthValue (Part
/// 3, 23.7, 23.17).
Digest identity_auth_policy(uint8_t pcr, const Digest& value);

/// Outcome of parts 1 and 2. `level` is the ceiling that the rest may only lower.
struct Appraised {
    rats::AttestationResult result;
    DeviceClaims device;
    ClockInfo clock;
    std::vector<rats::PcrValue> pcrs;
};

/// All of part 1 and 2, in order; stops at the first failure with level X and its reason. Never throws, never defaults
/// upward.
Appraised check_evidence(const rats::Evidence& evidence, const Expectation& expect);

/// Part 3: replays what the logs say over reset values and compares with every quoted PCR. A PCR without events must
/// hold its reset value (0-16: zero, but PCR 0 begins with the startup locality; 17-22: 0xFF). Returns the level the
/// ceiling falls to and why: a PCR that does not replay: known_device with log_withheld when it has no events at all,
/// failed with log_does_not_replay otherwise.
rats::AttestationResult apply_replay(rats::AttestationResult ceiling, const std::vector<rats::PcrValue>& pcrs,
                                     const rats::Measured& measured);

/// Within one channel the TPM neither resets nor restarts (a resumed machine needs a new channel) and its clock does
/// not go back. Error: clock_went_back, detail 1 when it restarted.
Status clock_continues(const ClockInfo& before, const ClockInfo& now);

/// The identity certificate of a TLS peer: chain to an anchor at `wall_ms`, P-256, one SAN URI "sip:...", not a CA, key
/// usage digitalSignature. Errors: untrusted_certificate, bad_certificate, wrong_name.
struct IdentityCertificate {
    std::string uri;
    std::string authority;
    Digest spki{};  ///< SHA-256 of `key`
    Bytes key;      ///< SubjectPublicKeyInfo, DER
};
Result<IdentityCertificate> check_identity_certificate(ByteSpan der, const std::vector<rats::CertificateDer>& anchors,
                                                       uint64_t wall_ms);

/// The reason to show for an error of a certificate check.
rats::Reason certificate_reason(const Error& error);

}  // namespace sealcall::attestation
