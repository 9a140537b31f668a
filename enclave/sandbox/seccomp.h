// From tables (profiles.h) to a BPF program in the kernel. By hand, so that no library more is mapped beside the keys.
#pragma once

#include <linux/filter.h>

#include <vector>

#include "enclave/sandbox/profiles.h"

namespace sealcall::sandbox {

/// What happens to a call that no row names.
enum class Otherwise : uint8_t { kill, allow };

/// Rows in the order of the tables, the first that matches decides. Wrong architecture: always kill (seccomp(2)).
std::vector<sock_filter> compile(std::span<const Table> tables, Otherwise otherwise, uint32_t own_pid);

/// Loads it for all threads of this process. no_new_privs must be set. Errors: not_permitted (detail: errno).
Status load(std::span<const sock_filter> program);

}  // namespace sealcall::sandbox
