// The RATS Attester of this phone: what does not age is signed once, what must be fresh is quoted for each binding.
#pragma once

#include "enclave/tpm/tpm.h"
#include "sealcall/ipc/schema.h"

namespace sealcall::enclave {

class Attester {
  public:
    /// Runs where the TPM is. Certifies the identity key by the AK (facts that do not age). Errors: tpm_*, bad_key.
    static Result<Attester> create(tpm::Tpm& tpm, const ipc::ConfigureEnclave& config);

    /// Evidence for one binding; `binding.evidence_body` is filled in. TPM worker thread. Errors: tpm_*.
    Result<rats::Evidence> make(tpm::Tpm& tpm, rats::BindingInput binding) const;

    [[nodiscard]] const Digest& identity_spki() const { return identity_spki_; }

  private:
    Attester() = default;
    rats::EvidenceBody body_;
    Digest identity_spki_{};
};

}  // namespace sealcall::enclave
