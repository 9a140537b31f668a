// The vault of a profile for one command: starts the enclave that may open it, asks for the PIN where one is set, and
// turns what the enclave says into words. No command ever sees the SIP password or a key.
#pragma once

#include <memory>

#include "profile_store.h"
#include "provisioning.h"
#include "secret_prompt.h"

namespace sealcall::cli {

struct Context;

/// What a vault that cannot be used means, and what to do: the Problem to throw.
[[noreturn]] void throw_trouble(const ipc::VaultState& state);
/// The same for programs: "pin_wrong", "rolled_back", ..; "none".
const char* trouble_word(Errc error);
/// False: the TPM could not be asked just now.
inline bool tries_known(const ipc::VaultState& state) { return state.tries.most != 0; }

/// The address that this phone goes by; empty: none yet. The vault is this address's.
std::string own_address(const ProfileStore& store);
/// Throws Problem where the profile has a vault, and `address` is not the one that it belongs to.
void refuse_other_address(const ProfileStore& store, const std::string& address);

/// "7 tries are left" and when one more comes; for no tries: until when the TPM refuses.
std::string tries_sentence(const ipc::VaultState& state);

class VaultAccess {
  public:
    /// With `provisioning` already in front of this profile's TPM: for tests.
    VaultAccess(const ProfileStore& store, std::string owner, std::unique_ptr<Provisioning> provisioning);
    /// Holds the profile's lock: no phone of it may run. Throws Problem.
    static VaultAccess start(const Context& context);

    /// Looks without opening: a vault with a PIN stays shut, one without is open. Trouble is in the answer, not thrown.
    ipc::VaultState look();
    /// Opens it; asks for the PIN where one is set. Throws Problem.
    ipc::VaultState open(SecretPrompt& prompt);
    ipc::VaultState open_with(ipc::Pin pin);

    /// One message; throws Problem when the answer is one of trouble.
    template <ipc::Message T>
    ipc::VaultState send(const T& m) {
        return checked(provisioning_->vault(ipc::encode_secret(m)));
    }
    std::vector<ipc::VaultItem> read(ipc::VaultKind kind);

  private:
    static ipc::VaultState checked(ipc::VaultState state);
    UniqueFd lock_, file_;
    std::string owner_;
    std::unique_ptr<Provisioning> provisioning_;
};

/// A vault that is open, and who asked for its PIN.
struct OpenVault {
    SecretPrompt prompt;
    VaultAccess vault;
    ipc::VaultState state;
    explicit OpenVault(const Context& context) : vault(VaultAccess::start(context)), state(vault.open(prompt)) {}
};

}  // namespace sealcall::cli
