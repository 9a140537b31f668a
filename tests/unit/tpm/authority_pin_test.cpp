// The authority's pin in a real (software) TPM: locked once written, and a version that never goes back.
#include <gtest/gtest.h>

#include "enclave/tpm/esys_tpm.h"
#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::tpm::test {
namespace {

Digest signer(uint8_t fill) {
    Digest d{};
    d.fill(static_cast<std::byte>(fill));
    return d;
}

class AuthorityPinTest : public ::testing::Test {
  protected:
    void SetUp() override {
        swtpm_ = std::make_unique<Swtpm>(dir_.path());
        connect();
        ASSERT_TRUE(tpm_->provision());
    }
    void connect() {
        tpm_.reset();
        tpm_ =
            Tpm::open(swtpm_->connect(), {.kind = ipc::TpmKind::swtpm_socket, .auth_value = {}, .deadline = kPatient})
                .value();
    }
    std::optional<AuthorityPin> pin() {
        auto p = tpm_->authority_pin();
        EXPECT_TRUE(p) << p.error().what << " " << p.error().detail;
        return p ? *p : std::nullopt;
    }
    TempDir dir_;
    std::unique_ptr<Swtpm> swtpm_;
    std::unique_ptr<Tpm> tpm_;
};

TEST_F(AuthorityPinTest, IsNotThereBeforeItIsWritten) {
    EXPECT_FALSE(pin());
    EXPECT_FALSE(tpm_->accept_version(5));
}

TEST_F(AuthorityPinTest, HoldsSignerAndVersionOverARestart) {
    ASSERT_TRUE(tpm_->pin_authority(signer(1), 41));
    for (int i = 0; i < 2; ++i) {
        auto p = pin();
        ASSERT_TRUE(p);
        EXPECT_EQ(p->signer, signer(1));
        EXPECT_EQ(p->oldest_version, 41u);
        connect();
    }
}

TEST_F(AuthorityPinTest, VersionRisesAndNeverFalls) {
    ASSERT_TRUE(tpm_->pin_authority(signer(1), 41));
    ASSERT_TRUE(tpm_->accept_version(44));
    EXPECT_EQ(pin()->oldest_version, 44u);
    ASSERT_TRUE(tpm_->accept_version(42));
    EXPECT_EQ(pin()->oldest_version, 44u);
    ASSERT_TRUE(tpm_->pin_authority(signer(1), 3)) << "enrolled again with the same authority";
    EXPECT_EQ(pin()->oldest_version, 44u);
    ASSERT_TRUE(tpm_->pin_authority(signer(1), 46));
    EXPECT_EQ(pin()->oldest_version, 46u);
    connect();
    EXPECT_EQ(pin()->oldest_version, 46u);
}

TEST_F(AuthorityPinTest, ALongJumpTakesSeveralStarts) {
    ASSERT_TRUE(tpm_->pin_authority(signer(1), 1));
    ASSERT_TRUE(tpm_->accept_version(1 + 2 * kVersionStepsAtOnce));
    EXPECT_EQ(pin()->oldest_version, 1 + kVersionStepsAtOnce);
    ASSERT_TRUE(tpm_->accept_version(1 + 2 * kVersionStepsAtOnce));
    EXPECT_EQ(pin()->oldest_version, 1 + 2 * kVersionStepsAtOnce);
}

TEST_F(AuthorityPinTest, AnotherAuthorityTakesItsPlaceWithItsOwnVersions) {
    ASSERT_TRUE(tpm_->pin_authority(signer(1), 41));
    ASSERT_TRUE(tpm_->accept_version(43));
    ASSERT_TRUE(tpm_->pin_authority(signer(2), 7));
    auto p = pin();
    ASSERT_TRUE(p);
    EXPECT_EQ(p->signer, signer(2));
    EXPECT_EQ(p->oldest_version, 7u);
}

TEST_F(AuthorityPinTest, AnAuthorityWithoutBundlesEndsThePin) {
    ASSERT_TRUE(tpm_->pin_authority(signer(1), 41));
    ASSERT_TRUE(tpm_->pin_authority(Digest{}, 0));
    EXPECT_FALSE(pin());
}

TEST_F(AuthorityPinTest, CannotBeWrittenOverByWhoKnowsItsAuthValue) {
    ASSERT_TRUE(tpm_->pin_authority(signer(1), 41));
    tpm_.reset();
    auto esys = Esys::open(swtpm_->connect(), tpm_raw::Wire::stream, kPatient).value();
    ESYS_TR nv = ESYS_TR_NONE;
    ASSERT_TRUE(esys->call("open", [&](ESYS_CONTEXT* e) {
        return Esys_TR_FromTPMPublic(e, kPinHandle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &nv);
    }));
    const Secret<32> value = derive_auth({}, AuthFor::authority, 0);
    TPM2B_AUTH auth{};
    ASSERT_TRUE(fill(auth.size, auth.buffer, value.reveal(SecretAccess{})));
    ASSERT_TRUE(esys->call("auth", [&](ESYS_CONTEXT* e) { return Esys_TR_SetAuth(e, nv, &auth); }));
    TPM2B_MAX_NV_BUFFER data{};
    data.size = 32;
    Status written = esys->call("TPM2_NV_Write", [&](ESYS_CONTEXT* e) {
        return Esys_NV_Write(e, nv, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &data, 0);
    });
    ASSERT_FALSE(written);
    EXPECT_EQ(bare_rc(written.error().detail), static_cast<TSS2_RC>(TPM2_RC_NV_LOCKED));
}

TEST_F(AuthorityPinTest, AnIndexOfAnotherKindIsNoPin) {
    tpm_.reset();
    {
        auto esys = Esys::open(swtpm_->connect(), tpm_raw::Wire::stream, kPatient).value();
        TPM2B_NV_PUBLIC pub{};
        pub.nvPublic = pin_public(0);
        pub.nvPublic.attributes = TPMA_NV_OWNERWRITE | TPMA_NV_OWNERREAD | TPMA_NV_AUTHREAD;
        TPM2B_AUTH auth{};
        ESYS_TR nv = ESYS_TR_NONE;
        ASSERT_TRUE(esys->call("define", [&](ESYS_CONTEXT* e) {
            return Esys_NV_DefineSpace(e, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &auth, &pub,
                                       &nv);
        }));
        ASSERT_TRUE(esys->call("close", [&](ESYS_CONTEXT* e) { return Esys_TR_Close(e, &nv); }));
    }
    connect();
    EXPECT_FALSE(pin());
    ASSERT_TRUE(tpm_->pin_authority(signer(1), 1)) << "enrolment mends it";
    EXPECT_TRUE(pin());
}

}  // namespace
}  // namespace sealcall::tpm::test
