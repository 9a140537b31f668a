// The decision: pure, total, default deny. Trusted base.
#pragma once

#include "sealcall/policy/types.h"

namespace sealcall::policy {

/// What this policy says to a peer with this result in this context. X is always refused; a downgrade is refused.
Decision decide(const rats::AttestationResult& result, const CallContext& context, const Policy& policy);

/// A lower level, or the same one that only a laboratory still vouches for.
constexpr bool worse(const rats::AttestationResult& now, const rats::AttestationResult& before) {
    return now.level < before.level || (now.level == before.level && now.lab && !before.lab);
}

}  // namespace sealcall::policy
