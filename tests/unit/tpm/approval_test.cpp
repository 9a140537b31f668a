// A secret that opens in whatever state its approver signed, in a real (software) TPM: before the state was ever there,
// never in another one, and never again by an approval that a newer one replaced.
#include "attestation/certificates.h"
#include "attestation/state_approval.h"
#include "enclave/tpm/esys_tpm.h"
#include "sealcall/base/tpm_extend.h"
#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::tpm::test {
namespace {

using rats::StateApproval;
constexpr uint8_t kPcr = 13;

/// What the PCR holds after the programs of `version` were measured into zero.
Digest state_of(std::string_view version) { return sha256(Digest{}, digest_of_text(version)); }

class ApprovalTest : public ::testing::Test {
  protected:
    void SetUp() override {
        boot("1.0");
        ASSERT_OK(tpm_->provision());
        ASSERT_OK(tpm_->accept_approval(0));
        auto sealed = tpm_->seal_approved(secret_, approver());
        ASSERT_OK(sealed);
        sealed_ = *sealed;
    }
    /// Power off and on, with these programs.
    void boot(std::string_view version) {
        tpm_.reset();
        swtpm_.reset();
        swtpm_ = std::make_unique<Swtpm>(dir_.path());
        const UniqueFd fd = swtpm_->connect();
        ASSERT_OK(tpm_raw::extend_pcr(fd.get(), tpm_raw::Wire::stream, kPcr, digest_of_text(version), kPatient));
        connect();
    }
    void connect() {
        tpm_.reset();
        tpm_ =
            Tpm::open(
                swtpm_->connect(),
                {.kind = ipc::TpmKind::swtpm_socket, .auth_value = {}, .measurement_pcr = kPcr, .deadline = kPatient})
                .value();
    }
    rats::Approver approver() const { return attestation::approver_of(key_.get()).value(); }
    StateApproval approval(std::string_view version, uint64_t number) const {
        return attestation::approve_state(kPcr, state_of(version), number, key_.get()).value();
    }
    bool opens(const StateApproval& by) {
        auto got = tpm_->unseal_approved(sealed_, approver(), by);
        return got && std::ranges::equal(got->reveal(SecretAccess{}), secret_.reveal(SecretAccess{}));
    }
    Errc refusal(const StateApproval& by) {
        auto got = tpm_->unseal_approved(sealed_, approver(), by);
        return got ? Errc{} : got.error().code;
    }

    TempDir dir_;
    std::unique_ptr<Swtpm> swtpm_;
    std::unique_ptr<Tpm> tpm_;
    attestation::PkeyPtr key_ = attestation::make_software_key().value();
    Secret<32> secret_ = Secret<32>::from(boot_secret()).value();
    IdentityBlobs sealed_;
};

TEST_F(ApprovalTest, OpensInAStateThatWasApprovedBeforeItWasThere) {
    const StateApproval now = approval("1.0", 1), predicted = approval("1.1", 2);
    EXPECT_TRUE(opens(now));
    EXPECT_EQ(refusal(predicted), Errc::tpm_policy_refused) << "its state is not there yet";
    boot("1.1");
    EXPECT_EQ(refusal(now), Errc::tpm_policy_refused) << "its state is over";
    EXPECT_TRUE(opens(predicted));
}

TEST_F(ApprovalTest, StaysShutInAStateThatNobodyApproved) {
    const StateApproval genuine = approval("1.0", 1);
    boot("evil");
    EXPECT_EQ(refusal(genuine), Errc::tpm_policy_refused);
    StateApproval other = genuine;
    other.state = state_of("evil");
    EXPECT_EQ(refusal(other), Errc::tpm_policy_refused) << "the signature is for another state";
    EXPECT_EQ(refusal({.state = state_of("evil"), .number = 1, .r = {}, .s = {}}), Errc::tpm_policy_refused);
    EXPECT_FALSE(tpm_->unseal_boot(sealed_)) << "nor without any approval";
}

TEST_F(ApprovalTest, AnyChangedBitOfAnApprovalEndsIt) {
    const StateApproval genuine = approval("1.0", 1);
    ASSERT_TRUE(opens(genuine));
    const Bytes bytes = ipc::encode(genuine);
    for (size_t i = 0; i < bytes.size(); i += 7) {
        Bytes changed = bytes;
        changed[i] ^= std::byte{1};
        EXPECT_FALSE(opens(ipc::decode<StateApproval>(changed).value())) << i;
    }
    EXPECT_TRUE(opens(genuine));
}

TEST_F(ApprovalTest, AnotherApproverCountsForNothing) {
    const auto mallory = attestation::make_software_key().value();
    const auto theirs = attestation::approve_state(kPcr, state_of("1.0"), 1, mallory.get()).value();
    EXPECT_EQ(refusal(theirs), Errc::tpm_policy_refused);
    EXPECT_ERROR(tpm_->unseal_approved(sealed_, attestation::approver_of(mallory.get()).value(), theirs),
                 Errc::tpm_policy_refused);
}

TEST_F(ApprovalTest, AnOlderApprovalIsDeadOnceANewerOneWasAccepted) {
    const StateApproval old = approval("1.0", 1), next = approval("1.1", 2);
    boot("1.1");
    ASSERT_TRUE(opens(next));
    boot("1.0");
    EXPECT_TRUE(opens(old)) << "the update failed, and nothing newer was accepted yet";
    boot("1.1");
    ASSERT_OK(tpm_->accept_approval(2));
    EXPECT_TRUE(opens(next));
    boot("1.0");
    EXPECT_EQ(refusal(old), Errc::tpm_policy_refused) << "back to the old programs: nothing";
    EXPECT_TRUE(opens(approval("1.0", 2))) << "unless somebody approves them anew";
}

TEST_F(ApprovalTest, TheNumberNeverFalls) {
    ASSERT_OK(tpm_->accept_approval(5));
    ASSERT_OK(tpm_->accept_approval(3));
    ASSERT_OK(tpm_->accept_approval(0));
    EXPECT_EQ(refusal(approval("1.0", 4)), Errc::tpm_policy_refused);
    boot("1.0");
    EXPECT_EQ(refusal(approval("1.0", 4)), Errc::tpm_policy_refused) << "nor by a restart";
    EXPECT_TRUE(opens(approval("1.0", 5)));
    EXPECT_TRUE(opens(approval("1.0", UINT64_MAX)));
}

TEST_F(ApprovalTest, OnlyTheOwnerChangesTheNumber) {
    ASSERT_OK(tpm_->accept_approval(5));
    ASSERT_OK(tpm_->set_hierarchy_auths({.owner = Secret<32>::from(Bytes(32, std::byte{1})).value(),
                                         .endorsement = Secret<32>::from(Bytes(32, std::byte{2})).value(),
                                         .lockout = Secret<32>::from(Bytes(32, std::byte{3})).value()}));
    connect();  // a stranger, who does not know them
    EXPECT_FALSE(tpm_->accept_approval(6));
    EXPECT_TRUE(opens(approval("1.0", 5))) << "reading it needs nobody's leave";
    auto esys = Esys::open(swtpm_->connect(), tpm_raw::Wire::stream, kPatient).value();
    ESYS_TR nv = ESYS_TR_NONE;
    ASSERT_OK(esys->call("open", [&](ESYS_CONTEXT* e) {
        return Esys_TR_FromTPMPublic(e, rats::kApprovalIndex, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &nv);
    }));
    TPM2B_MAX_NV_BUFFER zero{};
    zero.size = 8;
    for (const ESYS_TR as : {nv, static_cast<ESYS_TR>(ESYS_TR_RH_OWNER)}) {
        EXPECT_FALSE(esys->call("write", [&](ESYS_CONTEXT* e) {
            return Esys_NV_Write(e, as, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &zero, 0);
        }));
    }
    EXPECT_FALSE(esys->call("undefine", [&](ESYS_CONTEXT* e) {
        return Esys_NV_UndefineSpace(e, ESYS_TR_RH_OWNER, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE);
    }));
}

TEST_F(ApprovalTest, WithoutTheIndexNothingOpens) {
    auto esys = Esys::open(swtpm_->connect(), tpm_raw::Wire::stream, kPatient).value();
    ESYS_TR nv = ESYS_TR_NONE;
    ASSERT_OK(esys->call("open", [&](ESYS_CONTEXT* e) {
        return Esys_TR_FromTPMPublic(e, rats::kApprovalIndex, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &nv);
    }));
    ASSERT_OK(esys->call("undefine", [&](ESYS_CONTEXT* e) {
        return Esys_NV_UndefineSpace(e, ESYS_TR_RH_OWNER, nv, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE);
    }));
    EXPECT_EQ(refusal(approval("1.0", 1)), Errc::tpm_not_provisioned);
}

TEST_F(ApprovalTest, OneApprovalServesEveryComputer) {
    const StateApproval one = approval("1.0", 1);
    EXPECT_TRUE(opens(one));
    TempDir elsewhere;
    Swtpm other(elsewhere.path());
    const UniqueFd fd = other.connect();
    ASSERT_OK(tpm_raw::extend_pcr(fd.get(), tpm_raw::Wire::stream, kPcr, digest_of_text("1.0"), kPatient));
    auto tpm =
        Tpm::open(other.connect(),
                  {.kind = ipc::TpmKind::swtpm_socket, .auth_value = {}, .measurement_pcr = kPcr, .deadline = kPatient})
            .value();
    ASSERT_OK(tpm->provision());
    ASSERT_OK(tpm->accept_approval(0));
    const auto sealed = tpm->seal_approved(secret_, approver());
    ASSERT_OK(sealed);
    ASSERT_OK(tpm->unseal_approved(*sealed, approver(), one));
    EXPECT_FALSE(tpm->unseal_approved(sealed_, approver(), one)) << "the secret itself stays with its TPM";
}

}  // namespace
}  // namespace sealcall::tpm::test
