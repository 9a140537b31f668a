#include "host/ui/lock_down.h"

#include "enclave/sandbox/sandbox.h"

namespace sealcall::ui {

Status lock_down() { return sandbox::enter(ipc::ProcessRole::ui); }

}  // namespace sealcall::ui
