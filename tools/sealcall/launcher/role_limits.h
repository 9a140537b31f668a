// Resource limits (setrlimit(2)) that a role starts with. Sanitizer builds choose another file: their runtimes reserve
// terabytes of address space.
#pragma once

#include <sys/resource.h>

#include <span>

#include "sealcall/ipc/schema.h"

namespace sealcall::launcher {

struct Limit {
    __rlimit_resource resource;
    rlim_t value;
};

std::span<const Limit> limits_of(ipc::ProcessRole role);

}  // namespace sealcall::launcher
