// The vault on disk: two places in one file, written in turn, so that a stop in the middle of a write leaves the
// version before. The file is anybody's who may write it: nothing in it counts before the key from the TPM opened it.
//
//   place 0 at 0, place 1 at kPlace:   length (u32) | SHA-256 of the rest | head | sealed
//   head    magic, version, number of the TPM's counter, the key as the TPM wrapped it, nonce     (in the clear)
//   sealed  AES-256-GCM (SP 800-38D) of Content under that key, tag at the end; the head is authenticated with it
#pragma once

#include <optional>

#include "sealcall/ipc/messages/vault.h"

namespace sealcall::vault {

struct Content {
    BoundedList<ipc::VaultItem, 1024> items;  ///< of each kind oldest first
    static constexpr auto fields = std::tuple{&Content::items};

    /// Null: there is none.
    template <class P>
    [[nodiscard]] const ipc::VaultItem* find(ipc::VaultKind kind, P wanted) const {
        const auto at = std::ranges::find_if(
            items.items(), [&](const ipc::VaultItem& i) { return i.kind == kind && wanted(i.name.view()); });
        return at == items.items().end() ? nullptr : &*at;
    }
    /// In the place of the one of that name, but for calls. What is full forgets its oldest; contacts: too_large.
    Status put(ipc::VaultItem item);
    void forget(ipc::VaultKind kind, std::string_view name);
    [[nodiscard]] ipc::VaultPage page(const ipc::VaultRead& wanted) const;
};

struct Head {
    uint32_t magic = 0x53435632;  ///< "SCV2"
    uint64_t version = 0;         ///< value of the TPM's counter once this is in force; 0: nothing
    uint64_t made = 0;            ///< its first version: another one is another vault
    uint8_t counter = 0;          ///< tpm::Tpm::vault_counter
    bool pin = false;             ///< the key is sealed under one
    BoundedBytes<512> key_public, key_private;
    std::array<std::byte, 12> nonce{};
    static constexpr auto fields = std::tuple{&Head::magic, &Head::version,    &Head::made,        &Head::counter,
                                              &Head::pin,   &Head::key_public, &Head::key_private, &Head::nonce};
    bool operator==(const Head&) const = default;
};
inline constexpr size_t kTag = 16;
inline constexpr size_t kSealedMax = ipc::max_size<Content>() + kTag;
struct File {
    Head head;
    BoundedBytes<kSealedMax> sealed;
    static constexpr auto fields = std::tuple{&File::head, &File::sealed};
    bool operator==(const File&) const = default;
};
inline constexpr size_t kPlace = 900 * 1024;  ///< bytes
static_assert(4 + sizeof(Digest) + ipc::max_size<File>() <= kPlace);

/// What stands at the beginning of one place. Errors: truncated, bad_value, too_large, not_authentic (the digest is
/// another's: a write that was cut off), as decoding.
Result<File> parse_place(ByteSpan place);
Bytes encode_place(const File& file);

/// The whole place with the newest version, not yet authenticated; version 0 when the file is empty. Errors: io;
/// bad_value, when there are bytes and neither place is whole.
Result<File> read_newest(int fd);
/// The place of this version, not yet authenticated. Errors: io, as parse_place; bad_value (it is another version's).
Result<File> read_version(int fd, uint64_t version);
/// Writes to the place of the other version than the one in force, and waits for the disk. Errors: io.
Status write_place(int fd, const File& file);
/// Overwrites the other place than that of `version`. Errors: io.
Status clear_other_place(int fd, uint64_t version);

/// The same where that place lies under another key than `head`, which is in force: a stop came before a new PIN had
/// overwritten it.
Status clear_place_of_another_key(int fd, const Head& head);

/// This version and a fresh nonce go into the head. Errors: crypto_failed.
Result<File> seal(Head head, uint64_t version, const Secret<32>& key, const Content& content);
/// Errors: not_authentic (another key, or any bit changed), as decoding.
Result<Content> open(const File& file, const Secret<32>& key);

}  // namespace sealcall::vault
