// Which words stand for a value. The sentences are the policy's (sealcall/policy/reason_text.h), the same for the
// screen, the audit tools and JSON; here is only what this program asks of them.
#pragma once

#include <string_view>

#include "sealcall/policy/reason_text.h"

namespace sealcall::ui {

/// What a reason means for the level.
enum class Weight { affirming, missing, wrong, notice };

/// The enumerators of Reason stand in these groups (sealcall/rats/types.h).
constexpr Weight weight_of(rats::Reason r) {
    if (r <= rats::Reason::vouched_by_partner) return Weight::affirming;
    if (r <= rats::Reason::revocation_list_stale) return Weight::missing;
    if (r <= rats::Reason::verifier_disagrees) return Weight::wrong;
    return Weight::notice;
}

/// "Trusted boot".
constexpr std::string_view word_of(rats::Level level) { return policy::text(level).word; }

template <class E>
constexpr std::string_view sentence_of(E v) {
    return policy::text(v).sentence;
}
/// Empty where nobody has to do anything.
template <class E>
constexpr std::string_view next_step_of(E v) {
    return policy::text(v).next_step;
}

}  // namespace sealcall::ui
