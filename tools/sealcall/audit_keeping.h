// How long audit records are kept: files that grew large are put away, old ones are dropped by rule. What is dropped
// stands in the log before, signed by the TPM, with the hash of the last record that goes. While no phone runs.
#pragma once

#include <optional>

#include "audit_trail.h"
#include "config.h"
#include "sealcall/ipc/schema.h"

namespace sealcall::cli {

struct ProfilePaths;

/// Puts the file away when it is larger than the limit, and begins the next one with its last record. A crash in
/// between is mended at the next start. Throws Problem.
void put_audit_away(const ProfilePaths& paths, uint64_t most_bytes);

/// Removes files whose dropping stands in the log and is signed; what else the rule of `keep_days` (0: for ever) wants
/// dropped now is given back, for the enclave to record. Files that cannot be read are said on standard error, and
/// nothing is dropped: the phone starts all the same.
ipc::AuditDrop drop_old_audit(const ProfilePaths& paths, uint32_t keep_days, uint64_t wall_ms);

}  // namespace sealcall::cli
