// What a policy may say and what a screen may show of it. Values only.
#pragma once

#include "sealcall/rats/types.h"

namespace sealcall::policy {

enum class Action : uint8_t { refuse, warn, allow };
enum class Direction : uint8_t { incoming, outgoing };
/// Who said "answer". Recorded as such: an answer by policy is never shown as the person's.
enum class AnsweredBy : uint8_t { person, policy, script };

/// What happens in a call when the other side's level falls. X always ends it.
enum class OnWorse : uint8_t { mute, hold, end };

/// The relying party's rules that exist so far; the language comes with its own issue.
/// Default constructed it is the strictest: level 2 without laboratory roots, no ordinary phones, nobody answers for
/// the person.
struct Policy {
    rats::Level minimum = rats::Level::measured;
    bool lab_counts = false;                  ///< a level vouched for by a laboratory root satisfies `minimum`
    Action below_minimum = Action::refuse;    ///< for levels 1.. under `minimum`; X is always refused
    Action ordinary_phones = Action::refuse;  ///< level 0: no attestation at all
    bool answer_automatically = false;        ///< the phone answers by policy what this policy allows or warns of
    bool early_candidates = false;            ///< media addresses go out once both policies agree, before the answer
    OnWorse on_worse = OnWorse::mute;
    uint16_t recheck_seconds = 300;  ///< from one round of attestation to the next
    static constexpr auto fields =
        std::tuple{&Policy::minimum,         &Policy::lab_counts,           &Policy::below_minimum,
                   &Policy::ordinary_phones, &Policy::answer_automatically, &Policy::early_candidates,
                   &Policy::on_worse,        &Policy::recheck_seconds};
    bool operator==(const Policy&) const = default;
};

struct CallContext {
    Direction direction{};
    bool ordinary = false;         ///< the peer does not attest at all
    bool known_to_attest = false;  ///< it did before: not to do so now is a downgrade
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
};

struct Decision {
    Action action = Action::refuse;
    Rule rule = Rule::default_deny;
    static constexpr auto fields = std::tuple{&Decision::action, &Decision::rule};
    bool operator==(const Decision&) const = default;
};

}  // namespace sealcall::policy

template <>
struct sealcall::ipc::EnumRange<sealcall::policy::Action> {
    static constexpr auto last = sealcall::policy::Action::allow;
};
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
    static constexpr auto last = sealcall::policy::Rule::meets_minimum;
};
