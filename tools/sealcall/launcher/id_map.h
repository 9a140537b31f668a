// User and group numbers inside and outside of a user namespace (user_namespaces(7)).
#pragma once

#include <sys/types.h>

#include <string>

#include "sealcall/base/result.h"

namespace sealcall::launcher {

struct UserAndGroup {
    uid_t uid = 0;
    gid_t gid = 0;
};

enum class SetGroups : uint8_t { keep, deny };  ///< the kernel asks a plain user for `deny`

/// Maps one user and one group to themselves, so that a process without that user's root stays without capabilities
/// after exec. The launcher's own user, where it is another one, gets its name as well: else everybody would look like
/// the overflow user to a role that asks who speaks to it (SO_PEERCRED). `proc`: "/proc/123" or "/proc/self".
/// Errors: not_permitted (detail: errno).
Status map_ids(const std::string& proc, UserAndGroup ids, SetGroups groups);

/// True if the number exists in this process's own user namespace (a container's may hold only a few).
bool user_exists_here(uid_t uid);

}  // namespace sealcall::launcher
