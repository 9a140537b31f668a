// The audit index and what the attestation key says, on a real software TPM, checked as a stranger checks it.
#include "attestation/audit_proof.h"
#include "attestation/binding.h"
#include "enclave/tpm/policy_digest.h"
#include "enclave/tpm/templates.h"
#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::tpm::test {
namespace {

using attestation::audit_qualifying_data;

constexpr ESYS_TR kNone = ESYS_TR_NONE;
const Bytes kIndexName = attestation::nv_index_name(audit::kIndex, audit::kIndexAttributes, 32);

Digest step(const Digest& before, const Digest& head) { return sha256(before, head); }
Digest begin() { return step({}, sha256(as_bytes(audit::kIndexBegin))); }
Secret<32> secret_of(std::string_view text) { return *Secret<32>::from(digest_of_text(text)); }

class Audit : public PhoneTest {
  protected:
    attestation::PublicArea ak() const {
        return attestation::parse_tpmt_public(tpm_->ak_public().value().view()).value();
    }
    static attestation::SealedTo conditions(const SealedSecret& s) {
        return {.slot = s.slot,
                .counter = s.counter,
                .pcr = 13,
                .pcr_digest = s.pcr_digest,
                .reset_count = s.reset_count,
                .restart_count = s.restart_count,
                .lease_until_ms = s.lease_until_ms};
    }
};

TEST_F(Audit, IndexBeginsAtAKnownValueAndTakesHeads) {
    EXPECT_EQ(tpm_->audit_value().value(), begin());
    const Digest a = digest_of_text("a"), b = digest_of_text("b");
    EXPECT_EQ(tpm_->extend_audit(a).value(), step(begin(), a));
    EXPECT_EQ(tpm_->extend_audit(b).value(), step(step(begin(), a), b));
    EXPECT_EQ(tpm_->audit_value().value(), step(step(begin(), a), b));
}

TEST_F(Audit, IndexOutlivesACrashOfTheTpm) {
    const Digest value = tpm_->extend_audit(digest_of_text("a")).value();
    crash_and_restart();
    open_loaded();
    EXPECT_EQ(tpm_->audit_value().value(), value);
}

TEST_F(Audit, IndexCannotBeWrittenOrExtendedByAStranger) {
    const Digest before = tpm_->audit_value().value();
    auto other = stranger();
    ESYS_TR nv = kNone;
    ASSERT_EQ(Esys_TR_FromTPMPublic(other->context(), audit::kIndex, kNone, kNone, kNone, &nv), 0U);
    TPM2B_MAX_NV_BUFFER data{};
    data.size = 32;
    EXPECT_NE(Esys_NV_Extend(other->context(), nv, nv, ESYS_TR_PASSWORD, kNone, kNone, &data), 0U);
    EXPECT_NE(Esys_NV_Write(other->context(), nv, nv, ESYS_TR_PASSWORD, kNone, kNone, &data, 0), 0U);
    EXPECT_NE(Esys_NV_Extend(other->context(), ESYS_TR_RH_OWNER, nv, ESYS_TR_PASSWORD, kNone, kNone, &data), 0U);
    open_loaded();
    EXPECT_EQ(tpm_->audit_value().value(), before);
}

TEST_F(Audit, AnIndexWhoseMakingWasCutOffIsCompleted) {
    auto other = stranger();
    ESYS_TR nv = kNone;
    ASSERT_EQ(Esys_TR_FromTPMPublic(other->context(), audit::kIndex, kNone, kNone, kNone, &nv), 0U);
    ASSERT_EQ(Esys_NV_UndefineSpace(other->context(), ESYS_TR_RH_OWNER, nv, ESYS_TR_PASSWORD, kNone, kNone), 0U);
    TPM2B_NV_PUBLIC pub{};
    pub.nvPublic = audit_public(0);
    TPM2B_AUTH auth{};
    const auto value = derive_auth(auth_, AuthFor::audit, 0);
    ASSERT_OK(fill(auth.size, auth.buffer, value.reveal(SecretAccess{})));
    ASSERT_EQ(Esys_NV_DefineSpace(other->context(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, kNone, kNone, &auth, &pub, &nv),
              0U);
    other.reset();
    open_loaded();
    EXPECT_EQ(tpm_->audit_value().value(), begin());
}

TEST_F(Audit, SignedContentsAreCheckedByAStranger) {
    const Digest head = digest_of_text("head"), value = tpm_->extend_audit(head).value();
    const Digest about = audit_qualifying_data(audit::kForAnchor, 7, head);
    const auto said = tpm_->certify_audit(about);
    ASSERT_OK(said);
    const auto a = said->attest.view(), s = said->signature.view();
    const auto checked = attestation::check_index_statement(ak(), a, s, about, kIndexName);
    ASSERT_OK(checked);
    EXPECT_TRUE(equal_bytes(checked->nv_contents, value));
    // Another record, another purpose, another index, another byte.
    EXPECT_FALSE(
        attestation::check_index_statement(ak(), a, s, audit_qualifying_data(audit::kForAnchor, 8, head), kIndexName));
    EXPECT_FALSE(
        attestation::check_index_statement(ak(), a, s, audit_qualifying_data(audit::kForLive, 7, head), kIndexName));
    EXPECT_FALSE(attestation::check_index_statement(
        ak(), a, s, about, attestation::nv_index_name(audit::kIndex + 1, audit::kIndexAttributes, 32)));
    Bytes changed = to_bytes(a);
    changed.back() ^= std::byte{1};
    EXPECT_FALSE(attestation::check_index_statement(ak(), changed, s, about, kIndexName));
}

TEST_F(Audit, ASealedSecretIsProvenMadeAndProvenDead) {
    const auto sealed = tpm_->seal(1, secret_of("call"));
    ASSERT_OK(sealed);
    const Digest made = audit_qualifying_data(audit::kForCreation, 3, digest_of_text("sealed"));
    const auto proof = tpm_->certify_sealed(*sealed, made);
    ASSERT_OK(proof);
    const auto creation = attestation::check_statement(ak(), proof->attest.view(), proof->signature.view(), made);
    ASSERT_OK(creation);
    EXPECT_EQ(creation->type, attestation::kTpmStAttestCreation);
    const auto name = attestation::sealed_name(sealed->public_area, attestation::sealed_policy(conditions(*sealed)));
    ASSERT_OK(name);
    EXPECT_EQ(creation->name, *name);
    EXPECT_TRUE(equal_bytes(creation->creation_hash, sha256(sealed->creation_data)));
    EXPECT_TRUE(attestation::check_creation_data(sealed->creation_data, 13, sealed->pcr_digest));
    EXPECT_FALSE(attestation::check_creation_data(sealed->creation_data, 13, {}));
    EXPECT_FALSE(attestation::check_creation_data(sealed->creation_data, 12, sealed->pcr_digest));
    auto other = conditions(*sealed);
    ++other.counter;
    EXPECT_FALSE(attestation::sealed_name(sealed->public_area, attestation::sealed_policy(other)));

    // The secret can still be used after the TPM was asked, and not after the end.
    EXPECT_TRUE(tpm_->unseal(*sealed));
    ASSERT_OK(tpm_->end_slot(1));
    EXPECT_FALSE(tpm_->unseal(*sealed));
    const Digest end = audit_qualifying_data(audit::kForEnd, 4, digest_of_text("destroyed"));
    const auto ended = tpm_->certify_counter(1, end);
    ASSERT_OK(ended);
    const auto counter = attestation::check_index_statement(
        ak(), ended->attest.view(), ended->signature.view(), end,
        attestation::nv_index_name(audit::kCounterIndex + 1, audit::kCounterAttributes, 8));
    ASSERT_OK(counter);
    EXPECT_GT(ByteReader(counter->nv_contents).u64().value(), sealed->counter);
    // Its making can be signed after its end as well: short calls are over before the TPM has time.
    EXPECT_TRUE(tpm_->certify_sealed(*sealed, made));
}

TEST_F(Audit, ASecretThatOpensWithoutItsPolicyIsNoSealedSecret) {
    const auto sealed = tpm_->seal(0, secret_of("call"));
    ASSERT_OK(sealed);
    const Digest policy = attestation::sealed_policy(conditions(*sealed));
    Bytes open = sealed->public_area;
    open[2 + 4 + 3] |= std::byte{0x40};  // userWithAuth
    EXPECT_FALSE(attestation::sealed_name(open, policy));
    open = sealed->public_area;
    open[2 + 4 + 3] &= std::byte{0xfd};  // not fixedTPM
    EXPECT_FALSE(attestation::sealed_name(open, policy));
    open = sealed->public_area;
    open.pop_back();
    EXPECT_FALSE(attestation::sealed_name(open, policy));
}

TEST_F(Audit, StatementsAreTheKeysForEverybodyWhateverPartnerWasServedLast) {
    const auto everybody = ak();
    ASSERT_OK(tpm_->use_ak("partner.example"));
    const Digest about = audit_qualifying_data(audit::kForAnchor, 1, {});
    const auto said = tpm_->certify_audit(about);
    ASSERT_OK(said);
    EXPECT_TRUE(
        attestation::check_index_statement(everybody, said->attest.view(), said->signature.view(), about, kIndexName));
}

}  // namespace
}  // namespace sealcall::tpm::test
