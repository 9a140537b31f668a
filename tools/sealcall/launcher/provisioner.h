// For init, enroll and doctor: the enclave alone, with the TPM, measured exactly as in a phone (so that keys made here
// are bound to the state that a phone will have), and no network, person or sound.
#pragma once

#include <memory>

#include "sealcall/ipc/collect.h"
#include "sealcall/ipc/messages/vault.h"
#include "tools/sealcall/launcher/ground.h"
#include "tools/sealcall/launcher/role_control.h"

namespace sealcall::launcher {

class Provisioner {
  public:
    /// As Phone::start, with the enclave as the only role that runs.
    static Result<std::unique_ptr<Provisioner>> start(const GroundPlan& plan, std::string& problem);
    Provisioner(const Provisioner&) = delete;
    Provisioner& operator=(const Provisioner&) = delete;
    ~Provisioner() { stop(); }

    /// Sends one request and waits for its answer. Errors: timeout, closed (the enclave ended: how() says it),
    /// unknown_message, too_large.
    Result<ipc::Provisioned> provision(ipc::Provision request, Millis deadline);
    Result<ipc::Activated> activate(const ipc::Activate& request, Millis deadline);
    Result<ipc::PinnedAuthority> pin(const ipc::PinAuthority& request, Millis deadline);
    Result<ipc::CollectedEvidence> collect(const ipc::CollectEvidence& request, Millis deadline);
    Result<ipc::CertifiedAudit> certify_audit(const ipc::CertifyAudit& request, Millis deadline);

    /// An encoded message of ipc/messages/vault.h, which is wiped.
    Result<ipc::VaultState> vault(Bytes request, Millis deadline);
    Result<ipc::VaultPage> vault_page(const ipc::VaultRead& from, Millis deadline);

    [[nodiscard]] bool software_tpm() const { return software_; }
    [[nodiscard]] const Bytes& measurement_log() const { return ground_.log(); }
    [[nodiscard]] const Bytes& escrow() const { return ground_.escrow(); }
    [[nodiscard]] Isolation isolation() const { return ground_.isolation(); }
    /// How the enclave ended, a sentence; empty while it runs.
    [[nodiscard]] const std::string& how() const { return how_; }
    /// The enclave's protections as /proc shows them.
    [[nodiscard]] ipc::ProcessReport report() const;
    /// Shutdown, TPM included. Called by the destructor.
    void stop();

  private:
    explicit Provisioner(Ground ground);
    Status start_enclave(const GroundPlan& plan, std::string& problem);
    Result<Bytes> receive(Millis deadline);
    Result<Bytes> ask_vault(Bytes request, Millis deadline);
    Result<Bytes> exchange(Bytes request, Millis deadline);

    Ground ground_;
    std::optional<RoleControl> enclave_;
    bool software_ = false;
    std::string how_;
    Bytes buffer_ = Bytes(ipc::kMessageMax + 1);
};

}  // namespace sealcall::launcher
