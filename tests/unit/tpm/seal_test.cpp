#include <signal.h>

#include <thread>

#include "enclave/tpm/policy_digest.h"
#include "enclave/tpm/templates.h"
#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::tpm::test {
namespace {

constexpr ESYS_TR kNone = ESYS_TR_NONE;

Secret<32> secret_of(std::string_view text) { return *Secret<32>::from(digest_of_text(text)); }

class Seal : public PhoneTest {
  protected:
    uint64_t tpm_clock(Esys& esys) const {
        EsysPtr<TPMS_TIME_INFO> info;
        EXPECT_EQ(Esys_ReadClock(esys.context(), kNone, kNone, kNone, info.out()), 0U);
        return info->clockInfo.clock;
    }
    void set_tpm_clock(Esys& esys, uint64_t to) const {
        ASSERT_EQ(Esys_ClockSet(esys.context(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, kNone, kNone, to), 0U);
    }
    void undefine(uint8_t slot) const {
        auto other = stranger();
        ESYS_TR nv = kNone;
        ASSERT_EQ(Esys_TR_FromTPMPublic(other->context(), kCounterHandle + slot, kNone, kNone, kNone, &nv), 0U);
        ASSERT_EQ(Esys_NV_UndefineSpace(other->context(), ESYS_TR_RH_OWNER, nv, ESYS_TR_PASSWORD, kNone, kNone), 0U);
    }
    void define(uint8_t slot, TPMA_NV attributes, ByteSpan auth_value, bool written) const {
        auto other = stranger();
        TPM2B_NV_PUBLIC pub{};
        pub.nvPublic = counter_public(slot, 0);
        pub.nvPublic.attributes = attributes;
        TPM2B_AUTH auth{};
        ASSERT_OK(fill(auth.size, auth.buffer, auth_value));
        ESYS_TR nv = kNone;
        ASSERT_EQ(
            Esys_NV_DefineSpace(other->context(), ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, kNone, kNone, &auth, &pub, &nv),
            0U);
        if (written) {
            ASSERT_EQ(Esys_NV_Increment(other->context(), nv, nv, ESYS_TR_PASSWORD, kNone, kNone), 0U);
        }
    }
};

TEST_F(Seal, GivesTheSecretBackWhileTheCallLives) {
    const Secret<32> secret = secret_of("call");
    auto sealed = tpm_->seal(2, secret);
    ASSERT_OK(sealed);
    EXPECT_EQ(sealed->slot, 2);
    for (int i = 0; i < 3; ++i) {
        auto back = tpm_->unseal(*sealed);
        ASSERT_OK(back);
        EXPECT_TRUE(*back == secret);
    }
}

TEST_F(Seal, ACopiedBlobIsDeadAfterTheCall) {
    auto sealed = tpm_->seal(1, secret_of("call"));
    ASSERT_OK(sealed);
    SealedSecret copy = *sealed;
    auto ended = tpm_->end_slot(1);
    ASSERT_OK(ended);
    EXPECT_EQ(*ended, sealed->counter + 1);
    EXPECT_ERROR_RC(tpm_->unseal(copy), Errc::tpm_policy_refused, 0x126);
    copy.counter = *ended;  // claiming the counter's new value
    EXPECT_ERROR_RC(tpm_->unseal(copy), Errc::tpm_policy_refused, 0x99d);
    EXPECT_ERROR(tpm_->renew(*sealed), Errc::tpm_policy_refused);
}

TEST_F(Seal, EndingOneSlotLeavesTheOthersAlone) {
    auto a = tpm_->seal(0, secret_of("a"));
    auto b = tpm_->seal(3, secret_of("b"));
    ASSERT_OK(a);
    ASSERT_OK(b);
    ASSERT_OK(tpm_->end_slot(0));
    EXPECT_ERROR(tpm_->unseal(*a), Errc::tpm_policy_refused);
    auto back = tpm_->unseal(*b);
    ASSERT_OK(back);
    EXPECT_TRUE(*back == secret_of("b"));
}

TEST_F(Seal, ABlobCannotBeMovedToAnotherSlot) {
    auto a = tpm_->seal(0, secret_of("a"));
    ASSERT_OK(a);
    a->slot = 1;
    EXPECT_ERROR(tpm_->unseal(*a), Errc::tpm_policy_refused);
    auto counter = tpm_->end_slot(1);
    ASSERT_OK(counter);
    a->counter = *counter;
    EXPECT_FALSE(tpm_->unseal(*a));
}

TEST_F(Seal, PcrChangeRefusesTheSecret) {
    auto sealed = tpm_->seal(0, secret_of("a"));
    ASSERT_OK(sealed);
    extend(13, "an unapproved program");
    EXPECT_ERROR_RC(tpm_->unseal(*sealed), Errc::tpm_policy_refused, 0x99d);
}

TEST_F(Seal, WrongAuthValueRefusesTheSecret) {
    auto sealed = tpm_->seal(0, secret_of("a"));
    ASSERT_OK(sealed);
    auth_ = to_bytes(as_bytes("wrong"));
    open_loaded();
    EXPECT_ERROR(tpm_->unseal(*sealed), Errc::tpm_auth_refused);
}

TEST_F(Seal, LeaseEndsWithTheTpmsClock) {
    auto sealed = tpm_->seal(0, secret_of("a"));
    ASSERT_OK(sealed);
    EXPECT_GE(tpm_->lease(), Millis(60'000));
    auto other = stranger();
    const uint64_t now = tpm_clock(*other);
    EXPECT_GT(sealed->lease_until_ms, now + 50'000);
    EXPECT_LE(sealed->lease_until_ms, now + static_cast<uint64_t>(tpm_->lease().count()));
    ASSERT_OK(tpm_->unseal(*sealed));
    set_tpm_clock(*other, sealed->lease_until_ms);
    EXPECT_ERROR_RC(tpm_->unseal(*sealed), Errc::tpm_policy_refused, 0x126);
    SealedSecret longer = *sealed;  // claiming a longer lease
    longer.lease_until_ms += 3'600'000;
    EXPECT_ERROR_RC(tpm_->unseal(longer), Errc::tpm_policy_refused, 0x99d);
}

TEST_F(Seal, RenewalOutlivesTheFirstLease) {
    auto first = tpm_->seal(0, secret_of("a"));
    ASSERT_OK(first);
    auto other = stranger();
    set_tpm_clock(*other, first->lease_until_ms - 10'000);
    auto second = tpm_->renew(*first);
    ASSERT_OK(second);
    EXPECT_EQ(second->counter, first->counter);
    EXPECT_GT(second->lease_until_ms, first->lease_until_ms + 40'000);
    set_tpm_clock(*other, first->lease_until_ms + 1);
    EXPECT_ERROR(tpm_->unseal(*first), Errc::tpm_policy_refused);
    EXPECT_ERROR(tpm_->renew(*first), Errc::tpm_policy_refused);
    auto back = tpm_->unseal(*second);
    ASSERT_OK(back);
    EXPECT_TRUE(*back == secret_of("a"));
    ASSERT_OK(tpm_->end_slot(0));
    EXPECT_ERROR(tpm_->unseal(*second), Errc::tpm_policy_refused);
}

TEST_F(Seal, NothingSurvivesACrashOfTheTpm) {
    auto sealed = tpm_->seal(0, secret_of("a"));
    ASSERT_OK(sealed);
    crash_and_restart();
    EXPECT_ERROR(tpm_->unseal(*sealed), Errc::tpm_policy_refused);
    // Even where the counter still stood at the value, resetCount would refuse.
    auto counter = tpm_->end_slot(0);
    ASSERT_OK(counter);
    EXPECT_GT(*counter, sealed->counter);  // an ORDERLY counter jumps ahead, never back
    auto again = tpm_->seal(0, secret_of("b"));
    ASSERT_OK(again);
    ASSERT_OK(tpm_->unseal(*again));
}

TEST_F(Seal, NothingSurvivesAnOrderlyReset) {
    auto sealed = tpm_->seal(0, secret_of("a"));
    ASSERT_OK(sealed);
    ASSERT_OK(tpm_->shutdown());
    tpm_.reset();
    swtpm_.reset();
    swtpm_ = std::make_unique<Swtpm>(dir_.path());
    open_loaded();
    auto counter = tpm_->end_slot(1);  // the TPM works
    ASSERT_OK(counter);
    EXPECT_ERROR_RC(tpm_->unseal(*sealed), Errc::tpm_policy_refused, 0x99d);  // the counter stands; resetCount does not
}

TEST_F(Seal, UndefiningAndRedefiningTheCounterDoesNotBringASecretBack) {
    auto sealed = tpm_->seal(0, secret_of("a"));
    ASSERT_OK(sealed);
    ASSERT_OK(tpm_->end_slot(0));
    undefine(0);
    ASSERT_OK(tpm_->provision());  // makes it anew, exactly as before
    open_loaded();
    EXPECT_ERROR(tpm_->unseal(*sealed), Errc::tpm_policy_refused);
    auto counter = tpm_->end_slot(0);
    ASSERT_OK(counter);
    EXPECT_GT(*counter, sealed->counter + 1);
}

TEST_F(Seal, ACounterOfAnotherKindIsNeverUsed) {
    tpm_.reset();
    undefine(2);
    // An ordinary index: its owner could write any value at any time.
    define(2, TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA | TPMA_NV_OWNERWRITE, {}, false);
    auto tpm = Tpm::open(swtpm_->connect(), options());
    ASSERT_OK(tpm);
    EXPECT_ERROR_RC((*tpm)->load(identity_), Errc::tpm_not_provisioned, kCounterHandle + 2);
    EXPECT_ERROR_RC((*tpm)->provision(), Errc::tpm_not_provisioned, kCounterHandle + 2);
}

TEST_F(Seal, ACounterThatOthersMayIncrementIsNeverUsed) {
    tpm_.reset();
    undefine(0);
    define(0, counter_public(0, 0).attributes | TPMA_NV_OWNERWRITE, {}, true);
    auto tpm = Tpm::open(swtpm_->connect(), options());
    ASSERT_OK(tpm);
    EXPECT_ERROR((*tpm)->load(identity_), Errc::tpm_not_provisioned);
}

TEST_F(Seal, ACounterWithAStrangersAuthValueIsRefused) {
    tpm_.reset();
    undefine(0);
    define(0, counter_public(0, 0).attributes, as_bytes("stranger"), true);
    open_loaded();
    EXPECT_ERROR(tpm_->end_slot(0), Errc::tpm_auth_refused);
    EXPECT_ERROR(tpm_->seal(0, {}), Errc::tpm_auth_refused);
}

TEST_F(Seal, AMissingCounterIsSaid) {
    tpm_.reset();
    undefine(3);
    auto tpm = Tpm::open(swtpm_->connect(), options());
    ASSERT_OK(tpm);
    EXPECT_ERROR_RC((*tpm)->load(identity_), Errc::tpm_not_provisioned, kCounterHandle + 3);
}

TEST_F(Seal, SlotsOutsideTheFourAreRefused) {
    EXPECT_ERROR(tpm_->end_slot(4), Errc::bad_value);
    EXPECT_ERROR(tpm_->seal(4, {}), Errc::bad_value);
    SealedSecret s;
    s.slot = 255;
    EXPECT_ERROR(tpm_->unseal(s), Errc::bad_value);
}

TEST_F(Seal, DamagedBlobsAreRefusedAndTheTpmStaysUsable) {
    auto sealed = tpm_->seal(0, secret_of("a"));
    ASSERT_OK(sealed);
    for (size_t i = 0; i < sealed->private_area.size(); i += 13) {
        SealedSecret bad = *sealed;
        bad.private_area[i] ^= std::byte{0x80};
        EXPECT_FALSE(tpm_->unseal(bad)) << i;
    }
    for (size_t i = 0; i < sealed->public_area.size(); i += 7) {
        SealedSecret bad = *sealed;
        bad.public_area[i] ^= std::byte{0x01};
        EXPECT_FALSE(tpm_->unseal(bad)) << i;
        bad.public_area.resize(i);
        EXPECT_FALSE(tpm_->unseal(bad)) << i;
    }
    ASSERT_OK(tpm_->unseal(*sealed));
    ASSERT_OK(tpm_->sign_identity({}));
}

}  // namespace
}  // namespace sealcall::tpm::test
