// The decision: pure, total, default deny. Trusted base.
#pragma once

#include "sealcall/policy/types.h"

namespace sealcall::policy {

/// What this policy says to a peer with this result in this context. X is always refused; a downgrade is refused.
Decision decide(const rats::AttestationResult& result, const CallContext& context, const Policy& policy);

}  // namespace sealcall::policy
