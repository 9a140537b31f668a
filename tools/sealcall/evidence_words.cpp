#include "evidence_words.h"

namespace sealcall::cli {
namespace {

using rats::Reason;

struct Row {
    Reason key;
    std::string_view name;
    int blocks;
    policy::Text instead;  ///< of the words for a call; empty: those fit
};

constexpr std::string_view kDoNotUse = "Do not rely on this device; have its administrator look at it.";

constexpr Row kRows[] = {
    {Reason::none, "none", 0, {}},
    {Reason::quote_fresh_and_bound,
     "quote_bound",
     0,
     {"The device's security chip signed its state over this nonce and over everything in this evidence.", ""}},
    {Reason::identity_key_in_tpm,
     "identity_key_in_tpm",
     0,
     {"The key that names its user lives in that security chip and cannot be copied.", ""}},
    {Reason::device_enrolled,
     "device_enrolled",
     0,
     {"The device is enrolled with an authority that was named here.", ""}},
    {Reason::tpm_genuine, "tpm_genuine", 0, {}},
    {Reason::tpm_genuine_lab, "tpm_genuine_lab", 0, {}},
    {Reason::log_replays, "log_replays", 0, {}},
    {Reason::secure_boot_on, "secure_boot_on", 0, {}},
    {Reason::boot_approved, "boot_approved", 0, {}},
    {Reason::measurement_approved, "measurement_approved", 0, {}},
    {Reason::runtime_approved, "runtime_approved", 0, {}},
    {Reason::vouched_by_partner, "vouched_by_partner", 0, {}},
    {Reason::tpm_not_proven_genuine, "tpm_not_proven_genuine", 2, {}},
    {Reason::boot_not_approved, "boot_not_approved", 3, {}},
    {Reason::secure_boot_off,
     "secure_boot_off",
     3,
     {"Secure Boot was off when that computer started: anything could have been started before its system.",
      "The administrator switches Secure Boot on in the firmware."}},
    {Reason::runtime_not_known, "runtime_not_known", 4, {}},
    {Reason::runtime_not_approved,
     "runtime_not_approved",
     4,
     {"A program was started on that computer that nobody has approved.",
      "The administrator approves it or removes it; with a bundle, `sealcall evidence explain` names it."}},
    {Reason::measurement_self_vouched, "measurement_self_vouched", 3, {}},
    {Reason::embedded_mode,
     "embedded_mode",
     3,
     {"The phone runs as an ordinary program; other programs of the same user could interfere with it.",
      "The administrator can install the managed mode."}},
    {Reason::log_withheld,
     "log_withheld",
     2,
     {"The evidence does not say what was started on that device: a log is missing in it.",
      "Collect it as a user who may read the kernel's logs, and without --without-logs."}},
    {Reason::not_supported, "not_supported", 1, {}},
    {Reason::not_enrolled, "not_enrolled", 1, {}},
    {Reason::partner_not_pinned, "partner_not_pinned", 1, {}},
    {Reason::partner_level_limit, "partner_level_limit", 0, {}},
    {Reason::partner_result_expired, "partner_result_expired", 1, {}},
    {Reason::partner_result_missing, "partner_result_missing", 1, {}},
    {Reason::could_not_check,
     "could_not_check",
     1,
     {"Nobody was named who may vouch for the device, so that could not be checked.",
      "Name whom you trust: --authority DIR or --bundle FILE."}},
    {Reason::no_answer_in_time, "no_answer_in_time", 1, {}},
    {Reason::not_rechecked, "not_rechecked", 1, {}},
    {Reason::clock_wrong,
     "clock_wrong",
     1,
     {"The bundle was issued after the time of this check.", "Set the clock, or give another --at."}},
    {Reason::revocation_list_stale,
     "revocation_list_stale",
     1,
     {"The bundle's next update is overdue: which devices have been struck off since is not known.",
      "Get the newest bundle from the administrator."}},
    {Reason::certificate_untrusted,
     "certificate_untrusted",
     1,
     {"None of the authorities that were named vouches for this device.",
      "Name the device's own authority; if it has none, its owner enrols it: sealcall enroll."}},
    {Reason::certificate_expired,
     "certificate_expired",
     1,
     {"The device's certificate is not valid at that time.",
      "Its owner renews it: sealcall enroll --renew. For an older file say when: --at."}},
    {Reason::certificate_wrong_name, "certificate_wrong_name", 1, {}},
    {Reason::reflected_key, "reflected_key", 1, {}},
    {Reason::not_bound_to_channel,
     "not_bound",
     1,
     {"The security chip signed something else: another nonce, another evidence, or an answer in a call.",
      "Check the nonce; if it is right, the file was changed: do not rely on it."}},
    {Reason::quote_signature_bad, "quote_signature_bad", 1, {"The signature under the quote is wrong.", kDoNotUse}},
    {Reason::quote_malformed,
     "quote_malformed",
     1,
     {"The quote is not in the form that a security chip gives it.", kDoNotUse}},
    {Reason::pcr_values_do_not_match,
     "pcr_values_do_not_match",
     1,
     {"The PCR values in the file are not those that the security chip signed.", kDoNotUse}},
    {Reason::log_does_not_replay,
     "log_does_not_replay",
     1,
     {"The logs do not give the state that the security chip recorded.", kDoNotUse}},
    {Reason::key_not_in_quoted_tpm,
     "key_not_in_quoted_tpm",
     1,
     {"The identity key is not in the security chip that quoted.", kDoNotUse}},
    {Reason::key_attributes_wrong,
     "key_attributes_wrong",
     1,
     {"A key of that device could be copied or used without its protection, or is not bound to the quoted state.",
      kDoNotUse}},
    {Reason::attestation_key_revoked,
     "attestation_key_revoked",
     1,
     {"The device has been struck off: its authority no longer vouches for it.", kDoNotUse}},
    {Reason::tpm_clock_unsafe,
     "tpm_clock_unsafe",
     1,
     {"The security chip was switched off without notice, and its clock cannot be relied on yet.",
      "Restart that computer in the ordinary way, and collect again."}},
    {Reason::tpm_was_reset,
     "tpm_was_reset",
     1,
     {"The computer restarted while the evidence was made.", "Collect again."}},
    {Reason::fingerprint_mismatch, "fingerprint_mismatch", 1, {}},
    {Reason::exporter_mismatch, "exporter_mismatch", 1, {}},
    {Reason::passport_mismatch, "passport_mismatch", 1, {}},
    {Reason::partner_result_invalid, "partner_result_invalid", 1, {}},
    {Reason::component_forbidden,
     "component_forbidden",
     1,
     {"Something was started on that computer that the administrator has forbidden.", kDoNotUse}},
    {Reason::verifier_disagrees, "verifier_disagrees", 1, {}},
    {Reason::answered_by_other, "answered_by_other", 0, {}},
    {Reason::relay_rewrote_offer, "relay_rewrote_offer", 0, {}},
    {Reason::downgrade, "downgrade", 0, {}},
    {Reason::new_key, "new_key", 0, {}},
    {Reason::lower_level, "lower_level", 0, {}},
};

constexpr bool in_order() {
    for (size_t i = 0; i < std::size(kRows); ++i)
        if (static_cast<size_t>(kRows[i].key) != i || kRows[i].name.empty()) return false;
    return std::size(kRows) == static_cast<size_t>(ipc::EnumRange<Reason>::last) + 1;
}
static_assert(in_order());

}  // namespace

ReasonWords words_of(Reason reason) {
    const Row& row = kRows[static_cast<size_t>(reason)];
    return {.name = row.name,
            .blocks = row.blocks,
            .text = row.instead.sentence.empty() ? policy::text(reason) : row.instead};
}

}  // namespace sealcall::cli
