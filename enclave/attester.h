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

    /// Evidence for one binding; `binding.evidence_body` is filled in. `peer_domain` chooses the AK: the one for this
    /// partner, or the one for everybody. TPM worker thread. Errors: tpm_*.
    Result<OwnEvidence> make(tpm::Tpm& tpm, rats::BindingInput binding, std::string_view peer_domain) const;

    [[nodiscard]] const Digest& identity_spki() const { return identity_spki_; }

  private:
    Attester() = default;
    Status add(tpm::Tpm& tpm, std::string_view partner, ByteSpan ak_certificate);

    struct Shown {
        std::string partner;
        rats::EvidenceBody body;
    };
    std::vector<Shown> shown_;  ///< the first one is for everybody
    BoundedBytes<8192> sealcall_log_;
    std::shared_ptr<const PlatformLogs> logs_;
    Digest identity_spki_{};
};

}  // namespace sealcall::enclave
