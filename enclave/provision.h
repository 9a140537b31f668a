// Provisioning: init and enroll. The same executable, the same measurement, no links but the launcher's and the TPM.
#pragma once

#include "enclave/platform_logs.h"
#include "enclave/tpm/tpm.h"
#include "sealcall/ipc/link.h"

namespace sealcall::enclave {

/// Serves Provision (the first, already read), Activate, PinAuthority, CollectEvidence and CertifyAudit until Shutdown
/// or the link's end. Returns the exit status.
int serve_provisioning(ipc::Link& control, UniqueFd tpm_fd, UniqueFd vault_fd, std::shared_ptr<const PlatformLogs> logs,
                       const ipc::Provision& first);

}  // namespace sealcall::enclave
