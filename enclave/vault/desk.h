// The vault for the commands that run while no phone does (`sealcall pin`, `vault`, `contacts`): one message, one
// answer. Trusts the TPM; the command is the person's own and sees what is theirs, but neither password nor key.
#pragma once

#include "enclave/vault/vault.h"

namespace sealcall::vault {

class Desk {
  public:
    Desk(tpm::Tpm& tpm, UniqueFd fd) : tpm_(tpm), disk_(std::make_shared<Vault::Disk>(std::move(fd))) {}
    /// The encoded answer to a message of ipc/messages/vault.h; nothing if it is none of them.
    std::optional<Bytes> answer(ByteSpan message);

  private:
    Status handle(const ipc::VaultOpen& m);
    Status handle(const ipc::VaultRekey& m);
    Status handle(const ipc::VaultPut& m);
    Bytes state(const Status& outcome);
    [[nodiscard]] bool open() const { return vault_ && vault_->is_open(); }

    tpm::Tpm& tpm_;
    Vault::SharedDisk disk_;
    std::string owner_;
    std::optional<Vault> vault_;
};

}  // namespace sealcall::vault
