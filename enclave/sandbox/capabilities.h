// Capabilities: the pieces of root's power (capabilities(7)).
#pragma once

#include <cstdint>

#include "sealcall/base/result.h"

namespace sealcall::sandbox {

/// Keeps at most the capabilities in `keep` (bit n: capability n) in every set of this thread, the bounding set
/// included, and clears the ambient set. Needs no privilege where there is none to drop. Errors: not_permitted (detail:
/// errno).
Status limit_capabilities(uint64_t keep);

}  // namespace sealcall::sandbox
