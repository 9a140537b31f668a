#include "audit_events.h"

#include <algorithm>
#include <sstream>

namespace sealcall::cli {
namespace {

using Json = nlohmann::ordered_json;

bool is_kind(const std::string& name, const Json& value) {
    using audit::FieldKind;
    return (value.is_string() && audit::is_field(FieldKind::text, name)) ||
           (value.is_number_unsigned() && audit::is_field(FieldKind::number, name)) ||
           (value.is_boolean() && audit::is_field(FieldKind::flag, name)) ||
           (value.is_array() && audit::is_field(FieldKind::numbers, name));
}

}  // namespace

const std::array<AuditEvent, 40>& audit_events() {
    static constexpr std::array<AuditEvent, 40> kEvents{{
        {"started", "uri enrolled tpm software_tpm ak_public ak_certificate value pin vault_made",
         "The phone started."},
        {"stopped", "status", "The phone ended in order."},
        {"torn", "bytes", "A record that was being written when the phone died was cut off; it had not counted."},
        {"anchor", "of value", "The TPM took the hash of a record into its audit index."},
        {"anchor_missing", "why code", "The TPM did not take the newest records into its audit index."},
        {"certified", "of attest signature", "The TPM signed what its audit index holds."},
        {"dropped", "first last head keep_days policy_days", "Old records are removed by the rule of retention."},
        {"bundle", "state version policy", "The authority's bundle is in force, with or without a policy."},
        {"bundle_refused", "state why", "A bundle was refused; the last good one stays in force."},
        {"protocol_violation", "role why code", "A process of this phone broke the rules and was ended."},
        {"not_dialled", "uri label decided_by", "The policy refused a call before it was dialled."},
        {"dialled", "call uri label", "The person called somebody."},
        {"incoming", "call from_hearsay origin ordinary", "A call came in."},
        {"incoming_refused", "from_hearsay origin why others_not_listed", "A call was refused before it rang."},
        {"attempts_not_listed", "others_not_listed", "More calls came and went without proving anything."},
        {"attempt_abandoned", "call from_hearsay origin state", "A caller gave up before it had proven itself."},
        {"ordinary", "call known_to_attest label action decided_by rule rule_name",
         "The other phone proves nothing; the policy decided."},
        {"relay_rewrote_offer", "call", "A relay rewrote the offer."},
        {"channel_open", "call peer vouched_by peer_key", "The other phone showed who it is."},
        {"channel_failed", "call why code from_hearsay origin", "The channel to the other phone failed."},
        {"log_asked_for", "call peer log offset shown", "The other phone asked for a log of this computer."},
        {"own_passport", "call round given status", "The authority was asked to vouch for this phone."},
        {"appraised", "call peer level result_by lab label action decided_by rule rule_name reasons",
         "The other phone was checked, and the policy decided."},
        {"downgrade", "call peer level reasons", "The other phone proved less than it did before, or has another key."},
        {"pin", "what accepted code tries_left", "Somebody entered a PIN, and the TPM looked at it."},
        {"consent", "call peer level lab decided_by rule rule_name reasons",
         "The person saw this, and went on with their PIN."},
        {"locked", "", "The phone was locked."},
        {"peer_verdict", "call round accepted level lab answer witness",
         "The other phone said what it sees of this one."},
        {"open", "call peer peer_key level lab label action rule",
         "The call may ring, or go out to an ordinary phone."},
        {"answered", "call by", "The call was answered."},
        {"rechecked", "call round outcome level_before level lab action rule done reasons",
         "The other phone was checked again."},
        {"policy_changed", "call action_before action rule done",
         "A newer policy, or the vault that was opened, decided anew about the call."},
        {"recheck_not_answered", "call why tpm_rc", "This phone could not prove itself again."},
        {"own_measurement_changed", "call", "This computer's measurement changed during a call."},
        {"key", "call what context slot counter tpm_rc", "A step in the life of a call's sealed secret."},
        {"key_sealed", "call slot counter pcr pcr_digest reset_count restart_count lease_until_ms public",
         "The TPM sealed the call's secret, to these conditions."},
        {"key_proof", "call of creation attest signature", "The TPM signed that it made the sealed secret."},
        {"key_end", "call of slot attest signature", "The TPM signed the counter that ended the sealed secret."},
        {"ended", "call reason detail state", "The call ended."},
        {"proof_missing", "call why code", "The TPM did not sign what was asked of it."},
    }};
    return kEvents;
}

const AuditEvent* find_audit_event(std::string_view name) {
    const auto at = std::ranges::find(audit_events(), name, &AuditEvent::name);
    return at == audit_events().end() ? nullptr : &*at;
}

std::string beyond_purpose(const AuditRecord& record) {
    const AuditEvent* event = find_audit_event(record.event);
    if (event == nullptr) return "is of a kind that this version of sealcall does not know";
    for (const auto& [name, value] : record.fields.items()) {
        if (!audit::has_word(event->fields, name)) return "holds \"" + name + "\", which is none of its fields";
        if (!is_kind(name, value)) return "holds another kind of value in \"" + name + "\"";
    }
    return {};
}

}  // namespace sealcall::cli
