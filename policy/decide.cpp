#include "policy/decide.h"

namespace sealcall::policy {

namespace {

using rats::Level;

/// What the policy says of less than it asked for: at best a warning, since nothing weaker passes in silence.
Action at_best_warn(Action action) { return action == Action::refuse ? Action::refuse : Action::warn; }

Decision refuse(Rule rule) { return {.action = Action::refuse, .rule = rule}; }

/// A phone that does not attest at all.
Decision decide_ordinary(const rats::AttestationResult& result, const CallContext& context, const Policy& policy) {
    if (result.level != Level::unverified) return refuse(Rule::default_deny);  // evidence of a phone without evidence
    if (context.known_to_attest) return refuse(Rule::downgrade_is_refused);
    if (at_best_warn(policy.ordinary_phones) == Action::refuse) return refuse(Rule::ordinary_refused);
    return {.action = Action::warn, .rule = Rule::ordinary_warned};
}

Decision decide_attested(const rats::AttestationResult& result, const Policy& policy) {
    // Level 0 inside the channel: the check could not be made. No policy can wave that through.
    if (result.level == Level::unverified) return refuse(Rule::below_minimum_refused);
    const Action weaker = at_best_warn(policy.below_minimum);
    if (result.level < policy.minimum)
        return {.action = weaker,
                .rule = weaker == Action::warn ? Rule::below_minimum_warned : Rule::below_minimum_refused};
    if (result.lab && !policy.lab_counts) return {.action = weaker, .rule = Rule::lab_does_not_count};
    return {.action = Action::allow, .rule = Rule::meets_minimum};
}

}  // namespace

Decision decide(const rats::AttestationResult& result, const CallContext& context, const Policy& policy) {
    if (result.level == Level::failed) return refuse(Rule::failed_is_refused);
    if (result.level > Level::trusted_runtime) return refuse(Rule::default_deny);
    return context.ordinary ? decide_ordinary(result, context, policy) : decide_attested(result, policy);
}

}  // namespace sealcall::policy
