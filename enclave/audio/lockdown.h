// The role's last step before its first foreign byte.
#pragma once

#include "sealcall/base/result.h"

namespace sealcall::audio {

/// Files: nothing can be opened any more. Devices: the sound server and the packaged sound configuration stay within
/// reach.
enum class Reach : uint8_t { files, devices };

/// Gives up everything that the process does not need any more. Errors: those of sandbox::enter_audio.
Status lock_down(Reach reach);

}  // namespace sealcall::audio
