// A call through the phone of the profile that runs already.
#pragma once

#include "commands.h"
#include "control_client.h"

namespace sealcall::cli {

/// Places the call, shows its events, and returns its exit status once it has ended. Throws Problem.
int call_through(const Context& context, ControlClient& client);

}  // namespace sealcall::cli
