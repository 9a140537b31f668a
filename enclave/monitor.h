// The only door into the enclave. One table: message number, who may send it, in which states of its session, once or
// many, and what it does. A message that is not in the table, comes from the wrong side, names an id that never
// existed, does not fit its state or has a byte too many ends the process that sent it: the caller closes its link.
#pragma once

#include <set>

#include "enclave/calls.h"

namespace sealcall::enclave {

class Monitor {
  public:
    Monitor(Context& context, Calls& calls) : context_(context), calls_(calls) {}

    /// Handles one message of `sender`. Errors: the sender broke the protocol and must be ended.
    Status handle(ipc::ProcessRole sender, ByteSpan message);
    [[nodiscard]] bool shutdown_asked() const { return shutdown_asked_; }

  private:
    friend struct Permits;
    Context& context_;
    Calls& calls_;
    std::set<std::pair<uint16_t, uint32_t>> seen_once_;
    std::set<std::string> strange_realms_;  ///< whose challenges were not answered
    bool shutdown_asked_ = false;
};

}  // namespace sealcall::enclave
