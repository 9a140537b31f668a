// Rules that can never answer. Sound: what is found is true for every call; not complete: a rule that several others
// cover together in ways that this does not split is not found.
#pragma once

#include <optional>

#include "policy/document.h"

namespace sealcall::policy_language {

struct Shadow {
    enum class Kind {
        unreachable,  ///< earlier rules take every call that it could answer
        bounded,      ///< an earlier rule asks for more proof and answers more strictly: this answer is never given
        blocked,      ///< everybody whom it names is blocked
    };
    Kind kind{};
    size_t rule = 0;         ///< index
    std::vector<size_t> by;  ///< indices of the earlier ones
};

std::vector<Shadow> find_shadows(const policy::Document& document);

}  // namespace sealcall::policy_language
