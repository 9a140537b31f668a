// Where the person's proof of presence enters a decision. Until there is a PIN (vault), a decision that asks for it is
// a refusal that says so.
#pragma once

#include "sealcall/policy/types.h"

namespace sealcall::enclave {

/// What `decision` comes to with the consent that was given for this call.
inline policy::Decision with_consent(policy::Decision decision) {
    if (decision.action != policy::Action::pin) return decision;
    decision.action = policy::Action::refuse;
    decision.rule = policy::Rule::pin_not_set;
    return decision;
}

}  // namespace sealcall::enclave
