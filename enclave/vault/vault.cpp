#include "enclave/vault/vault.h"

#include <openssl/rand.h>
#include <unistd.h>

#include <cerrno>

#include "enclave/tpm/policy_digest.h"

namespace sealcall::vault {
namespace {

using Count = tpm::Tpm::Count;

Error rolled_back() {
    return {Errc::bundle_rolled_back, "the vault's file is old, gone or another's (see sealcall vault status)", 0};
}

/// An increment whose answer was lost has counted: what this process wrote for it is in force.
Result<uint64_t> counted(tpm::Tpm& tpm, uint8_t counter, Vault::Disk& disk) {
    TRY(const uint64_t count, tpm.vault_counter(counter, Count::read));
    if (count == disk.written) disk.version = count;
    return count;
}

/// The file of this version is on the disk, and authentic.
Status count(tpm::Tpm& tpm, const Head& head, Vault::Disk& disk) {
    TRY(uint64_t count, tpm.vault_counter(head.counter, Count::read));
    if (count + 1 == head.version) {
        TRY(count, tpm.vault_counter(head.counter, Count::add));
    }
    if (count != head.version) return rolled_back();
    disk.version = head.version;
    disk.counted = true;
    return {};
}

}  // namespace

Vault::Vault(SharedDisk disk, std::string_view owner) : disk_(std::move(disk)) {
    head_.counter = static_cast<uint8_t>(tpm::sha256(as_bytes(owner))[0]);
}

Result<Vault> Vault::open(tpm::Tpm& tpm, SharedDisk disk, std::string_view owner) {
    Vault vault(disk, owner);
    TRY(const File file, read_newest(disk->fd.get()));
    const Head& head = file.head;
    TRY(const uint64_t count, tpm.vault_counter(vault.head_.counter, Count::read));
    if (head.version == 0 && count == 0) return reset(tpm, std::move(disk), owner, {});
    if (count == 0 || head.counter != vault.head_.counter || (head.version != count && head.version != count + 1))
        return rolled_back();
    vault.head_ = head;
    disk->version = head.version;
    disk->counted = head.version == count;  // whether it is believed shows once it opens
    if (vault.has_pin()) return vault;
    TRY(Opened opened, vault.opener()(tpm, {}));
    vault.unlock(std::move(opened));
    return vault;
}

Result<Vault> Vault::reset(tpm::Tpm& tpm, SharedDisk disk, std::string_view owner, ByteSpan pin) {
    Vault vault(disk, owner);
    if (::ftruncate(disk->fd.get(), 0) != 0) return Error{Errc::io, "vault", static_cast<uint32_t>(errno)};
    TRY(disk->version, tpm.vault_counter(vault.head_.counter, Count::add));
    vault.head_.made = disk->version + 1;
    TRY_STATUS(vault.change_pin(tpm, pin));
    vault.new_ = true;
    return vault;
}

Vault::Opener Vault::opener() const {
    return [disk = disk_, head = head_](tpm::Tpm& tpm, ByteSpan pin) -> Result<Opened> {
        TRY(Secret<32> key, tpm.unseal_vault({.public_area = to_bytes(head.key_public.view()),
                                              .private_area = to_bytes(head.key_private.view())},
                                             pin));
        if (disk->written > disk->version) {
            TRY([[maybe_unused]] const uint64_t now_counted, counted(tpm, head.counter, *disk));
        }
        const auto file = read_version(disk->fd.get(), disk->version);
        if (!file) return rolled_back();
        TRY(Content content, vault::open(*file, key));
        if (!disk->counted) TRY_STATUS(count(tpm, head, *disk));
        TRY_STATUS(clear_place_of_another_key(disk->fd.get(), file->head));
        return Opened{.key = std::move(key), .content = std::move(content)};
    };
}

void Vault::unlock(Opened opened) {
    key_ = std::move(opened.key);
    content_ = std::move(opened.content);
}

void Vault::lock() {
    key_.reset();
    content_ = {};
}

Vault::Save Vault::save() const {
    CHECK(key_);
    // Shared: a job must be copyable.
    auto now = std::make_shared<const Opened>(
        Opened{.key = Secret<32>::from(key_->reveal(SecretAccess{})).value(), .content = content_});
    return [disk = disk_, head = head_, now](tpm::Tpm& tpm) -> Status {
        TRY(const uint64_t before, counted(tpm, head.counter, *disk));
        TRY(const File file, seal(head, before + 1, now->key, now->content));
        TRY_STATUS(write_place(disk->fd.get(), file));
        disk->written = file.head.version;
        return count(tpm, file.head, *disk);
    };
}

Status Vault::change_pin(tpm::Tpm& tpm, ByteSpan pin) {
    Secret<32> key;
    if (RAND_bytes(as_u8(key.reveal(SecretAccess{}).data()), static_cast<int>(Secret<32>::kSize)) != 1)
        return Error{Errc::crypto_failed, "RAND_bytes", 0};
    TRY(const tpm::IdentityBlobs blobs, tpm.seal_vault(key, pin));
    const Head before = head_;
    head_.pin = !pin.empty();
    TRY(head_.key_public, BoundedBytes<512>::from(blobs.public_area));
    TRY(head_.key_private, BoundedBytes<512>::from(blobs.private_area));
    std::optional<Secret<32>> old_key = std::exchange(key_, std::move(key));
    Status s = save()(tpm);
    if (!s) {  // the old key and its PIN stay in force
        head_ = before;
        key_ = std::move(old_key);
        return s;
    }
    return clear_other_place(disk_->fd.get(), disk_->version);
}

}  // namespace sealcall::vault
