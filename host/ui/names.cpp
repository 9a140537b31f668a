#include "host/ui/names.h"

#include <array>

#include "sealcall/policy/reason_text.h"

namespace sealcall::ui {
namespace {

/// The table must have one name for each enumerator: a contract that grows does not compile until it is named here.
template <class E, size_t N>
const char* look_up(const std::array<const char*, N>& names, E v) {
    static_assert(N == static_cast<size_t>(ipc::EnumRange<E>::last) + 1);
    const auto i = static_cast<size_t>(v);
    return i < N ? names[i] : "unknown";
}

}  // namespace

const char* name_of(ipc::CallState v) {
    static constexpr auto kNames = std::to_array<const char*>(
        {"dialling", "offered", "attesting", "decided", "ringing", "answered", "media", "held", "ended"});
    return look_up(kNames, v);
}

const char* name_of(ipc::EndReason v) {
    static constexpr auto kNames = std::to_array<const char*>({"none",
                                                               "hung_up_here",
                                                               "hung_up_there",
                                                               "refused_here",
                                                               "refused_by_policy",
                                                               "refused_there",
                                                               "busy",
                                                               "no_answer",
                                                               "not_found",
                                                               "not_reachable",
                                                               "peer_failed_attestation",
                                                               "peer_not_acceptable",
                                                               "we_were_not_acceptable",
                                                               "peer_is_ordinary",
                                                               "channel_broken",
                                                               "certificate_refused",
                                                               "own_tpm_refused",
                                                               "own_tpm_failed",
                                                               "media_failed",
                                                               "fingerprint_mismatch",
                                                               "too_many_calls",
                                                               "not_enrolled",
                                                               "locked",
                                                               "downgrade",
                                                               "host_lost",
                                                               "internal"});
    return look_up(kNames, v);
}

const char* name_of(ipc::Protection v) {
    static constexpr auto kNames = std::to_array<const char*>({"none", "end_to_end", "hop"});
    return look_up(kNames, v);
}

const char* name_of(ipc::Phase v) {
    static constexpr auto kNames = std::to_array<const char*>(
        {"dialled", "channel_open", "own_evidence_sent", "peer_evidence_in", "peer_appraised", "both_agreed", "ringing",
         "answered", "media_path", "secure", "confirmed", "first_audio_in", "ended"});
    return look_up(kNames, v);
}

const char* name_of(ipc::KeyEvent v) {
    static constexpr auto kNames = std::to_array<const char*>(
        {"created", "sealed", "wiped", "unsealed", "rekeyed", "destroyed", "unseal_refused"});
    return look_up(kNames, v);
}

const char* name_of(ipc::RecheckOutcome v) {
    static constexpr auto kNames = std::to_array<const char*>(
        {"as_before", "worse", "overdue", "unanswered", "seen_worse", "own_changed", "own_failed"});
    return look_up(kNames, v);
}

const char* name_of(ipc::OnFall v) {
    static constexpr auto kNames = std::to_array<const char*>({"nothing", "muted", "held", "ended"});
    return look_up(kNames, v);
}

const char* name_of(ipc::NoticeKind v) {
    static constexpr auto kNames = std::to_array<const char*>(
        {"tpm_slow", "tpm_gone", "audio_device_lost", "audio_device_back", "not_enrolled", "incoming_refused",
         "relay_rewrote_offer", "dropped_messages", "suspended", "bundle", "passport", "policy", "vault"});
    return look_up(kNames, v);
}

const char* name_of(ipc::BundleState v) {
    static constexpr auto kNames = std::to_array<const char*>(
        {"none", "good", "stale", "clock_wrong", "rolled_back", "bad", "missing", "not_pinned"});
    return look_up(kNames, v);
}

const char* name_of(ipc::Registration v) {
    static constexpr auto kNames = std::to_array<const char*>({"none", "trying", "registered", "failed"});
    return look_up(kNames, v);
}

const char* name_of(ipc::ProcessRole v) {
    static constexpr auto kNames =
        std::to_array<const char*>({"launcher", "ui", "host", "enclave", "verifier", "audio"});
    return look_up(kNames, v);
}

const char* name_of(policy::Action v) {
    static constexpr auto kNames = std::to_array<const char*>({"refuse", "pin", "receive_only", "warn", "allow"});
    return look_up(kNames, v);
}

const char* name_of(policy::OnWorse v) {
    static constexpr auto kNames = std::to_array<const char*>({"mute", "hold", "end"});
    return look_up(kNames, v);
}

const char* name_of(policy::Direction v) {
    static constexpr auto kNames = std::to_array<const char*>({"incoming", "outgoing"});
    return look_up(kNames, v);
}

const char* name_of(policy::Rule v) {
    static constexpr auto kNames = std::to_array<const char*>({"default_deny",
                                                               "failed_is_refused",
                                                               "downgrade_is_refused",
                                                               "ordinary_refused",
                                                               "ordinary_warned",
                                                               "below_minimum_refused",
                                                               "below_minimum_warned",
                                                               "lab_does_not_count",
                                                               "meets_minimum",
                                                               "blocked",
                                                               "label_unknown",
                                                               "unknown_caller_refused",
                                                               "downgrade_takes_pin",
                                                               "document_rule",
                                                               "document_bound",
                                                               "policy_missing",
                                                               "address_unclear",
                                                               "pin_not_set",
                                                               "takes_pin",
                                                               "accepted_with_pin"});
    return look_up(kNames, v);
}

const char* name_of(rats::Reason v) {
    static constexpr auto kNames = std::to_array<const char*>({"none",
                                                               "quote_fresh_and_bound",
                                                               "identity_key_in_tpm",
                                                               "device_enrolled",
                                                               "tpm_genuine",
                                                               "tpm_genuine_lab",
                                                               "log_replays",
                                                               "secure_boot_on",
                                                               "boot_approved",
                                                               "measurement_approved",
                                                               "runtime_approved",
                                                               "vouched_by_partner",
                                                               "tpm_not_proven_genuine",
                                                               "boot_not_approved",
                                                               "secure_boot_off",
                                                               "runtime_not_known",
                                                               "runtime_not_approved",
                                                               "measurement_self_vouched",
                                                               "embedded_mode",
                                                               "log_withheld",
                                                               "not_supported",
                                                               "not_enrolled",
                                                               "partner_not_pinned",
                                                               "partner_level_limit",
                                                               "partner_result_expired",
                                                               "partner_result_missing",
                                                               "could_not_check",
                                                               "no_answer_in_time",
                                                               "not_rechecked",
                                                               "clock_wrong",
                                                               "revocation_list_stale",
                                                               "certificate_untrusted",
                                                               "certificate_expired",
                                                               "certificate_wrong_name",
                                                               "reflected_key",
                                                               "not_bound_to_channel",
                                                               "quote_signature_bad",
                                                               "quote_malformed",
                                                               "pcr_values_do_not_match",
                                                               "log_does_not_replay",
                                                               "key_not_in_quoted_tpm",
                                                               "key_attributes_wrong",
                                                               "attestation_key_revoked",
                                                               "tpm_clock_unsafe",
                                                               "tpm_was_reset",
                                                               "fingerprint_mismatch",
                                                               "exporter_mismatch",
                                                               "passport_mismatch",
                                                               "partner_result_invalid",
                                                               "component_forbidden",
                                                               "verifier_disagrees",
                                                               "answered_by_other",
                                                               "relay_rewrote_offer",
                                                               "downgrade",
                                                               "new_key",
                                                               "lower_level"});
    return look_up(kNames, v);
}

std::string digit_of(rats::Level v) { return {policy::text(v).digit}; }

}  // namespace sealcall::ui
