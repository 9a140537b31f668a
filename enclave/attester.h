// The RATS Attester of this phone: what does not age is signed once, what must be fresh is quoted for each binding.
#pragma once

#include "enclave/platform_logs.h"
#include "enclave/tpm/tpm.h"
#include "sealcall/ipc/schema.h"

namespace sealcall::enclave {

/// Evidence, and the logs that it offers, to be shown to a peer that may see them.
struct OwnEvidence {
    rats::Evidence evidence;
    std::shared_ptr<const Bytes> boot_log, runtime_log;
};

class Attester {
  public:
    /// Runs where the TPM is. Certifies the identity key by the AK (facts that do not age). Errors: tpm_*, bad_key.
    static Result<Attester> create(tpm::Tpm& tpm, const ipc::ConfigureEnclave& config,
                                   std::shared_ptr<const PlatformLogs> logs);

    /// Evidence for one binding; `binding.evidence_body` is filled in. TPM worker thread. Errors: tpm_*.
    Result<OwnEvidence> make(tpm::Tpm& tpm, rats::BindingInput binding) const;

    [[nodiscard]] const Digest& identity_spki() const { return identity_spki_; }

  private:
    Attester() = default;
    rats::EvidenceBody body_;
    std::shared_ptr<const PlatformLogs> logs_;
    Digest identity_spki_{};
};

}  // namespace sealcall::enclave
