// The last thing a role does before its first input: give up everything it does not need. One table per role (profiles.h).
#pragma once

#include "sealcall/ipc/schema.h"

namespace sealcall::sandbox {

/// no_new_privs, undumpable, Landlock (deny all but what the profile says), seccomp allow list with kill, in that order.
/// Namespaces and the private root were made by the launcher before exec. `media_fds`: nothing. Errors: not_permitted, io.
/// A missing Landlock is not an error here (old kernel): the launcher reads /proc and warns.
Status enter(ipc::ProcessRole role);

}  // namespace sealcall::sandbox
