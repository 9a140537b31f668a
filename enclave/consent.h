// Where the person's proof of presence enters a decision: nowhere else does a PIN change what a policy said.
#pragma once

#include "policy/decide.h"

namespace sealcall::enclave {

/// What the person saw when they entered the PIN.
struct Consent {
    policy::Decision asked;
    rats::AttestationResult seen;
    rats::Reason why{};  ///< what the memory of peers said; none: nothing
};

/// Of a phone that has a PIN, and of this call: what was consented to in it.
struct Presence {
    bool pin_set = false;
    const Consent* given = nullptr;
};

/// What `decision` about `now` comes to. A consent counts for the rule that asked for it, for what the memory of peers
/// said then (`why`: says now), and for no worse a result. It never gives more than another rule would.
inline policy::Decision with_consent(policy::Decision decision, const rats::AttestationResult& now, rats::Reason why,
                                     const Presence& presence) {
    if (decision.action != policy::Action::pin) return decision;
    const Consent* given = presence.given;
    if (!presence.pin_set) {
        decision.action = policy::Action::refuse;
        decision.rule = policy::Rule::pin_not_set;
    } else if (given != nullptr && given->asked == decision && given->why == why && !policy::worse(now, given->seen)) {
        decision.action = decision.listen_only ? policy::Action::receive_only : policy::Action::warn;
        decision.rule = policy::Rule::accepted_with_pin;
    }
    return decision;
}

}  // namespace sealcall::enclave
