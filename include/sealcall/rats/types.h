// RFC 9334 words as types: what a verdict about a platform consists of. Values only.
#pragma once

#include <cstdint>
#include <vector>

#include "sealcall/base/bytes.h"
#include "sealcall/ipc/codec.h"

namespace sealcall::rats {

/// Integrity level, worst first so that std::min lowers (docs/attestation.md, "Levels").
enum class Level : uint8_t {
    failed,           ///< X  a check was made and it was wrong
    unverified,       ///< 0  nothing is known, or it could not be checked
    known_device,     ///< 1
    measured,         ///< 2
    trusted_boot,     ///< 3
    trusted_runtime,  ///< 4
};

/// Role of an attester in the channel. The callee is the TLS client.
enum class Role : uint8_t { caller, callee };

constexpr Role other(Role r) { return r == Role::caller ? Role::callee : Role::caller; }

/// What a relying party's policy answers, strictest first so that std::min is the stricter of two.
enum class Action : uint8_t {
    refuse,
    pin,           ///< the person here must prove presence first
    receive_only,  ///< no microphone on this side
    warn,
    allow,
};

/// Why a level is what it is; the sentence for each stands in policy/reason_text.h.
enum class Reason : uint8_t {
    none,
    // affirming
    quote_fresh_and_bound,
    identity_key_in_tpm,
    device_enrolled,
    tpm_genuine,
    tpm_genuine_lab,
    log_replays,
    secure_boot_on,
    boot_approved,
    measurement_approved,
    runtime_approved,
    vouched_by_partner,
    // what is missing (level stays low, nothing is wrong)
    tpm_not_proven_genuine,
    boot_not_approved,
    secure_boot_off,
    runtime_not_known,
    runtime_not_approved,
    measurement_self_vouched,
    embedded_mode,
    log_withheld,
    not_supported,
    not_enrolled,
    partner_not_pinned,
    partner_level_limit,
    partner_result_expired,
    partner_result_missing,
    could_not_check,
    no_answer_in_time,
    not_rechecked,
    clock_wrong,
    revocation_list_stale,
    // what is wrong (X)
    certificate_untrusted,
    certificate_expired,
    certificate_wrong_name,
    reflected_key,
    not_bound_to_channel,
    quote_signature_bad,
    quote_malformed,
    pcr_values_do_not_match,
    log_does_not_replay,
    key_not_in_quoted_tpm,
    key_attributes_wrong,
    attestation_key_revoked,
    tpm_clock_unsafe,
    tpm_was_reset,
    fingerprint_mismatch,
    exporter_mismatch,
    passport_mismatch,  ///< PASSporT of SIP
    partner_result_invalid,
    component_forbidden,
    verifier_disagrees,
    // notices that do not change a level
    answered_by_other,
    relay_rewrote_offer,
    downgrade,
    new_key,      ///< another identity key, on another device, than this name had before
    lower_level,  ///< than this name ever had
};

/// One PCR extend that a log claims: the enclave replays the list itself.
struct PcrEvent {
    uint8_t pcr = 0;
    Digest digest{};
    uint32_t reference = 0;  ///< id in the reference set; 0 = none known
    static constexpr auto fields = std::tuple{&PcrEvent::pcr, &PcrEvent::digest, &PcrEvent::reference};
    bool operator==(const PcrEvent&) const = default;
};

struct PcrValue {
    uint8_t pcr = 0;
    Digest value{};
    static constexpr auto fields = std::tuple{&PcrValue::pcr, &PcrValue::value};
    bool operator==(const PcrValue&) const = default;
};

using Reasons = BoundedList<Reason, 16>;

/// What a machine says was extended into its PCRs, in order. Counts as far as it replays to quoted values.
struct Measured {
    std::vector<PcrEvent> events;  ///< all PCRs but 10
    std::vector<Digest> runtime;   ///< PCR 10
    uint8_t startup_locality = 0;  ///< last byte of PCR 0 before its first event
};

/// What is known of a peer's platform after appraisal.
struct AttestationResult {
    Level level = Level::unverified;
    bool lab = false;           ///< vouched for by a laboratory root: never the same as a genuine one
    bool software_tpm = false;  ///< said by the AK certificate
    Reasons reasons;
    static constexpr auto fields = std::tuple{&AttestationResult::level, &AttestationResult::lab,
                                              &AttestationResult::software_tpm, &AttestationResult::reasons};
    bool operator==(const AttestationResult&) const = default;
};

}  // namespace sealcall::rats

template <>
struct sealcall::ipc::EnumRange<sealcall::rats::Level> {
    static constexpr auto last = sealcall::rats::Level::trusted_runtime;
};
template <>
struct sealcall::ipc::EnumRange<sealcall::rats::Role> {
    static constexpr auto last = sealcall::rats::Role::callee;
};
template <>
struct sealcall::ipc::EnumRange<sealcall::rats::Action> {
    static constexpr auto last = sealcall::rats::Action::allow;
};
template <>
struct sealcall::ipc::EnumRange<sealcall::rats::Reason> {
    static constexpr auto last = sealcall::rats::Reason::lower_level;
};
