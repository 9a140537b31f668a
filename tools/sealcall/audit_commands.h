// What the commands about audit logs share: which files, whom to believe.
#pragma once

#include <memory>

#include "audit_calls.h"
#include "commands.h"
#include "evidence_trust.h"

namespace sealcall::cli {

/// The log that the command is about: --file, else the profile's. Throws Problem: there is none.
AuditTrail trail_of(const Context& context);

/// What to do when nothing is wrong and something could not be checked.
std::string what_is_open(const attestation::foreign::Findings& findings);

}  // namespace sealcall::cli
