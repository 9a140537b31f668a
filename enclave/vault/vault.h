// The vault of a phone: SIP login, contacts, calls, memory of peers. Encrypted under a key that the TPM gives back in
// the approved state alone, and where a PIN is set to nobody without it. Trusted: the TPM and its counter, which says
// which file is the newest. Not trusted: the file.
#pragma once

#include <functional>
#include <memory>

#include "enclave/tpm/tpm.h"
#include "enclave/vault/file.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::vault {

class Vault {
  public:
    /// The file and its version in force. Touched where the TPM is and nowhere else; outlives the vault in a late job.
    struct Disk {
        explicit Disk(UniqueFd file) : fd(std::move(file)) {}  // clang 14 makes no aggregate in parentheses
        UniqueFd fd;
        uint64_t version = 0;
        bool counted = true;   ///< false: written, and stopped before the TPM counted it, says the file
        uint64_t written = 0;  ///< the last version that this process wrote
    };
    using SharedDisk = std::shared_ptr<Disk>;
    struct Opened {
        Secret<32> key;
        Content content;
    };

    /// Reads the file and asks the TPM's counter whether it is the newest. Where there never was a vault for `owner`
    /// (this phone's address) makes an empty one; one without PIN is open afterwards. Runs where the TPM is, once.
    /// Errors, from which nothing but `reset` helps: bundle_rolled_back (older than the TPM knows, gone, or another
    /// phone's), bad_value and not_authentic (damaged), tpm_policy_refused (sealed for other programs); else io, tpm_*.
    static Result<Vault> open(tpm::Tpm& tpm, SharedDisk disk, std::string_view owner);
    /// An empty vault under `pin` (empty: none), whatever was there. Errors: io, tpm_*.
    static Result<Vault> reset(tpm::Tpm& tpm, SharedDisk disk, std::string_view owner, ByteSpan pin);

    [[nodiscard]] bool is_open() const { return key_.has_value(); }
    [[nodiscard]] bool has_pin() const { return head_.pin; }
    [[nodiscard]] bool is_new() const { return new_; }
    /// Differs between any two vaults that this TPM ever had for this phone.
    [[nodiscard]] uint64_t made() const { return head_.made; }

    /// To run where the TPM is, for `unlock`. Errors: tpm_auth_refused (wrong PIN: a try is gone), tpm_locked_out, as
    /// `open`.
    using Opener = std::function<Result<Opened>(tpm::Tpm&, ByteSpan pin)>;
    [[nodiscard]] Opener opener() const;
    void unlock(Opened opened);
    /// Key and content leave memory.
    void lock();

    /// Only while open.
    [[nodiscard]] Content& content() { return content_; }
    [[nodiscard]] const Content& content() const { return content_; }

    /// The content as it is now to the disk; to run where the TPM is, in the order of the calls. Errors: io, tpm_*,
    /// crypto_failed; then the version before stays in force.
    using Save = std::function<Status(tpm::Tpm&)>;
    [[nodiscard]] Save save() const;
    /// A new key under another PIN (empty: none), and the file with it; what the one before opens is overwritten.
    /// Runs where the TPM is. Errors: as save; after io the new one may be in force.
    Status change_pin(tpm::Tpm& tpm, ByteSpan pin);

  private:
    Vault(SharedDisk disk, std::string_view owner);

    SharedDisk disk_;
    bool new_ = false;
    Head head_;  ///< of the file but for version and nonce
    std::optional<Secret<32>> key_;
    Content content_;
};

}  // namespace sealcall::vault
