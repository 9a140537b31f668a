// What a TPM does in ActivateCredential, done with OpenSSL's own KBKDF and SSKDF: an independent reading of Part 1, 24.
#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/rsa.h>

#include "attestation/endorsement.h"
#include "tests/unit/attestation/software_tpm.h"

namespace sealcall::attestation::test {
namespace {

using KdfPtr = std::unique_ptr<EVP_KDF, Deleter<EVP_KDF_free>>;
using KdfCtxPtr = std::unique_ptr<EVP_KDF_CTX, Deleter<EVP_KDF_CTX_free>>;

struct Ek {
    PkeyPtr key;
    Bytes public_bytes;
    PublicArea area;
    const char* digest;  ///< of nameAlg
};

constexpr uint32_t kEkAttributes = kFixed | kAdminWithPolicy | kRestricted | kDecrypt;

Ek ecc_ek(const char* curve, uint16_t name_alg, uint16_t aes_bits) {
    Ek ek{.key = PkeyPtr(EVP_EC_gen(curve)), .public_bytes = {}, .area = {}, .digest = "SHA256"};
    const Bytes xy = coordinates(ek.key.get());
    const size_t n = xy.size() / 2;
    ByteWriter w;
    w.u16(kTpmAlgEcc).u16(name_alg).u32(kEkAttributes).u16(32).bytes(digest_of(8));
    w.u16(kTpmAlgAes).u16(aes_bits).u16(kTpmAlgCfb).u16(kTpmAlgNull).u16(n == 32 ? kTpmEccNistP256 : kTpmEccNistP384);
    w.u16(kTpmAlgNull).u16(static_cast<uint16_t>(n)).bytes(ByteSpan(xy).first(n));
    w.u16(static_cast<uint16_t>(n)).bytes(ByteSpan(xy).subspan(n));
    ek.public_bytes = w.take();
    ek.area = *parse_tpmt_public(ek.public_bytes);
    if (name_alg == kTpmAlgSha384) ek.digest = "SHA384";
    return ek;
}

Ek rsa_ek() {
    Ek ek{.key = PkeyPtr(EVP_RSA_gen(2048)), .public_bytes = {}, .area = {}, .digest = "SHA256"};
    BIGNUM* n = nullptr;
    CHECK(EVP_PKEY_get_bn_param(ek.key.get(), OSSL_PKEY_PARAM_RSA_N, &n) == 1);
    BignumPtr owned(n);
    Bytes modulus(256);
    CHECK(BN_bn2binpad(n, as_u8(modulus.data()), 256) == 256);
    ByteWriter w;
    w.u16(kTpmAlgRsa).u16(kTpmAlgSha256).u32(kEkAttributes).u16(32).bytes(digest_of(8));
    w.u16(kTpmAlgAes).u16(128).u16(kTpmAlgCfb).u16(kTpmAlgNull).u16(2048).u32(0).u16(256).bytes(modulus);
    ek.public_bytes = w.take();
    ek.area = *parse_tpmt_public(ek.public_bytes);
    return ek;
}

OSSL_PARAM text(const char* key, const char* value) {
    return OSSL_PARAM_construct_utf8_string(key, const_cast<char*>(value), 0);
}
OSSL_PARAM octets(const char* key, const Bytes& b) {
    return OSSL_PARAM_construct_octet_string(key, const_cast<std::byte*>(b.data()), b.size());
}

Bytes derive(const char* kdf, std::vector<OSSL_PARAM> params, size_t size) {
    KdfPtr algorithm(EVP_KDF_fetch(nullptr, kdf, nullptr));
    KdfCtxPtr ctx(EVP_KDF_CTX_new(algorithm.get()));
    params.push_back(OSSL_PARAM_construct_end());
    Bytes out(size);
    CHECK(EVP_KDF_derive(ctx.get(), as_u8(out.data()), size, params.data()) == 1);
    return out;
}

Bytes kdfa(const char* digest, const Bytes& key, const char* label, const Bytes& context, size_t size) {
    const Bytes salt = to_bytes(as_bytes(label));
    std::vector<OSSL_PARAM> p{text(OSSL_KDF_PARAM_MODE, "counter"), text(OSSL_KDF_PARAM_MAC, "HMAC"),
                              text(OSSL_KDF_PARAM_DIGEST, digest), octets(OSSL_KDF_PARAM_KEY, key),
                              octets(OSSL_KDF_PARAM_SALT, salt)};
    if (!context.empty()) p.push_back(octets(OSSL_KDF_PARAM_INFO, context));
    return derive("KBKDF", p, size);
}

/// The seed that the EK's private half finds in TPM2B_ENCRYPTED_SECRET; empty when it finds none.
Bytes seed_of(const Ek& ek, const Bytes& secret) {
    PkeyCtxPtr ctx(EVP_PKEY_CTX_new(ek.key.get(), nullptr));
    const size_t hash = digest_size(ek.area.name_alg);
    if (ek.area.type == kTpmAlgRsa) {
        Bytes out(256);
        size_t n = out.size();
        void* label = OPENSSL_memdup("IDENTITY", 9);
        EVP_PKEY_decrypt_init(ctx.get());
        EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_PKCS1_OAEP_PADDING);
        EVP_PKEY_CTX_set_rsa_oaep_md(ctx.get(), EVP_sha256());
        EVP_PKEY_CTX_set0_rsa_oaep_label(ctx.get(), label, 9);
        if (EVP_PKEY_decrypt(ctx.get(), as_u8(out.data()), &n, as_u8(secret.data()), secret.size()) != 1) return {};
        out.resize(n);
        return out;
    }
    ByteReader r(secret);
    const Bytes x = to_bytes(*r.bytes(*r.u16()));
    const Bytes y = to_bytes(*r.bytes(*r.u16()));
    CHECK(r.done());
    PublicArea point;
    point.type = kTpmAlgEcc;
    point.name_alg = kTpmAlgSha256;
    point.curve = ek.area.curve;
    point.x = x;
    point.y = y;
    const Bytes spki = *spki_der(point);
    const unsigned char* at = as_u8(spki.data());
    PkeyPtr peer(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
    Bytes z(x.size());
    size_t n = z.size();
    CHECK(EVP_PKEY_derive_init(ctx.get()) == 1 && EVP_PKEY_derive_set_peer(ctx.get(), peer.get()) == 1);
    CHECK(EVP_PKEY_derive(ctx.get(), as_u8(z.data()), &n) == 1);
    const Bytes info = ByteWriter{}.bytes(as_bytes(std::string_view("IDENTITY", 9))).bytes(x).bytes(ek.area.x).take();
    return derive(
        "SSKDF",
        {text(OSSL_KDF_PARAM_DIGEST, ek.digest), octets(OSSL_KDF_PARAM_KEY, z), octets(OSSL_KDF_PARAM_INFO, info)},
        hash);
}

/// TPM2_ActivateCredential; empty on TPM_RC_INTEGRITY.
Bytes activate(const Ek& ek, const Bytes& name, const Credential& c) {
    const size_t hash = digest_size(ek.area.name_alg);
    const Bytes seed = seed_of(ek, c.secret);
    if (seed.size() != hash) return {};
    ByteReader r(c.blob);
    const Bytes mac = to_bytes(*r.bytes(*r.u16()));
    const Bytes encrypted = to_bytes(*r.bytes(r.left()));
    const Bytes hmac_key = kdfa(ek.digest, seed, "INTEGRITY", {}, hash);
    Bytes expected(hash);
    size_t n = 0;
    const Bytes covered = ByteWriter{}.bytes(encrypted).bytes(name).take();
    CHECK(EVP_Q_mac(nullptr, "HMAC", nullptr, ek.digest, nullptr, hmac_key.data(), hmac_key.size(),
                    as_u8(covered.data()), covered.size(), as_u8(expected.data()), expected.size(), &n) != nullptr);
    if (expected != mac) return {};
    const Bytes key = kdfa(ek.digest, seed, "STORAGE", name, ek.area.symmetric_bits / 8u);
    std::unique_ptr<EVP_CIPHER_CTX, Deleter<EVP_CIPHER_CTX_free>> ctx(EVP_CIPHER_CTX_new());
    const std::array<unsigned char, 16> iv{};
    Bytes plain(encrypted.size());
    int got = 0;
    CHECK(EVP_DecryptInit_ex(ctx.get(), key.size() == 32 ? EVP_aes_256_cfb128() : EVP_aes_128_cfb128(), nullptr,
                             as_u8(key.data()), iv.data()) == 1);
    CHECK(EVP_DecryptUpdate(ctx.get(), as_u8(plain.data()), &got, as_u8(encrypted.data()),
                            static_cast<int>(plain.size())) == 1);
    ByteReader inner(plain);
    return to_bytes(*inner.bytes(*inner.u16()));
}

void round_trip(const Ek& ek) {
    const Bytes name(34, std::byte{0x21}), credential = to_bytes(digest_of(0x33));
    auto made = make_credential(ek.area, name, credential);
    ASSERT_TRUE(made);
    EXPECT_EQ(activate(ek, name, *made), credential);
    Bytes other_name = name;
    other_name[20] ^= std::byte{1};
    EXPECT_TRUE(activate(ek, other_name, *made).empty()) << "another AK must not activate";
    Credential cut = *made;
    cut.blob.back() ^= std::byte{1};
    EXPECT_TRUE(activate(ek, name, cut).empty());
    auto again = make_credential(ek.area, name, credential);
    EXPECT_NE(again->secret, made->secret) << "a new seed each time";
}

TEST(MakeCredential, CanBeActivatedByAP256Ek) { round_trip(ecc_ek("P-256", kTpmAlgSha256, 128)); }
TEST(MakeCredential, CanBeActivatedByAP384Ek) { round_trip(ecc_ek("P-384", kTpmAlgSha384, 256)); }
TEST(MakeCredential, CanBeActivatedByAnRsaEk) { round_trip(rsa_ek()); }

TEST(MakeCredential, CannotBeActivatedByAnotherEk) {
    const Ek one = ecc_ek("P-256", kTpmAlgSha256, 128), two = ecc_ek("P-256", kTpmAlgSha256, 128);
    const Bytes name(34, std::byte{0x21});
    auto made = make_credential(one.area, name, digest_of(1));
    ASSERT_TRUE(made);
    EXPECT_TRUE(activate(two, name, *made).empty());
}

TEST(MakeCredential, RefusesKeysThatAreNoStorageKeysAndBadLengths) {
    const Bytes name(34);
    EXPECT_FALSE(make_credential(*parse_tpmt_public(tpmt_public(keys().ak.get(), {})), name, digest_of(1))) << "an AK";
    const Ek ek = ecc_ek("P-256", kTpmAlgSha256, 128);
    EXPECT_FALSE(make_credential(ek.area, name, {}));
    EXPECT_FALSE(make_credential(ek.area, name, Bytes(33)));
    PublicArea no_cipher = ek.area;
    no_cipher.symmetric_alg = kTpmAlgNull;
    EXPECT_FALSE(make_credential(no_cipher, name, digest_of(1)));
    PublicArea off_curve = ek.area;
    off_curve.y[31] ^= std::byte{1};
    EXPECT_FALSE(make_credential(off_curve, name, digest_of(1)));
}

}  // namespace
}  // namespace sealcall::attestation::test
