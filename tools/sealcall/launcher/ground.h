// What a phone and a provisioning run have in common: the private store with all roles in it, the TPM, the measurement.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "tools/sealcall/launcher/measure.h"
#include "tools/sealcall/launcher/role_process.h"

namespace sealcall::launcher {

/// Users that the roles run as, by role; the managed installation has one per role. Needs root.
using RoleUsers = std::array<UserAndGroup, 6>;

struct GroundPlan {
    std::filesystem::path executables;  ///< directory of sealcall-enclave, sealcall-host, ...
    std::filesystem::path profile_dir;  ///< locked while we run: one phone per profile
    TpmChoice tpm = SoftwareTpm{};
    uint8_t measurement_pcr = 13;
    Isolation isolation = Isolation::namespaces;
    std::optional<RoleUsers> users;  ///< none: as root, users of their own out of 61200 to 61205; else the caller's
    int log_fd = 2;                  ///< the roles' stderr and our own log lines; stays the caller's
    int boot_log_fd = -1;            ///< this machine's own logs for a provisioning run; stay the caller's. -1: none
    int runtime_log_fd = -1;
    int vault_fd = -1;  ///< the same, for reading and writing
};

/// `problem` gets one or two sentences for a person: what happened and what to do.
class Ground {
  public:
    /// Moves this process into its own namespaces where permitted and locks it down (sandbox::enter(launcher)); one
    /// thread.
    static Result<Ground> lay(const GroundPlan& plan, std::string& problem);

    /// A role's specification, without its files.
    [[nodiscard]] RoleSpec spec(ipc::ProcessRole role, const std::optional<SoundAccess>& sound) const;
    /// As start_role, or through the guard, whose log is then ours. `problem` says what the guard said.
    Result<RoleProcess> start_enclave(const RoleSpec& spec, std::string& problem);
    /// True when the TPM behind it is a software one, as far as is known: the guard says it with the enclave's start.
    [[nodiscard]] bool software_tpm() const { return guard_ ? guarded_software_ : tpm_.software(); }
    [[nodiscard]] const PreparedRole& prepared(ipc::ProcessRole role) const { return prepared_.roles.at(role); }
    [[nodiscard]] TpmConnection& tpm() { return tpm_; }
    [[nodiscard]] const Bytes& log() const { return cel_; }
    /// The guard's escrow for the authority; empty: none, or embedded.
    [[nodiscard]] const Bytes& escrow() const { return escrow_; }
    [[nodiscard]] Isolation isolation() const { return store_.isolation(); }
    [[nodiscard]] int log_fd() const { return log_fd_; }
    [[nodiscard]] int null_fd() const { return null_.get(); }

  private:
    explicit Ground(PrivateStore store) : store_(std::move(store)) {}
    PrivateStore store_;
    UniqueFd profile_lock_;
    UniqueFd null_;
    TpmConnection tpm_;
    PreparedRoles prepared_;
    Bytes cel_, escrow_;
    std::optional<RoleUsers> users_;
    std::optional<GuardedTpm> guard_;
    bool guarded_software_ = false;
    int log_fd_ = 2;
};

/// A seqpacket pair for two roles.
struct Ends {
    UniqueFd first, second;
};
Result<Ends> link_ends();

/// "sealcall-host: <what> (Permission denied)" for a log, from an Error whose detail is an errno.
std::string technical(const Error& error);

}  // namespace sealcall::launcher
