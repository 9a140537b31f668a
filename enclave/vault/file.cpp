#include "enclave/vault/file.h"

#include <openssl/rand.h>
#include <unistd.h>

#include <cerrno>

#include "attestation/openssl.h"
#include "enclave/tpm/policy_digest.h"

namespace sealcall::vault {
namespace {

using Kind = ipc::VaultKind;
enum class Direction : uint8_t { open, seal };

Error system_error(const char* what) { return Error{Errc::io, what, static_cast<uint32_t>(errno)}; }

off_t place_of(uint64_t version) { return (version & 1) != 0 ? static_cast<off_t>(kPlace) : 0; }

Result<Bytes> read_place(int fd, off_t at) {
    Bytes place(kPlace);
    const ssize_t n = ::pread(fd, place.data(), place.size(), at);
    if (n < 0) return system_error("vault");
    place.resize(static_cast<size_t>(n));
    return place;
}

Status write_at(int fd, ByteSpan bytes, off_t at) {
    const bool written = ::pwrite(fd, bytes.data(), bytes.size(), at) == static_cast<ssize_t>(bytes.size());
    return written && ::fdatasync(fd) == 0 ? Status() : system_error("vault");
}

constexpr size_t most(Kind kind) { return kind == Kind::login ? 1 : kind == Kind::contact ? 512 : 255; }

/// Both directions of AES-256-GCM; `tag` is made when encrypting and checked when decrypting.
bool crypt(Direction direction, const Head& head, const Secret<32>& key, ByteSpan in, std::byte* out,
           std::span<std::byte, kTag> tag) {
    const bool seals = direction == Direction::seal;
    const Bytes with = ipc::encode(head);
    const attestation::CipherCtxPtr c(EVP_CIPHER_CTX_new());
    int n = 0;
    return c &&
           EVP_CipherInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, as_u8(key.reveal(SecretAccess{}).data()),
                             as_u8(head.nonce.data()), seals ? 1 : 0) == 1 &&
           EVP_CipherUpdate(c.get(), nullptr, &n, as_u8(with.data()), static_cast<int>(with.size())) == 1 &&
           EVP_CipherUpdate(c.get(), as_u8(out), &n, as_u8(in.data()), static_cast<int>(in.size())) == 1 &&
           (seals || EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_SET_TAG, kTag, tag.data()) == 1) &&
           EVP_CipherFinal_ex(c.get(), as_u8(out) + n, &n) == 1 &&
           (!seals || EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_GET_TAG, kTag, tag.data()) == 1);
}

}  // namespace

Status Content::put(ipc::VaultItem item) {
    const auto of_kind = [&](const ipc::VaultItem& i) { return i.kind == item.kind; };
    if (item.kind != Kind::call) forget(item.kind, item.name.view());
    if (std::cmp_greater_equal(std::ranges::count_if(items, of_kind), most(item.kind))) {
        if (item.kind == Kind::contact) return Error{Errc::too_large, "contacts", 0};
        bool dropped = false;
        items.erase_if([&](const ipc::VaultItem& i) { return of_kind(i) && !std::exchange(dropped, true); });
    }
    CHECK(items.push(std::move(item)));
    return {};
}

void Content::forget(Kind kind, std::string_view name) {
    items.erase_if(
        [&](const ipc::VaultItem& i) { return i.kind == kind && (kind == Kind::call || i.name.view() == name); });
}

ipc::VaultPage Content::page(const ipc::VaultRead& wanted) const {
    ipc::VaultPage out;
    size_t skipped = 0;
    for (ipc::VaultItem item : items) {
        if (item.kind != wanted.kind || skipped++ < wanted.from) continue;
        if (item.kind == Kind::login) item.body = {};
        if (!out.items.push(std::move(item))) break;
    }
    return out;
}

Result<File> parse_place(ByteSpan place) {
    ByteReader r(place);
    TRY(const uint32_t length, r.u32());
    TRY(const ByteSpan digest, r.bytes(sizeof(Digest)));
    TRY(const ByteSpan body, r.bytes(length));
    if (!equal_bytes(tpm::sha256(body), digest)) return Error{Errc::not_authentic, "vault: a write was cut off", 0};
    TRY(File file, ipc::decode<File>(body));
    if (file.head.magic != Head{}.magic || file.sealed.size() < kTag) return Error{Errc::bad_value, "vault", 0};
    return file;
}

Bytes encode_place(const File& file) {
    const Bytes body = ipc::encode(file);
    ByteWriter w;
    w.u32(static_cast<uint32_t>(body.size())).bytes(tpm::sha256(body)).bytes(body);
    return w.take();
}

Result<File> read_newest(int fd) {
    File newest;
    bool anything = false;
    for (const uint64_t version : {uint64_t{0}, uint64_t{1}}) {
        TRY(const Bytes place, read_place(fd, place_of(version)));
        anything = anything || !place.empty();
        auto file = parse_place(place);
        if (file && file->head.version > newest.head.version) newest = std::move(*file);
    }
    if (newest.head.version == 0 && anything)
        return Error{Errc::bad_value, "the vault's file is damaged (see sealcall vault status)", 0};
    return newest;
}

Result<File> read_version(int fd, uint64_t version) {
    TRY(const Bytes place, read_place(fd, place_of(version)));
    TRY(File file, parse_place(place));
    if (file.head.version != version) return Error{Errc::bad_value, "vault: another version", 0};
    return file;
}

Status write_place(int fd, const File& file) { return write_at(fd, encode_place(file), place_of(file.head.version)); }

Status clear_other_place(int fd, uint64_t version) { return write_at(fd, Bytes(kPlace), place_of(version + 1)); }

Status clear_place_of_another_key(int fd, const Head& head) {
    TRY(const Bytes place, read_place(fd, place_of(head.version + 1)));
    const auto other = parse_place(place);
    return !other || other->head.key_private == head.key_private ? Status() : clear_other_place(fd, head.version);
}

Result<File> seal(Head head, uint64_t version, const Secret<32>& key, const Content& content) {
    head.version = version;
    Bytes plain = ipc::encode(content);  // what it grew through, the heap has wiped
    Bytes sealed(plain.size() + kTag);
    const bool done = RAND_bytes(as_u8(head.nonce.data()), static_cast<int>(head.nonce.size())) == 1 &&
                      crypt(Direction::seal, head, key, plain, sealed.data(), std::span(sealed).last<kTag>());
    wipe(plain.data(), plain.size());
    if (!done) return Error{Errc::crypto_failed, "AES-256-GCM", 0};
    TRY(auto bounded, BoundedBytes<kSealedMax>::from(sealed));
    return File{.head = std::move(head), .sealed = std::move(bounded)};
}

Result<Content> open(const File& file, const Secret<32>& key) {
    Bytes sealed = to_bytes(file.sealed.view());
    if (sealed.size() < kTag) return Error{Errc::truncated, "vault", 0};
    const auto tag = std::span(sealed).last<kTag>();
    const ByteSpan in = ByteSpan(sealed).first(sealed.size() - kTag);
    Bytes plain(in.size());
    const bool done = crypt(Direction::open, file.head, key, in, plain.data(), tag);
    auto content = done ? ipc::decode<Content>(plain) : Result<Content>(Error{Errc::not_authentic, "vault", 0});
    wipe(plain.data(), plain.size());
    return content;
}

}  // namespace sealcall::vault
