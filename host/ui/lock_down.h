// The sandbox of the ui role: sealcall_sandbox when it is part of the build, else a loud warning (CMake chooses the
// file).
#pragma once

#include "sealcall/base/result.h"

namespace sealcall::ui {

/// Gives up everything that ui does not need; after it the first input may be read. Errors: not_permitted, io.
Status lock_down();

}  // namespace sealcall::ui
