// Making and certifying keys, apart from who talks to the TPM: init and enroll see this interface. In the product it is
// the launcher's provisioning enclave (provisioning_launcher.cpp); tests put a software TPM there.
#pragma once

#include <memory>

#include "config.h"
#include "profile_store.h"
#include "sealcall/ipc/collect.h"
#include "sealcall/ipc/messages/vault.h"
#include "sealcall/ipc/schema.h"

namespace sealcall::cli {

/// What the guard of a managed phone says.
struct GuardsWord {
    Bytes log;  ///< what it extended into the measurement PCR; empty: embedded
    bool software_tpm = false;
    Bytes escrow;  ///< the hierarchies' authorisations, for the authority; empty: none
};

/// One TPM with an enclave in front of it, for the time of one command. Throws Problem when it cannot be started or
/// ends.
class Provisioning {
  public:
    Provisioning() = default;
    Provisioning(const Provisioning&) = delete;
    Provisioning& operator=(const Provisioning&) = delete;
    virtual ~Provisioning() = default;
    /// Makes what is missing in the TPM, and certifies the identity key: `existing`'s, or a new one where that is
    /// nullptr. `partner`: the AK is the one that only this partner sees; empty: the one for everybody. Once, and
    /// first. A failure of the TPM is `ok` false with its sentence.
    virtual ipc::Provisioned provision(const ipc::Provisioned* existing, const std::string& partner) = 0;
    /// After `provision`.
    virtual GuardsWord guards_word() { return {}; }
    /// TPM2_ActivateCredential; after `provision`.
    virtual ipc::Activated activate(const ipc::Activate& challenge) = 0;
    /// Writes who signs bundles into the TPM; after `activate`.
    virtual ipc::PinnedAuthority pin(const ipc::PinAuthority& authority) = 0;
    /// Evidence for a file; after `provision`. Empty `ak_certificate`: not enrolled. A failure is `ok` false.
    virtual ipc::CollectedEvidence collect(const Digest& nonce, const rats::CertificateDer& ak_certificate) = 0;
    /// What the audit index holds; after `provision`. A failure is `ok` false.
    virtual ipc::CertifiedAudit certify_audit(const Digest& nonce) = 0;
    /// One encoded message of ipc/messages/vault.h, which is wiped, and its answer; after `provision`.
    virtual ipc::VaultState vault(Bytes request) = 0;
    virtual ipc::VaultPage vault_page(const ipc::VaultRead& from) = 0;
};

/// Which TPM a profile uses, decided at init and kept.
struct TpmUse {
    bool software = false;
    std::string guard = {};  ///< socket of sealcall-guard; empty: embedded
    uint8_t measurement_pcr = 13;
    int boot_log_fd = -1;  ///< for `collect`: this machine's logs; stay the caller's. -1: none
    int runtime_log_fd = -1;
    int vault_fd = -1;  ///< for `vault`; stays the caller's
};

inline TpmUse tpm_of(const ProfileFacts& facts) {
    return {.software = facts.software_tpm, .guard = facts.guard, .measurement_pcr = facts.measurement_pcr};
}

/// Starts the provisioning enclave from the role executables in `roles`.
std::unique_ptr<Provisioning> start_provisioning(const ProfilePaths& paths, const TpmUse& tpm,
                                                 const std::filesystem::path& roles);

}  // namespace sealcall::cli
