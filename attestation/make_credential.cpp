// TPM2_MakeCredential without a TPM: the names are those of Part 1, 24 "Credential Protection".
#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "attestation/endorsement.h"
#include "attestation/openssl.h"

namespace sealcall::attestation {

namespace {

const Error kFailed{Errc::crypto_failed, "MakeCredential", 0};
constexpr std::string_view kIdentity{"IDENTITY", 9};  // labels carry their NUL
constexpr std::string_view kStorage{"STORAGE", 8};
constexpr std::string_view kIntegrity{"INTEGRITY", 10};

/// Key bytes on the heap that wipe themselves.
struct Wiped {
    Bytes bytes;
    Wiped() = default;
    explicit Wiped(Bytes b) : bytes(std::move(b)) {}
    Wiped(Wiped&&) = default;
    Wiped& operator=(Wiped&&) = default;
    ~Wiped() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
};

Bytes hmac(const EVP_MD* md, ByteSpan key, ByteSpan data) {
    Bytes out(static_cast<size_t>(EVP_MD_get_size(md)));
    unsigned n = 0;
    if (HMAC(md, key.data(), static_cast<int>(key.size()), as_u8(data.data()), data.size(), as_u8(out.data()), &n) ==
        nullptr)
        out.clear();
    return out;
}

/// KDFa (Part 1, 11.4.10.2) for at most one hash length: one round of the counter.
Wiped kdfa(const EVP_MD* md, ByteSpan key, std::string_view label, ByteSpan context_u, size_t bytes) {
    ByteWriter w;
    w.u32(1).bytes(as_bytes(label)).bytes(context_u).u32(static_cast<uint32_t>(bytes * 8));
    Wiped out(hmac(md, key, w.view()));
    if (out.bytes.size() < bytes) return {};
    out.bytes.resize(bytes);
    return out;
}

/// KDFe (Part 1, 11.4.10.3) for exactly one hash length.
Wiped kdfe(const EVP_MD* md, const Wiped& z, std::string_view label, ByteSpan u, ByteSpan v) {
    ByteWriter w;
    w.u32(1).bytes(z.bytes).bytes(as_bytes(label)).bytes(u).bytes(v);
    Wiped input(w.take());
    Wiped out(Bytes(static_cast<size_t>(EVP_MD_get_size(md))));
    if (EVP_Digest(input.bytes.data(), input.bytes.size(), as_u8(out.bytes.data()), nullptr, md, nullptr) != 1)
        return {};
    return out;
}

PkeyPtr read_spki(ByteSpan spki) {
    const unsigned char* at = as_u8(spki.data());
    return PkeyPtr(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
}

Bytes coordinate(EVP_PKEY* key, const char* which, size_t size) {
    BIGNUM* raw = nullptr;
    if (EVP_PKEY_get_bn_param(key, which, &raw) != 1) return {};
    BignumPtr n(raw);
    Bytes out(size);
    if (BN_bn2binpad(n.get(), as_u8(out.data()), static_cast<int>(size)) != static_cast<int>(size)) return {};
    return out;
}

struct Seed {
    Wiped seed;
    Bytes encrypted;  ///< contents of TPM2B_ENCRYPTED_SECRET
};

/// C.6.4: a one-time key, ECDH with the EK.
Result<Seed> ecc_seed(const PublicArea& ek, EVP_PKEY* ek_key, const EVP_MD* md) {
    PkeyPtr one_time(EVP_EC_gen(ek.curve == kTpmEccNistP256 ? SN_X9_62_prime256v1 : SN_secp384r1));
    PkeyCtxPtr ctx(one_time ? EVP_PKEY_CTX_new(one_time.get(), nullptr) : nullptr);
    size_t n = ek.x.size();
    Wiped z{Bytes(n)};
    if (!ctx || EVP_PKEY_derive_init(ctx.get()) != 1 || EVP_PKEY_derive_set_peer(ctx.get(), ek_key) != 1 ||
        EVP_PKEY_derive(ctx.get(), as_u8(z.bytes.data()), &n) != 1 || n != ek.x.size())
        return kFailed;
    Bytes x = coordinate(one_time.get(), OSSL_PKEY_PARAM_EC_PUB_X, n);
    Bytes y = coordinate(one_time.get(), OSSL_PKEY_PARAM_EC_PUB_Y, n);
    Seed out{.seed = kdfe(md, z, kIdentity, x, ek.x), .encrypted = {}};
    if (x.empty() || y.empty() || out.seed.bytes.empty()) return kFailed;
    ByteWriter w;
    w.u16(static_cast<uint16_t>(n)).bytes(x).u16(static_cast<uint16_t>(n)).bytes(y);
    out.encrypted = w.take();
    return out;
}

/// B.10.4: a random seed under OAEP with the EK's nameAlg and the label "IDENTITY".
Result<Seed> rsa_seed(EVP_PKEY* ek_key, const EVP_MD* md) {
    Seed out{.seed = Wiped(Bytes(static_cast<size_t>(EVP_MD_get_size(md)))),
             .encrypted = Bytes(static_cast<size_t>(EVP_PKEY_get_size(ek_key)))};
    PkeyCtxPtr ctx(EVP_PKEY_CTX_new(ek_key, nullptr));
    void* label = OPENSSL_memdup(kIdentity.data(), kIdentity.size());
    if (RAND_bytes(as_u8(out.seed.bytes.data()), static_cast<int>(out.seed.bytes.size())) != 1 || !ctx ||
        label == nullptr || EVP_PKEY_encrypt_init(ctx.get()) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_oaep_md(ctx.get(), md) != 1 || EVP_PKEY_CTX_set_rsa_mgf1_md(ctx.get(), md) != 1 ||
        EVP_PKEY_CTX_set0_rsa_oaep_label(ctx.get(), label, static_cast<int>(kIdentity.size())) != 1) {
        OPENSSL_free(label);
        return kFailed;
    }
    size_t n = out.encrypted.size();  // label belongs to ctx now
    if (EVP_PKEY_encrypt(ctx.get(), as_u8(out.encrypted.data()), &n, as_u8(out.seed.bytes.data()),
                         out.seed.bytes.size()) != 1)
        return kFailed;
    out.encrypted.resize(n);
    return out;
}

/// AES-CFB with a zero IV: the key is used once (Part 1, 24.4).
Bytes encrypt_identity(const PublicArea& ek, const Wiped& key, ByteSpan plain) {
    const EVP_CIPHER* cipher = ek.symmetric_bits == 256 ? EVP_aes_256_cfb128() : EVP_aes_128_cfb128();
    const std::array<unsigned char, 16> iv{};
    CipherCtxPtr ctx(EVP_CIPHER_CTX_new());
    Bytes out(plain.size());
    int n = 0;
    if (!ctx || EVP_EncryptInit_ex(ctx.get(), cipher, nullptr, as_u8(key.bytes.data()), iv.data()) != 1 ||
        EVP_EncryptUpdate(ctx.get(), as_u8(out.data()), &n, as_u8(plain.data()), static_cast<int>(plain.size())) != 1)
        return {};
    return out;
}

Status check_storage_key(const PublicArea& ek) {
    const ObjectAttributes& a = ek.attributes;
    if (!a.restricted() || !a.decrypt() || a.sign() || !a.fixed_tpm())
        return Error{Errc::bad_key, "not a storage key", a.bits};
    if ((ek.name_alg != kTpmAlgSha256 && ek.name_alg != kTpmAlgSha384) || ek.symmetric_alg != kTpmAlgAes ||
        (ek.symmetric_bits != 128 && ek.symmetric_bits != 256))
        return Error{Errc::bad_key, "EK template", ek.symmetric_bits};
    if (ek.symmetric_bits / 8u > digest_size(ek.name_alg))
        return Error{Errc::bad_key, "EK template", ek.symmetric_bits};
    return {};
}

}  // namespace

Result<Credential> make_credential(const PublicArea& ek, ByteSpan name, ByteSpan credential) {
    QuietErrors quiet;
    TRY_STATUS(check_storage_key(ek));
    const EVP_MD* md = md_of(ek.name_alg);
    if (credential.empty() || credential.size() > digest_size(ek.name_alg))
        return Error{Errc::bad_value, "credential", 0};
    TRY(Bytes spki, spki_der(ek));
    PkeyPtr key = read_spki(spki);
    if (!key) return Error{Errc::bad_key, "EK", 0};
    TRY(Seed seed, ek.type == kTpmAlgEcc ? ecc_seed(ek, key.get(), md) : rsa_seed(key.get(), md));
    Wiped storage = kdfa(md, seed.seed.bytes, kStorage, name, ek.symmetric_bits / 8u);
    Wiped integrity = kdfa(md, seed.seed.bytes, kIntegrity, {}, digest_size(ek.name_alg));
    if (storage.bytes.empty() || integrity.bytes.empty()) return kFailed;
    ByteWriter plain;
    plain.u16(static_cast<uint16_t>(credential.size())).bytes(credential);
    Wiped sensitive(plain.take());
    Bytes encrypted = encrypt_identity(ek, storage, sensitive.bytes);
    if (encrypted.empty()) return kFailed;
    Bytes mac = hmac(md, integrity.bytes, ByteWriter{}.bytes(encrypted).bytes(name).view());
    if (mac.empty()) return kFailed;
    Credential out{.blob = {}, .secret = std::move(seed.encrypted)};
    ByteWriter blob;
    blob.u16(static_cast<uint16_t>(mac.size())).bytes(mac).bytes(encrypted);
    out.blob = blob.take();
    return out;
}

}  // namespace sealcall::attestation
