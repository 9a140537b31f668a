#include <openssl/evp.h>
#include <openssl/x509.h>
#include <tss2/tss2_mu.h>

#include "attestation/tpm_structs.h"
#include "enclave/tpm/policy_digest.h"
#include "enclave/tpm/templates.h"
#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::tpm::test {
namespace {

constexpr ESYS_TR kNone = ESYS_TR_NONE;

using attestation::parse_tpms_attest;
using attestation::parse_tpmt_public;
using attestation::parse_tpmt_signature;

struct PkeyDeleter {
    void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
};
using PkeyPtr = std::unique_ptr<EVP_PKEY, PkeyDeleter>;

bool der_signature_verifies(ByteSpan tpmt_public, const Digest& digest, ByteSpan der) {
    auto pub = parse_tpmt_public(tpmt_public);
    if (!pub) return false;
    auto spki = attestation::spki_der(*pub);
    if (!spki) return false;
    const uint8_t* p = as_u8(spki->data());
    const PkeyPtr key(d2i_PUBKEY(nullptr, &p, static_cast<long>(spki->size())));
    EVP_PKEY_CTX* ctx = EVP_PKEY_CTX_new(key.get(), nullptr);
    const bool ok = EVP_PKEY_verify_init(ctx) == 1 &&
                    EVP_PKEY_verify(ctx, as_u8(der.data()), der.size(), as_u8(digest.data()), digest.size()) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

class Keys : public PhoneTest {
  protected:
    /// Loads the identity key a second time, as any program could that has the blobs.
    ESYS_TR load_identity(Esys& esys) const {
        ESYS_TR srk = kNone, key = kNone;
        TPM2B_PUBLIC pub{};
        TPM2B_PRIVATE priv{};
        size_t at = 0;
        Tss2_MU_TPM2B_PUBLIC_Unmarshal(as_u8(identity_.public_area.data()), identity_.public_area.size(), &at, &pub);
        at = 0;
        Tss2_MU_TPM2B_PRIVATE_Unmarshal(as_u8(identity_.private_area.data()), identity_.private_area.size(), &at,
                                        &priv);
        EXPECT_EQ(Esys_TR_FromTPMPublic(esys.context(), kSrkHandle, kNone, kNone, kNone, &srk), 0U);
        EXPECT_EQ(Esys_Load(esys.context(), srk, ESYS_TR_PASSWORD, kNone, kNone, &priv, &pub, &key), 0U);
        return key;
    }
    static TSS2_RC sign(Esys& esys, ESYS_TR key, ESYS_TR session) {
        TPM2B_DIGEST digest{};
        digest.size = 32;
        TPMT_SIG_SCHEME scheme{};
        scheme.scheme = TPM2_ALG_NULL;
        TPMT_TK_HASHCHECK ticket{};
        ticket.tag = TPM2_ST_HASHCHECK;
        ticket.hierarchy = TPM2_RH_NULL;
        EsysPtr<TPMT_SIGNATURE> signature;
        return Esys_Sign(esys.context(), key, session, kNone, kNone, &digest, &scheme, &ticket, signature.out());
    }
};

TEST_F(Keys, IdentitySignatureVerifiesWithItsPublicKey) {
    const Digest digest = digest_of_text("transcript");
    auto der = tpm_->sign_identity(digest);
    ASSERT_OK(der);
    auto pub = tpm_->identity_public();
    ASSERT_OK(pub);
    EXPECT_TRUE(der_signature_verifies(pub->view(), digest, *der));
    EXPECT_FALSE(der_signature_verifies(pub->view(), digest_of_text("another"), *der));
}

TEST_F(Keys, IdentityKeyIsBoundToPcrAndAuthValueAndStaysInTheTpm) {
    auto area = tpm_->identity_public();
    ASSERT_OK(area);
    auto pub = parse_tpmt_public(area->view());
    ASSERT_OK(pub);
    EXPECT_EQ(pub->attributes.bits, 0x00040432U);  // sign, noDA, sensitiveDataOrigin, fixedParent, fixedTPM
    const Digest policy = PolicyDigest().pcr(13, {}).auth_value().value();
    EXPECT_TRUE(equal_bytes(pub->auth_policy, policy));
}

TEST_F(Keys, PasswordAloneDoesNotSign) {
    tpm_.reset();  // gives its slots back
    auto other = stranger();
    const ESYS_TR key = load_identity(*other);
    Handle flush(*other, key, Handle::End::flush);
    const auto rc = sign(*other, key, ESYS_TR_PASSWORD);
    EXPECT_EQ(rc, 0x12fU);
    EXPECT_EQ(errc_of(rc), Errc::tpm_policy_refused);
}

TEST_F(Keys, WrongAuthValueDoesNotSignOrCount) {
    tpm_.reset();
    auth_ = to_bytes(as_bytes("some other boot secret"));
    open_loaded();
    EXPECT_ERROR_RC(tpm_->sign_identity({}), Errc::tpm_auth_refused, 0x9a2);  // no dictionary attack counting
    EXPECT_ERROR_RC(tpm_->end_slot(0), Errc::tpm_auth_refused, 0x9a2);
    EXPECT_ERROR(tpm_->certify_identity({}), Errc::tpm_auth_refused);
    auth_ = boot_secret();
    open_loaded();
    ASSERT_OK(tpm_->sign_identity({}));
}

TEST_F(Keys, IdentityStopsSigningWhenThePcrChanges) {
    ASSERT_OK(tpm_->sign_identity({}));
    extend(13, "an unapproved program");
    EXPECT_ERROR_RC(tpm_->sign_identity({}), Errc::tpm_policy_refused, 0x99d);
    EXPECT_ERROR_RC(tpm_->sign_identity({}), Errc::tpm_policy_refused, 0x99d);  // and goes on refusing
    open_loaded();
    EXPECT_ERROR_RC(tpm_->sign_identity({}), Errc::tpm_policy_refused, 0x99d);
}

TEST_F(Keys, OtherPcrsDoNotMatterToTheIdentity) {
    extend(12, "something else");
    ASSERT_OK(tpm_->sign_identity({}));
}

TEST_F(Keys, IdentitySignsAgainAfterARestartIntoTheSameState) {
    crash_and_restart();
    auto der = tpm_->sign_identity(digest_of_text("x"));
    ASSERT_OK(der);
    EXPECT_TRUE(der_signature_verifies(tpm_->identity_public()->view(), digest_of_text("x"), *der));
}

TEST_F(Keys, AfterACrashTheClockIsSetWhereItCannotRepeatAndQuotesAreSafe) {
    crash_and_restart();
    auto quotes = tpm_->quote(digest_of_text("x"));
    ASSERT_OK(quotes);
    // TPMS_ATTEST: magic, type, qualifiedSigner (2 + 34), extraData (2 + 32), clock u64, resetCount u32, restartCount
    // u32, safe.
    const ByteSpan attest = quotes->main.attest.view();
    const size_t signer = 2 + static_cast<size_t>(attest[6]) * 256 + static_cast<size_t>(attest[7]);
    EXPECT_EQ(attest[6 + signer + 2 + 32 + 16], std::byte{1});
}

TEST_F(Keys, AttestationKeyIsTheSameAfterARestartAndAnotherForAnotherSecret) {
    const auto first = tpm_->ak_public();
    ASSERT_OK(first);
    crash_and_restart();
    EXPECT_EQ(tpm_->ak_public()->view().size(), first->view().size());
    EXPECT_TRUE(*tpm_->ak_public() == *first);
    auth_ = to_bytes(as_bytes("another secret"));
    open_loaded();
    EXPECT_FALSE(*tpm_->ak_public() == *first);
    auth_.clear();
    open_loaded();
    EXPECT_FALSE(*tpm_->ak_public() == *first);
}

TEST_F(Keys, EachPartnerHasAnAttestationKeyOfItsOwnThatStaysTheSame) {
    const auto everybody = tpm_->ak_public().value();
    ASSERT_OK(tpm_->use_ak("partner.example"));
    const auto theirs = tpm_->ak_public().value();
    EXPECT_NE(theirs, everybody);
    ASSERT_OK(tpm_->use_ak("other.example"));
    const auto others = tpm_->ak_public().value();
    EXPECT_NE(others, theirs);
    EXPECT_NE(others, everybody);
    // What is signed is signed by the one that is in use.
    const Digest what = digest_of_text("nonce");
    for (const auto& [name, key] : {std::pair{"partner.example", theirs}, {"", everybody}, {"other.example", others}}) {
        ASSERT_OK(tpm_->use_ak(name));
        EXPECT_EQ(tpm_->ak_public().value(), key);
        const auto quotes = tpm_->quote(what);
        ASSERT_OK(quotes);
        const auto signature = parse_tpmt_signature(quotes->main.signature.view()).value();
        for (const auto& by : {everybody, theirs, others})
            EXPECT_EQ(attestation::verify_tpm_signature(parse_tpmt_public(by.view()).value(),
                                                        quotes->main.attest.view(), signature)
                          .has_value(),
                      by == key);
    }
    for (const char* name : {"c.example", "d.example"}) ASSERT_OK(tpm_->use_ak(name));
    EXPECT_ERROR(tpm_->use_ak("e.example"), Errc::too_large);
    crash_and_restart();
    ASSERT_OK(tpm_->use_ak("partner.example"));
    EXPECT_EQ(tpm_->ak_public().value(), theirs);
}

TEST_F(Keys, ThereIsNoUseBeforeLoading) {
    tpm_.reset();
    auto tpm = Tpm::open(swtpm_->connect(), options());
    ASSERT_OK(tpm);
    EXPECT_ERROR((*tpm)->sign_identity({}), Errc::wrong_state);
    EXPECT_ERROR((*tpm)->quote({}), Errc::wrong_state);
    EXPECT_ERROR((*tpm)->end_slot(0), Errc::wrong_state);
    EXPECT_ERROR((*tpm)->ak_public(), Errc::wrong_state);
}

TEST_F(Keys, RefusesBlobsThatAreNotAnIdentityKey) {
    IdentityBlobs cut = identity_;
    cut.public_area.pop_back();
    EXPECT_ERROR(tpm_->load(cut), Errc::bad_key);
    IdentityBlobs longer = identity_;
    longer.private_area.push_back({});
    EXPECT_ERROR(tpm_->load(longer), Errc::bad_key);
    IdentityBlobs with_password = identity_;
    with_password.public_area[2 + 2 + 2 + 3] |= std::byte{0x40};  // userWithAuth, in the last byte of the attributes
    EXPECT_ERROR(tpm_->load(with_password), Errc::bad_key);
    IdentityBlobs other_policy = identity_;
    other_policy.public_area[2 + 2 + 2 + 4 + 2] ^= std::byte{1};
    EXPECT_ERROR(tpm_->load(other_policy), Errc::tpm_failed);  // the TPM: integrity of the private part
    ASSERT_OK(tpm_->load(identity_));
    ASSERT_OK(tpm_->sign_identity({}));
}

TEST_F(Keys, QuoteVerifiesAndItsValuesAreThePcrs) {
    extend(13, "measured");
    extend(10, "ima");
    const Digest nonce = digest_of_text("qualifying data");
    auto quotes = tpm_->quote(nonce);
    ASSERT_OK(quotes);
    auto ak = parse_tpmt_public(tpm_->ak_public()->view());
    ASSERT_OK(ak);
    ASSERT_EQ(quotes->pcrs.size(), 15U);
    const auto check = [&](const AttestedBlob& blob, uint32_t pcrs) {
        auto attest = parse_tpms_attest(blob.attest.view());
        ASSERT_OK(attest);
        auto signature = parse_tpmt_signature(blob.signature.view());
        ASSERT_OK(signature);
        ASSERT_OK(attestation::verify_tpm_signature(*ak, blob.attest.view(), *signature));
        EXPECT_EQ(attest->type, attestation::kTpmStAttestQuote);
        EXPECT_TRUE(equal_bytes(attest->extra_data, nonce));
        ASSERT_EQ(attest->selection.size(), 1U);
        EXPECT_EQ(attest->selection[0].pcrs, pcrs);
        Bytes all;
        for (const auto& v : quotes->pcrs)
            if ((pcrs >> v.pcr & 1) != 0) all.insert(all.end(), v.value.begin(), v.value.end());
        EXPECT_TRUE(equal_bytes(attest->pcr_digest, sha256(all)));
    };
    check(quotes->main, 0x7bff);
    check(quotes->pcr10, 0x0400);
    EXPECT_EQ(quotes->pcrs[13].value, sha256(Digest{}, digest_of_text("measured")));
    EXPECT_EQ(*tpm_->read_pcr(13), quotes->pcrs[13].value);
}

TEST_F(Keys, CertificationNamesTheIdentityKey) {
    const Digest nonce = digest_of_text("certify");
    auto blob = tpm_->certify_identity(nonce);
    ASSERT_OK(blob);
    auto ak = parse_tpmt_public(tpm_->ak_public()->view());
    auto identity = parse_tpmt_public(tpm_->identity_public()->view());
    auto attest = parse_tpms_attest(blob->attest.view());
    auto signature = parse_tpmt_signature(blob->signature.view());
    ASSERT_OK(ak);
    ASSERT_OK(identity);
    ASSERT_OK(attest);
    ASSERT_OK(signature);
    EXPECT_EQ(attest->type, attestation::kTpmStAttestCertify);
    EXPECT_EQ(attest->name, identity->name);
    EXPECT_TRUE(equal_bytes(attest->extra_data, nonce));
    ASSERT_OK(attestation::verify_tpm_signature(*ak, blob->attest.view(), *signature));
}

TEST_F(Keys, EmbeddedModeWithoutABootSecretWorks) {
    auth_.clear();
    tpm_.reset();
    swtpm_.reset();
    const TempDir fresh;
    swtpm_ = std::make_unique<Swtpm>(fresh.path());
    auto tpm = Tpm::open(swtpm_->connect(), options());
    ASSERT_OK(tpm);
    ASSERT_OK((*tpm)->provision());
    auto identity = (*tpm)->create_identity();
    ASSERT_OK(identity);
    ASSERT_OK((*tpm)->load(*identity));
    ASSERT_OK((*tpm)->sign_identity({}));
    ASSERT_OK((*tpm)->certify_identity({}));
    auto sealed = (*tpm)->seal(3, {});
    ASSERT_OK(sealed);
    ASSERT_OK((*tpm)->unseal(*sealed));
    // The counters still have an authValue: a stranger's empty one does not count.
    auto other = stranger();
    ESYS_TR nv = kNone;
    ASSERT_EQ(Esys_TR_FromTPMPublic(other->context(), kCounterHandle, kNone, kNone, kNone, &nv), 0U);
    EXPECT_EQ(Esys_NV_Increment(other->context(), nv, nv, ESYS_TR_PASSWORD, kNone, kNone), 0x9a2U);
    swtpm_.reset();
}

TEST_F(Keys, NameTellsSoftwareFromChip) {
    EXPECT_EQ(tpm_->name().rfind("swtpm, IBM SWTPM firmware ", 0), 0U) << tpm_->name();
}

TEST_F(Keys, RefusesAMeasurementPcrThatIsNotQuotedOrCanBeReset) {
    for (const uint8_t pcr :
         {uint8_t{10}, uint8_t{15}, uint8_t{16}, uint8_t{17}, uint8_t{23}, uint8_t{24}, uint8_t{255}}) {
        Options o = options();
        o.measurement_pcr = pcr;
        EXPECT_ERROR(Tpm::open(swtpm_->connect(), std::move(o)), Errc::bad_config);
    }
}

TEST_F(Keys, PinnedStorageKeyMustBeTheOneInTheTpm) {
    const auto name = tpm_->srk_name();
    ASSERT_OK(name);
    tpm_.reset();
    Options right = options();
    right.srk_name = *name;
    auto good = Tpm::open(swtpm_->connect(), std::move(right));
    ASSERT_OK(good);
    ASSERT_OK((*good)->load(identity_));
    good->reset();
    Options wrong = options();
    wrong.srk_name = *name;
    wrong.srk_name.back() ^= std::byte{1};
    auto bad = Tpm::open(swtpm_->connect(), std::move(wrong));
    ASSERT_OK(bad);
    EXPECT_ERROR((*bad)->load(identity_), Errc::bad_key);
}

TEST_F(Keys, ProvisioningAgainChangesNothing) {
    const auto srk = tpm_->srk_name();
    auto sealed = tpm_->seal(0, {});
    ASSERT_OK(sealed);
    ASSERT_OK(tpm_->provision());
    open_loaded();
    ASSERT_OK(tpm_->provision());
    EXPECT_EQ(*tpm_->srk_name(), *srk);
    ASSERT_OK(tpm_->unseal(*sealed));  // no counter moved
}

TEST_F(Keys, AnUnprovisionedTpmSaysSo) {
    const TempDir fresh;
    const Swtpm other(fresh.path());
    auto tpm = Tpm::open(other.connect(), options());
    ASSERT_OK(tpm);
    EXPECT_ERROR((*tpm)->load(identity_), Errc::tpm_not_provisioned);
    EXPECT_ERROR((*tpm)->create_identity(), Errc::tpm_not_provisioned);
}

TEST_F(Keys, AnotherTpmDoesNotLoadThisIdentity) {
    const TempDir fresh;
    const Swtpm other(fresh.path());
    auto tpm = Tpm::open(other.connect(), options());
    ASSERT_OK(tpm);
    ASSERT_OK((*tpm)->provision());
    EXPECT_ERROR((*tpm)->load(identity_), Errc::tpm_failed);
}

}  // namespace
}  // namespace sealcall::tpm::test
