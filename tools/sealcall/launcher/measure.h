// Measurement of all roles before the enclave runs: one PCR extend per role, and the log that explains it.
#pragma once

#include <map>

#include "sealcall/ipc/schema.h"
#include "tools/sealcall/launcher/closure.h"
#include "tools/sealcall/launcher/private_store.h"
#include "tools/sealcall/launcher/tpm_connection.h"

namespace sealcall::launcher {

/// The order of the extends, fixed: the enclave is last, so that its key is bound to everything it will talk to.
inline constexpr ipc::ProcessRole kMeasuredOrder[] = {ipc::ProcessRole::verifier, ipc::ProcessRole::host,
                                                      ipc::ProcessRole::ui, ipc::ProcessRole::audio,
                                                      ipc::ProcessRole::enclave};

/// A role that is copied, hashed and can be started.
struct PreparedRole {
    Closure closure;
    std::filesystem::path root;
    Digest digest{};  ///< what was extended for it
};

struct PreparedRoles {
    std::map<ipc::ProcessRole, PreparedRole> roles;
    std::vector<attestation::MeasuredRole> measured;  ///< in kMeasuredOrder
};

/// Copies and hashes `sealcall-<role>` of every role out of `executables`. Errors: as find_closure and
/// FileStore::place; `failed` names the role.
Result<PreparedRoles> prepare_roles(const PrivateStore& store, const std::filesystem::path& executables,
                                    std::string& failed);

/// Extends `pcr` by each role's digest, and returns the log (CEL-TLV). A TPM that was not reset since an earlier phone
/// of the same roles already holds the value: then nothing is extended, and the log is the same. Other roles than
/// before are extended on top; a key bound to the earlier value stays out of reach until the TPM restarts, as it must.
/// Errors: tpm_*, too_large.
Result<Bytes> measure(const PreparedRoles& prepared, TpmConnection& tpm, uint8_t pcr);

/// What `pcr` holds after these digests were extended into zero (TPM 2.0 Part 1, 17.4).
Result<Digest> replay(const std::vector<attestation::MeasuredRole>& measured);

}  // namespace sealcall::launcher
