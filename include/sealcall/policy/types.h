// What a policy may say and what a screen may show of it. Values only.
#pragma once

#include <string_view>

#include "sealcall/rats/types.h"

namespace sealcall::policy {

using rats::Action;
enum class Direction : uint8_t { incoming, outgoing };
/// Who said "answer". Recorded as such: an answer by policy is never shown as the person's.
enum class AnsweredBy : uint8_t { person, policy, script };

/// What happens in a call when the other side's level falls, strictest last. X always ends it.
enum class OnWorse : uint8_t { mute, hold, end };

/// The person's own wishes (config.toml). With an administrator's policy in force (policy/document.h) they can only
/// make things stricter. Default constructed it is the strictest: level 2 without laboratory roots, no ordinary phones,
/// nobody answers for the person.
struct Policy {
    rats::Level minimum = rats::Level::measured;
    bool lab_counts = false;                  ///< a level vouched for by a laboratory root satisfies `minimum`
    Action below_minimum = Action::refuse;    ///< for levels 1.. under `minimum`; X is always refused
    Action ordinary_phones = Action::refuse;  ///< level 0: no attestation at all
    Action downgrade = Action::refuse;        ///< of a known phone; or pin
    bool answer_automatically = false;        ///< the phone answers by policy what this policy allows or warns of
    bool early_candidates = false;            ///< media addresses go out once both policies agree, before the answer
    OnWorse on_worse = OnWorse::mute;
    uint16_t recheck_seconds = 300;  ///< from one round of attestation to the next
    uint16_t rekey_seconds = 3600;   ///< how long a call's media keys are used
    static constexpr auto fields = std::tuple{
        &Policy::minimum,         &Policy::lab_counts,           &Policy::below_minimum,    &Policy::ordinary_phones,
        &Policy::downgrade,       &Policy::answer_automatically, &Policy::early_candidates, &Policy::on_worse,
        &Policy::recheck_seconds, &Policy::rekey_seconds};
    bool operator==(const Policy&) const = default;
};

inline constexpr uint16_t kRecheckSecondsMax = 3600;
inline constexpr uint16_t kRekeySecondsMin = 60, kRekeySecondsMax = 3600;
/// Wishes that add nothing to an administrator's policy: what the person did not set stands like this beside one.
inline constexpr Policy no_wishes() {
    return {.minimum = rats::Level::unverified,
            .lab_counts = true,
            .ordinary_phones = Action::allow,
            .recheck_seconds = kRecheckSecondsMax};
}

/// The labels of a call that are known without an administrator's policy, least sensitive first.
inline constexpr std::string_view kBuiltInLabels[] = {"public", "internal", "restricted"};

/// What a decision is about, beside the peer's level. Views: valid during the call of decide().
struct CallContext {
    Direction direction{};
    bool ordinary = false;            ///< the peer does not attest at all
    bool known_to_attest = false;     ///< it did before: not to do so now is a downgrade
    bool downgrade = false;           ///< it attests, but less than it did before, or with another key
    bool known_person = false;        ///< in the person's own contacts
    std::string_view peer = {};       ///< URI: certified, or what the network says of an ordinary phone
    std::string_view authority = {};  ///< common name of who certified it; empty: nobody
    std::string_view result_by = {};  ///< issuer of its passport; empty: appraised here
    std::string_view label = {};      ///< empty: none was given
    uint64_t evidence_age_ms = 0;
    uint64_t wall_ms = 0;  ///< UTC
};

/// Which rule decided; the sentence stands in reason_text.h.
enum class Rule : uint8_t {
    default_deny,
    failed_is_refused,
    downgrade_is_refused,
    ordinary_refused,
    ordinary_warned,
    below_minimum_refused,
    below_minimum_warned,
    lab_does_not_count,
    meets_minimum,
    // of an administrator's policy
    blocked,
    label_unknown,
    unknown_caller_refused,
    downgrade_takes_pin,
    document_rule,    ///< Decision::number says which
    document_bound,   ///< that rule asks for more than was proven: no later one gives more than it
    policy_missing,   ///< there is one, and it cannot be believed
    address_unclear,  ///< policy/sip_name.h, names_one
    pin_not_set,
    takes_pin,          ///< the person's own wish: less than it asks for, with the PIN alone
    accepted_with_pin,  ///< another rule asked for the PIN, and the person entered it
};

struct Decision {
    Action action = Action::refuse;
    Rule rule = Rule::default_deny;
    uint16_t number = 0;          ///< of the administrator's rule, from 1; 0: none
    BoundedString<96> name = {};  ///< its name
    OnWorse on_worse = OnWorse::mute;
    bool silent = false;       ///< an unknown caller: shown, but nobody is roused
    bool listen_only = false;  ///< of pin: what the PIN opens has no microphone, as another rule says
    static constexpr auto fields =
        std::tuple{&Decision::action,   &Decision::rule,   &Decision::number,     &Decision::name,
                   &Decision::on_worse, &Decision::silent, &Decision::listen_only};
    bool operator==(const Decision&) const = default;
};

}  // namespace sealcall::policy

template <>
struct sealcall::ipc::EnumRange<sealcall::policy::OnWorse> {
    static constexpr auto last = sealcall::policy::OnWorse::end;
};
template <>
struct sealcall::ipc::EnumRange<sealcall::policy::Direction> {
    static constexpr auto last = sealcall::policy::Direction::outgoing;
};
template <>
struct sealcall::ipc::EnumRange<sealcall::policy::AnsweredBy> {
    static constexpr auto last = sealcall::policy::AnsweredBy::script;
};
template <>
struct sealcall::ipc::EnumRange<sealcall::policy::Rule> {
    static constexpr auto last = sealcall::policy::Rule::accepted_with_pin;
};
