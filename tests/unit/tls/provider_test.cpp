#include "enclave/tls/provider.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>

#include "tests/unit/tls/phones.h"

namespace sealcall::tls::test {
namespace {

struct Fixture {
    EvpPkeyPtr software = p256();
    int calls = 0;
    std::unique_ptr<SigningKey> key = std::move(*SigningKey::create(*software, [this](const Digest& d) {
        ++calls;
        return software_sign(software.get(), d);
    }));
};

TEST(SigningKey, SignsACertificateRequestThroughTheCallback) {
    Fixture f;
    const std::unique_ptr<X509_REQ, Deleter<X509_REQ_free>> request(X509_REQ_new());
    ASSERT_EQ(X509_REQ_set_pubkey(request.get(), f.software.get()), 1);
    ASSERT_GT(X509_REQ_sign(request.get(), f.key->pkey(), EVP_sha256()), 0);
    EXPECT_EQ(f.calls, 1);
    EXPECT_EQ(X509_REQ_verify(request.get(), f.software.get()), 1);
}

TEST(SigningKey, IsTheSameKeyAsItsPublicHalf) {
    Fixture f;
    EXPECT_EQ(EVP_PKEY_eq(f.key->pkey(), f.software.get()), 1);
    EXPECT_NE(EVP_PKEY_eq(f.key->pkey(), p256().get()), 1);
}

TEST(SigningKey, GivesNoPrivateHalfAway) {
    Fixture f;
    BIGNUM* d = nullptr;
    EXPECT_EQ(EVP_PKEY_get_bn_param(f.key->pkey(), OSSL_PKEY_PARAM_PRIV_KEY, &d), 0);
    EXPECT_EQ(d, nullptr);
    OSSL_PARAM* all = nullptr;
    EXPECT_EQ(EVP_PKEY_todata(f.key->pkey(), EVP_PKEY_KEYPAIR, &all), 0);
    EXPECT_EQ(all, nullptr);
    EXPECT_EQ(f.calls, 0);
}

TEST(SigningKey, RefusesOtherDigestsThanSha256) {
    Fixture f;
    const EvpMdCtxPtr c(EVP_MD_CTX_new());
    EXPECT_NE(EVP_DigestSignInit(c.get(), nullptr, EVP_sha384(), nullptr, f.key->pkey()), 1);
    EXPECT_NE(EVP_DigestSignInit(c.get(), nullptr, EVP_sha1(), nullptr, f.key->pkey()), 1);
}

TEST(SigningKey, SignsNothingOnceDisarmed) {
    Fixture f;
    f.key->disarm();
    const EvpMdCtxPtr c(EVP_MD_CTX_new());
    ASSERT_EQ(EVP_DigestSignInit(c.get(), nullptr, EVP_sha256(), nullptr, f.key->pkey()), 1);
    std::array<uint8_t, 80> out{};
    size_t size = out.size();
    EXPECT_NE(EVP_DigestSign(c.get(), out.data(), &size, out.data(), 4), 1);
    EXPECT_EQ(f.key->signer_error()->code, Errc::wrong_state);
    EXPECT_EQ(f.calls, 0);
}

TEST(SigningKey, RefusesASignatureThatDoesNotFit) {
    const EvpPkeyPtr software = p256();
    for (const size_t length : {size_t{0}, size_t{73}, size_t{5000}}) {
        auto key =
            std::move(*SigningKey::create(*software, [=](const Digest&) { return Result<Bytes>(Bytes(length)); }));
        const EvpMdCtxPtr c(EVP_MD_CTX_new());
        ASSERT_EQ(EVP_DigestSignInit(c.get(), nullptr, EVP_sha256(), nullptr, key->pkey()), 1);
        std::array<uint8_t, 80> out{};
        size_t size = out.size();
        EXPECT_NE(EVP_DigestSign(c.get(), out.data(), &size, out.data(), 4), 1) << length;
        EXPECT_EQ(key->signer_error()->code, Errc::bad_signature);
    }
}

TEST(SigningKey, AcceptsOnlyP256) {
    const auto sign = [](const Digest&) { return Result<Bytes>(Bytes(64)); };
    EXPECT_EQ(SigningKey::create(*EvpPkeyPtr(EVP_EC_gen("P-384")), sign).error().code, Errc::bad_key);
    EXPECT_EQ(SigningKey::create(*EvpPkeyPtr(EVP_RSA_gen(2048)), sign).error().code, Errc::bad_key);
    EXPECT_EQ(SigningKey::create(*EvpPkeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")), sign).error().code,
              Errc::bad_key);
}

}  // namespace
}  // namespace sealcall::tls::test
