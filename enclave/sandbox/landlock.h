// Landlock: what files, TCP ports and scopes this thread and everything it starts may reach. Rules only ever narrow.
#pragma once

#include <span>

#include "sealcall/base/result.h"

namespace sealcall::sandbox {

/// What may be done beneath a directory (or to one file).
enum class FileUse : uint8_t {
    read,          ///< read files, list directories
    read_execute,  ///< and execute them
    device,        ///< read, write and ioctl existing files: sound cards
};
struct FileRule {
    const char* path;  ///< skipped when it does not exist
    FileUse use;
};

enum class TcpUse : uint8_t { none, any };

/// The kernel's Landlock version; 0: none or switched off (landlock(7)).
int landlock_abi();

/// Denies all that the running kernel can deny, but for `rules` and `tcp`. no_new_privs must be set. Does nothing and
/// succeeds when the kernel has no Landlock. This thread and what it starts later. Errors: not_permitted (detail:
/// errno).
Status landlock_restrict(std::span<const FileRule> rules, TcpUse tcp);

}  // namespace sealcall::sandbox
