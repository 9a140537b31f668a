// What the commands about audit logs share: which files, whom to believe.
#pragma once

#include <memory>

#include "audit_calls.h"
#include "commands.h"
#include "evidence_trust.h"

namespace sealcall::cli {

/// The log that the command is about: --file, else the profile's. Throws Problem: there is none.
AuditTrail trail_of(const Context& context);

}  // namespace sealcall::cli
