// What happens once in a boot: the approved programs are measured, the boot secret is unsealed, the PCR is capped.
// After that only this object can authorise the phone's keys; a copy of it that starts later in the same boot gets
// nothing.
#pragma once

#include <filesystem>
#include <optional>

#include "enclave/guard/approved.h"
#include "enclave/tpm/tpm.h"
#include "sealcall/ipc/guard.h"

namespace sealcall::guard {

inline constexpr uint8_t kMeasurementPcr = 13;

struct Paths {
    std::filesystem::path tpm = "/dev/tpmrm0";  ///< or the Unix socket of a software TPM
    std::filesystem::path approved = "/etc/sealcall/guard/approved";
    std::filesystem::path approvals = "/etc/sealcall/guard/approvals";  ///< rats/approval.h; need not be there
    std::filesystem::path state = "/var/lib/sealcall-guard";
    [[nodiscard]] std::filesystem::path sealed() const { return state / "boot-secret.sealed"; }
    /// CMS, DER: the hierarchies' authorisations, for the authority's eyes. Handed to whoever asks.
    [[nodiscard]] std::filesystem::path escrow() const { return state / "escrow.cms"; }
};

/// Opens the TPM. Errors: not_found, not_permitted, io (detail: errno).
Result<UniqueFd> connect_tpm(const std::filesystem::path& path);
/// A socket is a software TPM's, everything else a device.
ipc::TpmKind kind_of(const std::filesystem::path& tpm);

/// The approved list, the guard's own files hashed as they are now: it says what it is, not what it should be.
Result<std::vector<ApprovedRole>> read_approved(const Paths& paths);

/// What the authority signed about states to come; the newest for `state` is what counts in it. Nothing if there is no
/// file, or it says nothing of `state`.
struct ApprovedState {
    rats::Approver approver;
    std::optional<rats::StateApproval> approval;
};
Result<std::optional<ApprovedState>> read_approvals(const Paths& paths, const Digest& state);

/// What the PCR holds after `roles` were extended into zero, and after the cap on top.
Digest measured_value(const std::vector<ApprovedRole>& roles);
Digest capped_value(const std::vector<ApprovedRole>& roles);

class Boot {
  public:
    /// Measures, unseals, caps. Always gives an object: keys() says what it is good for, problem() why.
    static Boot start(Paths paths);

    [[nodiscard]] ipc::GuardKeys keys() const { return keys_; }
    [[nodiscard]] const std::string& problem() const { return problem_; }
    [[nodiscard]] const Paths& paths() const { return paths_; }
    [[nodiscard]] const Bytes& log() const { return log_; }
    [[nodiscard]] const ApprovedRole& enclave() const { return roles_.back(); }
    /// For the enclave alone. `keys()` must be ready.
    [[nodiscard]] ipc::GuardHandover handover() const;

    /// Somebody wanted to run `instead` in the enclave's place: extends it, and forgets the keys. Nobody else may hold
    /// the TPM's connection.
    void end_keys(const attestation::MeasuredRole& instead);

  private:
    explicit Boot(Paths paths) : paths_(std::move(paths)) {}
    Status run();
    Status unseal(UniqueFd tpm);
    void set(ipc::GuardKeys keys, std::string problem);

    Paths paths_;
    std::vector<ApprovedRole> roles_;
    ipc::GuardKeys keys_ = ipc::GuardKeys::not_set_up;
    std::string problem_;
    Bytes log_;
    Secret<32> enclave_auth_;
};

/// sealcall-guard provision: makes the boot secret and gives the TPM's hierarchies authorisations that follow from it.
struct Provisioning {
    Paths paths;
    std::optional<std::filesystem::path> previous;  ///< authorisations that are in force now; none: they are empty
    std::filesystem::path escrow_to;                ///< PEM: the authority's escrow certificate
};
/// Writes Paths::sealed() and Paths::escrow(). Not to be run while a phone runs. `problem` gets a sentence for a
/// person. Errors: the cause.
Status provision(const Provisioning& request, std::string& problem);

/// What the authority keeps, and what `previous` holds: the authorisations, and of which device they are.
struct Escrow {
    Digest device{};  ///< SHA-256 of the EK's SubjectPublicKeyInfo
    tpm::HierarchyAuths auths;
};
/// Four lines "device HEX", "owner HEX", "endorsement HEX", "lockout HEX". Errors: bad_value.
std::string print_escrow(const Escrow& escrow);
Result<Escrow> parse_escrow(std::string_view text);

/// CMS AuthEnvelopedData with AES-256-GCM for the key of a PEM certificate (RFC 5083, 5084, 5753). Errors:
/// bad_certificate, crypto_failed.
Result<Bytes> encrypt_for(ByteSpan certificate_pem, ByteSpan plain);

}  // namespace sealcall::guard
