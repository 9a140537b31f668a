// The vault's key and its PIN in a real (software) TPM: who gets the key back, and what a wrong PIN costs.
#include <gtest/gtest.h>

#include "enclave/tpm/templates.h"
#include "tests/unit/tls/memory.h"
#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::tpm::test {
namespace {

constexpr std::string_view kRight = "correct-horse", kWrong = "wrong-horse";

/// Embedded: without a boot secret the key is bound to the measurement.
class Pin : public PhoneTest {
  protected:
    void SetUp() override {
        auth_.clear();
        PhoneTest::SetUp();
        key_.reveal(SecretAccess{})[5] = std::byte{0x5a};
    }
    Result<Secret<32>> unseal(const IdentityBlobs& sealed, std::string_view pin) const {
        return tpm_->unseal_vault(sealed, as_bytes(pin));
    }
    IdentityBlobs sealed(std::string_view pin) {
        auto blobs = tpm_->seal_vault(key_, as_bytes(pin));
        EXPECT_TRUE(blobs) << blobs.error().what;
        return blobs ? *blobs : IdentityBlobs{};
    }
    PinTries tries() {
        auto t = tpm_->pin_tries();
        EXPECT_TRUE(t);
        return t ? *t : PinTries{};
    }
    Secret<32> key_;
};

TEST_F(Pin, GivesTheKeyBackToWhoKnowsIt) {
    const IdentityBlobs blobs = sealed(kRight);
    auto back = unseal(blobs, kRight);
    ASSERT_OK(back);
    EXPECT_TRUE(*back == key_);
}

TEST_F(Pin, IsNotNeededWhereNoneIsSet) {
    const IdentityBlobs blobs = sealed("");
    auto back = unseal(blobs, "");
    ASSERT_OK(back);
    EXPECT_TRUE(*back == key_);
}

TEST_F(Pin, WrongCostsATryThatTheTpmCounts) {
    const IdentityBlobs blobs = sealed(kRight);
    EXPECT_EQ(tries().most, kDaMaxTries);
    EXPECT_EQ(tries().left, kDaMaxTries);
    EXPECT_ERROR(unseal(blobs, kWrong), Errc::tpm_auth_refused);
    EXPECT_EQ(tries().left, kDaMaxTries - 1);
    EXPECT_ERROR(unseal(blobs, ""), Errc::tpm_auth_refused);
    EXPECT_EQ(tries().left, kDaMaxTries - 2);
    ASSERT_OK(unseal(blobs, kRight));  // does not give tries back: only time does
    EXPECT_EQ(tries().left, kDaMaxTries - 2);
    EXPECT_EQ(tries().one_more_in_s, kDaRecoverySeconds);
}

TEST_F(Pin, TooManyWrongOnesLockTheRightOneOut) {
    const IdentityBlobs blobs = sealed(kRight);
    for (uint32_t i = 0; i < kDaMaxTries; ++i) EXPECT_ERROR(unseal(blobs, kWrong), Errc::tpm_auth_refused);
    EXPECT_EQ(tries().left, 0U);
    EXPECT_ERROR(unseal(blobs, kRight), Errc::tpm_locked_out);
}

TEST_F(Pin, LockOutLeavesTheIdentityKeyAndTheCallsAlone) {
    const IdentityBlobs blobs = sealed(kRight);
    for (uint32_t i = 0; i <= kDaMaxTries; ++i) (void)unseal(blobs, kWrong);
    ASSERT_OK(tpm_->sign_identity(digest_of_text("still here")));
    auto call = tpm_->seal(0, key_);
    ASSERT_OK(call);
    ASSERT_OK(tpm_->unseal(*call));
    ASSERT_OK(tpm_->quote(digest_of_text("nonce")));
}

TEST_F(Pin, TriesStayLostOverARestart) {
    const IdentityBlobs blobs = sealed(kRight);
    for (uint32_t i = 0; i < 3; ++i) EXPECT_ERROR(unseal(blobs, kWrong), Errc::tpm_auth_refused);
    crash_and_restart();
    EXPECT_LE(tries().left, kDaMaxTries - 3);  // a stop without a word may cost one more
    ASSERT_OK(unseal(blobs, kRight));
}

TEST_F(Pin, DoesNotOpenForOtherPrograms) {
    const IdentityBlobs blobs = sealed(kRight);
    extend(13, "another program");
    EXPECT_ERROR(unseal(blobs, kRight), Errc::tpm_policy_refused);
    EXPECT_EQ(tries().left, kDaMaxTries);  // the policy fails before the PIN is looked at
}

TEST_F(Pin, OnlyAVaultsKeyIsTakenForOne) {
    IdentityBlobs blobs = sealed(kRight);
    EXPECT_FALSE(unseal(identity_, kRight));
    blobs.private_area[20] ^= std::byte{1};
    EXPECT_FALSE(unseal(blobs, kRight));
    EXPECT_FALSE(unseal({}, kRight));
}

TEST_F(Pin, AndKeyStayNowhereInMemory) {
    if (!tls::test::kSearchable) GTEST_SKIP() << "not under a sanitizer";
    std::array<std::byte, 24> typed{};
    for (size_t i = 0; i < typed.size(); ++i) typed[i] = static_cast<std::byte>('a' + (i * 7 + 3) % 23);
    const tls::test::Needle pin(typed);
    for (size_t i = 0; i < 32; ++i) key_.reveal(SecretAccess{})[i] = static_cast<std::byte>(0xb0 ^ (i * 29));
    const tls::test::Needle key(key_.reveal(SecretAccess{}));
    auto blobs = tpm_->seal_vault(key_, typed);
    ASSERT_OK(blobs);
    ASSERT_OK(tpm_->unseal_vault(*blobs, typed));
    typed[23] ^= std::byte{1};
    EXPECT_FALSE(tpm_->unseal_vault(*blobs, typed));
    wipe(typed.data(), typed.size());
    key_.clear();
    EXPECT_EQ(pin.count(), 0U);
    EXPECT_EQ(key.count(), 0U);
}

TEST_F(Pin, CounterOfAVaultOnlyCountsUp) {
    using enum Tpm::Count;
    EXPECT_EQ(tpm_->vault_counter(7, read).value(), 0U);
    auto first = tpm_->vault_counter(7, add);
    ASSERT_OK(first);
    EXPECT_GT(*first, 0U);
    crash_and_restart();
    EXPECT_EQ(tpm_->vault_counter(7, read).value(), *first);
    EXPECT_EQ(tpm_->vault_counter(7, add).value(), *first + 1);
    EXPECT_EQ(tpm_->vault_counter(8, read).value(), 0U);
}

/// Managed: the boot secret stands for the measurement, so that an approved update keeps the vault.
class PinWithBootSecret : public Pin {
  protected:
    void SetUp() override {
        PhoneTest::SetUp();
        key_.reveal(SecretAccess{})[5] = std::byte{0x5a};
    }
};

TEST_F(PinWithBootSecret, OpensAfterAnUpdateThatTheBootSecretSurvived) {
    const IdentityBlobs blobs = sealed(kRight);
    extend(13, "an approved update");
    auto back = unseal(blobs, kRight);
    ASSERT_OK(back);
    EXPECT_TRUE(*back == key_);
}

TEST_F(PinWithBootSecret, OpensNothingForWhoLacksTheBootSecret) {
    const IdentityBlobs with = sealed(kRight), without = sealed("");
    tpm_.reset();
    auth_ = to_bytes(as_bytes("another boot secret of 32 bytes!"));
    tpm_ = std::move(Tpm::open(swtpm_->connect(), options()).value());
    EXPECT_ERROR(unseal(with, kRight), Errc::tpm_auth_refused);
    EXPECT_ERROR(unseal(without, ""), Errc::tpm_auth_refused);
}

}  // namespace
}  // namespace sealcall::tpm::test
