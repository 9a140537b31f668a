// The OpenSSL library context that ESYS is given.
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <thread>

#include "enclave/tpm/esys_libctx.h"
#include "enclave/tpm/policy_digest.h"
#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::tpm::test {
namespace {

TEST(Libctx, OthersGetAContextOfTheirOwn) {
    OSSL_LIB_CTX* const own = OSSL_LIB_CTX_new();
    ASSERT_NE(own, nullptr);
    EXPECT_NE(own, OSSL_LIB_CTX_get0_global_default());
    OSSL_LIB_CTX_free(own);
}

TEST(Libctx, EsysGetsTheDefaultContextAndFreeingItDoesNothing) {
    {
        const LibctxScope scope;
        for (int i = 0; i < 3; ++i) {
            OSSL_LIB_CTX* const given = OSSL_LIB_CTX_new();
            EXPECT_EQ(given, OSSL_LIB_CTX_get0_global_default());
            OSSL_LIB_CTX_free(given);
        }
    }
    EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    EXPECT_NE(md, nullptr);
    EVP_MD_free(md);
    EXPECT_EQ(sha256({}), sha256({}, {}));
}

TEST(Libctx, AScopeHoldsForItsOwnThreadOnly) {
    const LibctxScope scope;
    std::thread([] {
        OSSL_LIB_CTX* const own = OSSL_LIB_CTX_new();
        EXPECT_NE(own, OSSL_LIB_CTX_get0_global_default());
        OSSL_LIB_CTX_free(own);
    }).join();
}

class LibctxOfEsys : public PhoneTest {};

TEST_F(LibctxOfEsys, TheDefaultContextKeepsItsProvidersThroughManyCommands) {
    for (int i = 0; i < 50; ++i) ASSERT_OK(tpm_->sign_identity({}));
    EXPECT_EQ(OSSL_PROVIDER_available(nullptr, "default"), 1);
    EXPECT_EQ(EVP_default_properties_is_fips_enabled(nullptr), 0);
}

// Without the replacement each hash of ESYS makes a context: about fifty for one signature. It must really be in force.
TEST_F(LibctxOfEsys, TheReplacementIsInForceInsideTheTss) {
    const auto time_of = [&](const auto& f) {
        const BootInstant start = BootClock::now();
        for (int i = 0; i < 20; ++i) f();
        return BootClock::now() - start;
    };
    const auto with = time_of([&] { ASSERT_OK(tpm_->sign_identity({})); });
    const auto contexts = time_of([&] {
        for (int k = 0; k < 20; ++k) {
            OSSL_LIB_CTX* const own = OSSL_LIB_CTX_new();
            EVP_MD* const md = EVP_MD_fetch(own, "SHA256", nullptr);
            EVP_MD_free(md);
            OSSL_LIB_CTX_free(own);
        }
    });
    RecordProperty("sign_us", std::to_string(with.count() / 20));
    EXPECT_LT(with, contexts * 3);
}

}  // namespace
}  // namespace sealcall::tpm::test
