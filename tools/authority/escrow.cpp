#include "escrow.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>

#include "sealcall/ipc/codec.h"

namespace sealcall::authority {
namespace {

using attestation::Deleter;
using attestation::PkeyCtxPtr;
using attestation::PkeyPtr;
using CipherCtxPtr = std::unique_ptr<EVP_CIPHER_CTX, Deleter<EVP_CIPHER_CTX_free>>;
using KdfPtr = std::unique_ptr<EVP_KDF, Deleter<EVP_KDF_free>>;
using KdfCtxPtr = std::unique_ptr<EVP_KDF_CTX, Deleter<EVP_KDF_CTX_free>>;

const Error kFailed{Errc::crypto_failed, "escrow", 0};
constexpr size_t kPoint = 65, kTag = 16;
constexpr std::byte kVersion{1};

struct Key {
    std::array<unsigned char, 32> bytes{};
    Key() = default;
    Key(const Key&) = default;
    Key& operator=(const Key&) = default;
    ~Key() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

Result<Bytes> point_of(EVP_PKEY* key) {
    Bytes out(kPoint);
    size_t n = 0;
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, as_u8(out.data()), out.size(), &n) != 1 ||
        n != kPoint)
        return Error{Errc::bad_key, "escrow key", 0};
    return out;
}

Result<PkeyPtr> key_of_point(ByteSpan point) {
    PkeyCtxPtr ctx(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    std::array<char, 6> group{'P', '-', '2', '5', '6', 0};
    Bytes copy = to_bytes(point);
    std::array params = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group.data(), 0),
                         OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy.data(), copy.size()),
                         OSSL_PARAM_construct_end()};
    EVP_PKEY* raw = nullptr;
    if (!ctx || EVP_PKEY_fromdata_init(ctx.get()) != 1 ||
        EVP_PKEY_fromdata(ctx.get(), &raw, EVP_PKEY_PUBLIC_KEY, params.data()) != 1)
        return Error{Errc::bad_value, "one-time key", 0};
    return PkeyPtr(raw);
}

/// HKDF-SHA256 of the shared point; both public keys and the device are in its info.
Result<Key> derive(EVP_PKEY* own, EVP_PKEY* peer, ByteSpan one_time, ByteSpan escrow_point, const std::string& ek) {
    Key shared, out;
    size_t n = shared.bytes.size();
    const PkeyCtxPtr ctx(EVP_PKEY_CTX_new(own, nullptr));
    if (!ctx || EVP_PKEY_derive_init(ctx.get()) != 1 || EVP_PKEY_derive_set_peer(ctx.get(), peer) != 1 ||
        EVP_PKEY_derive(ctx.get(), shared.bytes.data(), &n) != 1 || n != shared.bytes.size())
        return kFailed;
    Bytes info = ByteWriter{}
                     .bytes(as_bytes("sealcall-escrow/1"))
                     .bytes(one_time)
                     .bytes(escrow_point)
                     .bytes(as_bytes(ek))
                     .take();
    const KdfPtr kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
    const KdfCtxPtr kdf_ctx(kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr);
    std::array<char, 7> digest{'S', 'H', 'A', '2', '5', '6', 0};
    const std::array params = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, shared.bytes.data(), shared.bytes.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()), OSSL_PARAM_construct_end()};
    if (!kdf_ctx || EVP_KDF_derive(kdf_ctx.get(), out.bytes.data(), out.bytes.size(), params.data()) != 1)
        return kFailed;
    return out;
}

/// The nonce is zero: each key is used for one message.
constexpr std::array<unsigned char, 12> kNonce{};

Result<Bytes> encrypt(const Key& key, ByteSpan plain) {
    Bytes out(plain.size() + kTag);
    const CipherCtxPtr ctx(EVP_CIPHER_CTX_new());
    int n = 0, rest = 0;
    if (!ctx || EVP_EncryptInit_ex(ctx.get(), EVP_aes_256_gcm(), nullptr, key.bytes.data(), kNonce.data()) != 1 ||
        EVP_EncryptUpdate(ctx.get(), as_u8(out.data()), &n, as_u8(plain.data()), static_cast<int>(plain.size())) != 1 ||
        EVP_EncryptFinal_ex(ctx.get(), as_u8(out.data()) + n, &rest) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_GCM_GET_TAG, kTag, out.data() + plain.size()) != 1)
        return kFailed;
    return out;
}

Result<Bytes> decrypt(const Key& key, ByteSpan sealed) {
    if (sealed.size() < kTag) return Error{Errc::bad_value, "escrow", 0};
    const ByteSpan text = sealed.first(sealed.size() - kTag);
    Bytes tag = to_bytes(sealed.last(kTag)), out(text.size());
    const CipherCtxPtr ctx(EVP_CIPHER_CTX_new());
    int n = 0, rest = 0;
    if (!ctx || EVP_DecryptInit_ex(ctx.get(), EVP_aes_256_gcm(), nullptr, key.bytes.data(), kNonce.data()) != 1 ||
        EVP_DecryptUpdate(ctx.get(), as_u8(out.data()), &n, as_u8(text.data()), static_cast<int>(text.size())) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx.get(), EVP_CTRL_GCM_SET_TAG, kTag, tag.data()) != 1 ||
        EVP_DecryptFinal_ex(ctx.get(), as_u8(out.data()) + n, &rest) != 1)
        return Error{Errc::bad_value, "escrow", 0};
    return out;
}

}  // namespace

Result<Bytes> seal_escrow(ByteSpan escrow_key, const std::string& ek, const HierarchyAuthorisations& authorisations) {
    const attestation::QuietErrors quiet;
    const unsigned char* at = as_u8(escrow_key.data());
    const PkeyPtr peer(d2i_PUBKEY(nullptr, &at, static_cast<long>(escrow_key.size())));
    const PkeyPtr one_time(EVP_EC_gen(SN_X9_62_prime256v1));
    if (!peer || !one_time) return Error{Errc::bad_key, "escrow key", 0};
    TRY(Bytes own_point, point_of(one_time.get()));
    TRY(Bytes peer_point, point_of(peer.get()));
    TRY(Key key, derive(one_time.get(), peer.get(), own_point, peer_point, ek));
    Bytes plain = ipc::encode(authorisations);
    auto sealed = encrypt(key, plain);
    OPENSSL_cleanse(plain.data(), plain.size());
    TRY(Bytes text, std::move(sealed));
    return ByteWriter{}.u8(static_cast<uint8_t>(kVersion)).bytes(own_point).bytes(text).take();
}

Result<HierarchyAuthorisations> open_escrow(EVP_PKEY* escrow_key, const std::string& ek, ByteSpan sealed) {
    const attestation::QuietErrors quiet;
    ByteReader reader(sealed);
    TRY(uint8_t version, reader.u8());
    if (version != static_cast<uint8_t>(kVersion)) return Error{Errc::bad_value, "version of an escrow", version};
    TRY(ByteSpan point, reader.bytes(kPoint));
    TRY(ByteSpan text, reader.bytes(reader.left()));
    TRY(PkeyPtr peer, key_of_point(point));
    TRY(Bytes own_point, point_of(escrow_key));
    TRY(Key key, derive(escrow_key, peer.get(), point, own_point, ek));
    TRY(Bytes plain, decrypt(key, text));
    auto out = ipc::decode<HierarchyAuthorisations>(plain);
    OPENSSL_cleanse(plain.data(), plain.size());
    return out;
}

}  // namespace sealcall::authority
