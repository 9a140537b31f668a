// How a call ended, from the names that the phone's control socket uses (docs/control.md).
#pragma once

#include <string_view>

namespace sealcall::cli {

/// Exit status for the name of an EndReason: 0 it was a call, 3 refused by rule, 4 nobody to talk to, 5 this phone, 6
/// media. The ui role has the same table for a phone that makes one call; a test holds them equal.
int status_of_end(std::string_view reason, bool reached_media);

}  // namespace sealcall::cli
