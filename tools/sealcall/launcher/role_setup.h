// What happens in a role's process between its birth and exec. Runs in the child: system calls and the child's own
// memory.
#pragma once

#include "tools/sealcall/launcher/role_process.h"

namespace sealcall::launcher {

/// Steps of the set-up, so that the parent can say which one failed.
enum class Step : uint8_t { none, go, mounts, root, fds, user, limits, landlock, exec };
const char* name_of(Step step);

/// One report over the status pipe.
struct StepFailed {
    Step step{};
    int error = 0;  ///< errno
};

/// Sets up and executes the role; comes back only on failure. `fds` sources must lie above every number handed over.
StepFailed become_role(const RoleSpec& spec, const std::vector<HandedFd>& fds);

}  // namespace sealcall::launcher
