// Runs a small program and takes what it prints.
#pragma once

#include <string>
#include <vector>

#include "sealcall/base/result.h"
#include "sealcall/base/time.h"

namespace sealcall::launcher {

/// Runs `argv[0]` (a path) in an empty environment, stdin and stderr at /dev/null; it ends with us and within
/// `deadline`. Errors: io, timeout, too_large (more than `limit` bytes), unavailable (exit status not 0: detail).
Result<std::string> command_output(const std::vector<std::string>& argv, size_t limit, Millis deadline);

}  // namespace sealcall::launcher
