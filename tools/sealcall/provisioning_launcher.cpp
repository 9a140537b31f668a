// Provisioning by the launcher: the real enclave, measured as in a phone, in front of the profile's TPM.
#include <fcntl.h>

#include "problem.h"
#include "provisioning.h"
#include "tools/sealcall/launcher/provisioner.h"

namespace sealcall::cli {
namespace {

constexpr Millis kProvisionWithin{120'000};  // a hardware chip may take a minute for its keys
constexpr Millis kActivateWithin{30'000};

class LauncherProvisioning : public Provisioning {
  public:
    LauncherProvisioning(std::unique_ptr<launcher::Provisioner> provisioner, const TpmUse& tpm)
        : provisioner_(std::move(provisioner)), pcr_(tpm.measurement_pcr), managed_(!tpm.guard.empty()) {}

    ipc::Provisioned provision(const ipc::Provisioned* existing, const std::string& partner) override {
        ipc::Provision request;
        request.partner = BoundedString<64>::cut(partner);
        request.tpm = provisioner_->software_tpm() ? ipc::TpmKind::swtpm_socket : ipc::TpmKind::device;
        request.measurement_pcr = pcr_;
        if (existing) {
            request.identity_public = existing->identity_public;
            request.identity_private = existing->identity_private;
        }
        return taken(provisioner_->provision(std::move(request), kProvisionWithin));
    }

    GuardsWord guards_word() override {
        if (!managed_) return {};
        return {.log = provisioner_->measurement_log(),
                .software_tpm = provisioner_->software_tpm(),
                .escrow = provisioner_->escrow()};
    }

    ipc::Activated activate(const ipc::Activate& challenge) override {
        return taken(provisioner_->activate(challenge, kActivateWithin));
    }

    ipc::PinnedAuthority pin(const ipc::PinAuthority& authority) override {
        return taken(provisioner_->pin(authority, kActivateWithin));
    }

    ipc::CollectedEvidence collect(const Digest& nonce, const rats::CertificateDer& ak_certificate) override {
        ipc::CollectEvidence request{.nonce = nonce, .ak_certificate = ak_certificate, .sealcall_log = {}};
        if (auto log = BoundedBytes<8192>::from(provisioner_->measurement_log())) request.sealcall_log = *log;
        return taken(provisioner_->collect(request, kActivateWithin));
    }

    ipc::CertifiedAudit certify_audit(const Digest& nonce) override {
        return taken(provisioner_->certify_audit({.nonce = nonce}, kActivateWithin));
    }

    ipc::VaultState vault(Bytes request) override {
        return taken(provisioner_->vault(std::move(request), kActivateWithin));
    }
    ipc::VaultPage vault_page(const ipc::VaultRead& from) override {
        return taken(provisioner_->vault_page(from, kActivateWithin));
    }

  private:
    template <class T>
    T taken(Result<T> result) {
        if (result) return std::move(result).value();
        const bool late = result.error().code == Errc::timeout;
        std::string what = late ? "The TPM did not answer in time." : "The enclave that makes the keys ended.";
        if (!provisioner_->how().empty()) what += " " + provisioner_->how();
        throw Problem(what, "Try again; `sealcall doctor` says what is wrong with the TPM or the kernel.",
                      exit_status::kNotSetUp);
    }

    std::unique_ptr<launcher::Provisioner> provisioner_;
    uint8_t pcr_;
    bool managed_;
};

}  // namespace

std::unique_ptr<Provisioning> start_provisioning(const ProfilePaths& paths, const TpmUse& tpm,
                                                 const std::filesystem::path& roles) {
    launcher::GroundPlan plan;
    plan.executables = roles;
    plan.profile_dir = paths.state_dir;
    plan.measurement_pcr = tpm.measurement_pcr;
    plan.boot_log_fd = tpm.boot_log_fd;
    plan.runtime_log_fd = tpm.runtime_log_fd;
    plan.vault_fd = tpm.vault_fd;
    if (!tpm.guard.empty())
        plan.tpm = launcher::GuardedTpm{.socket = tpm.guard};
    else if (tpm.software)
        plan.tpm = launcher::SoftwareTpm{.state_dir = paths.tpm_dir()};
    else
        plan.tpm = launcher::DeviceTpm{};
    const UniqueFd log(::open((paths.state_dir / "provisioning.log").c_str(),
                              O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (log.valid()) plan.log_fd = log.get();
    std::string problem;
    auto started = launcher::Provisioner::start(plan, problem);
    if (!started)
        throw Problem(
            problem.empty() ? std::string("The enclave could not be started: ") + started.error().what + "." : problem,
            "`sealcall doctor` says what this machine lacks.", exit_status::kNotSetUp);
    return std::make_unique<LauncherProvisioning>(std::move(started).value(), tpm);
}

}  // namespace sealcall::cli
