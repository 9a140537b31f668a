// Endorsement keys of every kind that swtpm makes, and activation of credentials by an independent MakeCredential.
#include "attestation/endorsement.h"

#include "enclave/tpm/policy_digest.h"
#include "enclave/tpm/templates.h"
#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::tpm::test {
namespace {

constexpr ESYS_TR kNone = ESYS_TR_NONE;

TEST(Certificate, PaddingBehindItIsCut) {
    Bytes der{std::byte{0x30}, std::byte{0x03}, std::byte{1}, std::byte{2}, std::byte{3}};
    Bytes padded = der;
    padded.resize(20, std::byte{0xff});
    auto cut = cut_certificate(padded, 100);
    ASSERT_OK(cut);
    EXPECT_TRUE(equal_bytes(*cut, der));
    EXPECT_ERROR(cut_certificate(padded, 4), Errc::too_large);
    EXPECT_ERROR(cut_certificate(ByteSpan(der).first(4), 100), Errc::truncated);
    EXPECT_ERROR(cut_certificate(Bytes(20, std::byte{0xff}), 100), Errc::bad_value);
    EXPECT_ERROR(cut_certificate({}, 100), Errc::truncated);
    const Bytes endless{std::byte{0x30}, std::byte{0x80}, std::byte{0}, std::byte{0}};
    EXPECT_ERROR(cut_certificate(endless, 100), Errc::bad_value);
    const Bytes huge{std::byte{0x30}, std::byte{0x84}, std::byte{0xff},
                     std::byte{0xff}, std::byte{0xff}, std::byte{0xff}};
    EXPECT_ERROR(cut_certificate(huge, 100), Errc::bad_value);
}

class Endorsed : public PhoneTest {
  protected:
    void expect_activation(Tpm& tpm) const {
        auto ek = tpm.endorsement();
        ASSERT_OK(ek);
        auto ek_public = attestation::parse_tpmt_public(ek->ek_public.view());
        auto ak = attestation::parse_tpmt_public(tpm.ak_public()->view());
        ASSERT_OK(ek_public);
        ASSERT_OK(ak);
        const Digest secret = digest_of_text("credential");
        auto credential = attestation::make_credential(*ek_public, ak->name, secret);
        ASSERT_OK(credential);
        auto back = tpm.activate_credential(credential->blob, credential->secret);
        ASSERT_OK(back);
        EXPECT_TRUE(equal_bytes(*back, secret));
        // A credential for another key's Name is refused by the TPM.
        auto stolen = attestation::make_credential(
            *ek_public, attestation::parse_tpmt_public(tpm.identity_public()->view())->name, secret);
        ASSERT_OK(stolen);
        EXPECT_FALSE(tpm.activate_credential(stolen->blob, stolen->secret));
        ASSERT_OK(tpm.sign_identity({}));
    }
};

TEST_F(Endorsed, WithoutACertificateAnEkIsMadeFromTheTemplate) {
    auto ek = tpm_->endorsement();
    ASSERT_OK(ek);
    EXPECT_TRUE(ek->ek_certificate.empty());
    auto pub = attestation::parse_tpmt_public(ek->ek_public.view());
    ASSERT_OK(pub);
    EXPECT_EQ(pub->curve, 3);
    EXPECT_TRUE(pub->attributes.restricted() && pub->attributes.decrypt() && !pub->attributes.user_with_auth());
    expect_activation(*tpm_);
}

TEST_F(Endorsed, ActivatesAfterEverythingElseWasUsed) {
    ASSERT_OK(tpm_->sign_identity({}));
    auto sealed = tpm_->seal(0, {});
    ASSERT_OK(sealed);
    ASSERT_OK(tpm_->unseal(*sealed));
    ASSERT_OK(tpm_->quote({}));
    expect_activation(*tpm_);
    ASSERT_OK(tpm_->unseal(*sealed));
}

TEST_F(Endorsed, RefusesOversizedCredentials) {
    EXPECT_ERROR(tpm_->activate_credential(Bytes(5000), Bytes(70)), Errc::too_large);
    EXPECT_ERROR(tpm_->activate_credential(Bytes(50), Bytes(5000)), Errc::too_large);
    EXPECT_FALSE(tpm_->activate_credential({}, {}));
    ASSERT_OK(tpm_->sign_identity({}));
}

class Certified : public Endorsed {
  protected:
    void SetUp() override {
        ASSERT_TRUE(make_certified_state(state_.path(), work_.path()));
        start();
    }
    void start() {
        tpm_.reset();
        swtpm_.reset();
        swtpm_ = std::make_unique<Swtpm>(state_.path());
        auto tpm = Tpm::open(swtpm_->connect(), options());
        ASSERT_OK(tpm);
        tpm_ = std::move(*tpm);
        ASSERT_OK(tpm_->provision());
        auto identity = tpm_->create_identity();
        ASSERT_OK(identity);
        ASSERT_OK(tpm_->load(*identity));
    }
    void remove_certificate(TPM2_HANDLE index) const {
        // swtpm_setup makes them with platform authorisation: only platform undefines, and it is empty in swtpm.
        auto other = stranger();
        ESYS_TR nv = kNone;
        ASSERT_EQ(Esys_TR_FromTPMPublic(other->context(), index, kNone, kNone, kNone, &nv), 0U);
        ASSERT_EQ(Esys_NV_UndefineSpace(other->context(), ESYS_TR_RH_PLATFORM, nv, ESYS_TR_PASSWORD, kNone, kNone), 0U);
    }
    void remove_persistent(TPM2_HANDLE handle) const {
        auto other = stranger();
        ESYS_TR key = kNone, gone = kNone;
        ASSERT_EQ(Esys_TR_FromTPMPublic(other->context(), handle, kNone, kNone, kNone, &key), 0U);
        for (const ESYS_TR hierarchy : {ESYS_TR_RH_OWNER, ESYS_TR_RH_PLATFORM})
            if (Esys_EvictControl(other->context(), hierarchy, key, ESYS_TR_PASSWORD, kNone, kNone, handle, &gone) == 0)
                return;
        FAIL();
    }

    TempDir state_, work_;
};

TEST_F(Certified, TheCertifiedEkIsPreferredAndItsCertificateSpeaksOfIt) {
    auto ek = tpm_->endorsement();
    ASSERT_OK(ek);
    auto certificate = attestation::parse_ek_certificate(ek->ek_certificate.view());
    ASSERT_OK(certificate);
    EXPECT_EQ(certificate->der.size(), ek->ek_certificate.size());
    auto pub = attestation::parse_tpmt_public(ek->ek_public.view());
    ASSERT_OK(pub);
    EXPECT_EQ(pub->curve, 4);  // P-384 of the high range
    ASSERT_OK(attestation::check_ek_key(*certificate, *pub));
    expect_activation(*tpm_);
}

TEST_F(Certified, TheEkIsTheSameWhetherProvisionedOrMadeFromTheTemplate) {
    const auto persistent = tpm_->endorsement();
    ASSERT_OK(persistent);
    remove_persistent(0x81010016);
    start();
    const auto made = tpm_->endorsement();
    ASSERT_OK(made);
    EXPECT_TRUE(made->ek_public == persistent->ek_public);
    EXPECT_TRUE(made->ek_certificate == persistent->ek_certificate);
    expect_activation(*tpm_);
}

TEST_F(Certified, ALockedOutTpmSaysSo) {
    ASSERT_OK(tpm_->endorsement());
    lock_out();
    EXPECT_ERROR_RC(tpm_->activate_credential(Bytes(50), Bytes(70)), Errc::tpm_locked_out, 0x921);
    ASSERT_OK(tpm_->sign_identity({}));
}

TEST_F(Certified, AnRsaEkServesWhereItIsTheOnlyCertifiedOne) {
    remove_certificate(0x01c00016);
    start();
    auto ek = tpm_->endorsement();
    ASSERT_OK(ek);
    auto certificate = attestation::parse_ek_certificate(ek->ek_certificate.view());
    ASSERT_OK(certificate);
    auto pub = attestation::parse_tpmt_public(ek->ek_public.view());
    ASSERT_OK(pub);
    EXPECT_EQ(pub->rsa_bits, 2048);
    ASSERT_OK(attestation::check_ek_key(*certificate, *pub));
    expect_activation(*tpm_);
}

}  // namespace
}  // namespace sealcall::tpm::test
