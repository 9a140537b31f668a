// What `evidence collect` does, apart from the command line: a profile's Evidence through the enclave that holds its
// TPM, with the logs that it offers, as one file.
#pragma once

#include "attestation/evidence_file.h"
#include "own_logs.h"
#include "provisioning.h"

namespace sealcall::cli {

enum class ShowLogs : uint8_t { no, yes };

/// `provisioning` has not been used yet. Without an enrolment there is no certificate, and others see level 0 or X.
/// Throws Problem.
attestation::EvidenceFile collect_evidence(const ProfileStore& store, Provisioning& provisioning, const OwnLogs& logs,
                                           const Digest& nonce, ShowLogs show);

}  // namespace sealcall::cli
