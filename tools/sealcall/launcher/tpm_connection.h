// The TPM of a phone: a private swtpm that lives and dies with the launcher, or a device. One connection, handed to the
// enclave.
#pragma once

#include <filesystem>
#include <string>
#include <variant>

#include "sealcall/base/tpm_extend.h"
#include "sealcall/base/unique_fd.h"
#include "sealcall/ipc/guard.h"
#include "tools/sealcall/launcher/child.h"

namespace sealcall::launcher {

struct SoftwareTpm {
    std::filesystem::path state_dir;  ///< of this profile alone
    std::filesystem::path program = "/usr/bin/swtpm";
};
struct DeviceTpm {
    std::filesystem::path device = "/dev/tpmrm0";
};
/// sealcall-guard has the TPM: it measured before us, and starts the enclave.
struct GuardedTpm {
    std::filesystem::path socket = ipc::kGuardSocket;
};
using TpmChoice = std::variant<SoftwareTpm, DeviceTpm, GuardedTpm>;

/// An exclusive lock on a directory, gone with this process. Errors: would_block (somebody has it), not_found, io.
Result<UniqueFd> lock_directory(const std::filesystem::path& dir);

class TpmConnection {
  public:
    /// Starts swtpm (facts: `--fd`, a socket pair, not-need-init, startup-clear) or opens the device. Its log goes to
    /// `log_fd`. Errors: would_block (the state is in use by another phone), not_found, not_permitted, io, tpm_gone.
    static Result<TpmConnection> open(const TpmChoice& choice, int log_fd);

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] bool software() const { return software_; }
    [[nodiscard]] tpm_raw::Wire wire() const { return software_ ? tpm_raw::Wire::stream : tpm_raw::Wire::device; }
    /// swtpm's process; not running for a device.
    [[nodiscard]] Child& process() { return swtpm_; }
    /// After the enclave has it: our own end only keeps others from noticing that the enclave is gone.
    void close_own_end() { fd_.reset(); }
    /// Orderly end of swtpm: SIGTERM, after `deadline` SIGKILL. The enclave sends TPM2_Shutdown before.
    void stop(Millis deadline);

  private:
    UniqueFd lock_;
    UniqueFd fd_;
    UniqueFd control_;  ///< swtpm ends when this is closed
    Child swtpm_;
    bool software_ = false;
};

}  // namespace sealcall::launcher
