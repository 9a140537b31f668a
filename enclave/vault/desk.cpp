#include "enclave/vault/desk.h"

#include "sealcall/ipc/link.h"

namespace sealcall::vault {

Status Desk::handle(const ipc::VaultOpen& m) {
    owner_ = m.owner.str();
    vault_.reset();
    TRY(vault_, Vault::open(tpm_, disk_, owner_));
    if (vault_->is_open()) return {};
    const ByteSpan pin = ipc::text_of(m.pin);
    if (pin.empty()) return Error{Errc::not_permitted, "a PIN is set", 0};
    TRY(Vault::Opened opened, vault_->opener()(tpm_, pin));
    vault_->unlock(std::move(opened));
    return {};
}

Status Desk::handle(const ipc::VaultRekey& m) {
    const ByteSpan pin = ipc::text_of(m.pin);
    if (!m.reset && !open()) return Error{Errc::wrong_state, "the vault is not open", 0};
    if (!pin.empty() && pin.size() < ipc::kPinMin) return Error{Errc::bad_config, "the PIN is too short", 0};
    if (!m.reset) return vault_->change_pin(tpm_, pin);
    vault_.reset();
    TRY(vault_, Vault::reset(tpm_, disk_, owner_, pin));
    return {};
}

Status Desk::handle(const ipc::VaultPut& m) {
    if (!open()) return Error{Errc::wrong_state, "the vault is not open", 0};
    const bool writable = m.item.kind == ipc::VaultKind::login || m.item.kind == ipc::VaultKind::contact;
    if (!m.forget && !writable) return Error{Errc::not_permitted, "what the phone itself keeps", 0};
    vault_->content().forget(m.item.kind, m.item.name.view());
    if (!m.forget) TRY_STATUS(vault_->content().put(m.item));
    return m.more ? Status() : vault_->save()(tpm_);
}

std::optional<Bytes> Desk::answer(ByteSpan message) {
    if (auto m = ipc::decode_message<ipc::VaultOpen>(message)) return state(handle(*m));
    if (auto m = ipc::decode_message<ipc::VaultRekey>(message)) return state(handle(*m));
    if (auto m = ipc::decode_message<ipc::VaultPut>(message)) return state(handle(*m));
    if (auto m = ipc::decode_message<ipc::VaultRead>(message))
        return ipc::encode_message(open() ? vault_->content().page(*m) : ipc::VaultPage{});
    return {};
}

Bytes Desk::state(const Status& outcome) {
    ipc::VaultState out{.error = outcome ? Errc{} : outcome.error().code,
                        .pin_set = vault_ && vault_->has_pin(),
                        .open = open(),
                        .version = vault_ ? disk_->version : 0,
                        .tries = tpm_.pin_tries().value_or({})};
    return ipc::encode_message(out);
}

}  // namespace sealcall::vault
