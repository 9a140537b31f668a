// A call secret that went through the TPM stays nowhere in this process but where its owner keeps it.
#include <gtest/gtest.h>
#include <sys/random.h>

#include <functional>
#include <semaphore>
#include <thread>

#include "tests/unit/tls/memory.h"
#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::tpm::test {
namespace {

using tls::test::Needle;

/// Runs `work` on a thread, and counts while that thread still stands where it ended, with its stack as it was left.
size_t left_after(const Needle& needle, const std::function<void()>& work) {
    std::binary_semaphore worked{0}, counted{0};
    const std::jthread thread([&] {
        work();
        worked.release();
        counted.acquire();
    });
    worked.acquire();
    const size_t found = needle.count();
    counted.release();
    return found;
}

class SecretInMemory : public PhoneTest {
  protected:
    void SetUp() override {
        if (!tls::test::kSearchable) GTEST_SKIP() << "not under a sanitizer";
        PhoneTest::SetUp();
        const auto bytes = secret_.reveal(SecretAccess{});
        ASSERT_EQ(::getrandom(bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    }
    Secret<32> secret_;
};

TEST_F(SecretInMemory, IsOnlyWithItsOwnerAfterSeal) {
    const Needle needle(secret_.reveal(SecretAccess{}));
    EXPECT_EQ(left_after(needle, [&] { ASSERT_OK(tpm_->seal(0, secret_)); }), 1U);
    secret_.clear();
    EXPECT_EQ(needle.count(), 0U);
}

TEST_F(SecretInMemory, IsOnlyWithItsOwnerAfterUnseal) {
    const Needle needle(secret_.reveal(SecretAccess{}));
    auto sealed = tpm_->seal(0, secret_);
    ASSERT_OK(sealed);
    secret_.clear();
    EXPECT_EQ(left_after(needle,
                         [&] {
                             auto back = tpm_->unseal(*sealed);
                             ASSERT_OK(back);
                             secret_ = std::move(*back);
                         }),
              1U);
    secret_.clear();
    EXPECT_EQ(needle.count(), 0U);
}

TEST_F(SecretInMemory, IsNowhereAfterRenewal) {
    const Needle needle(secret_.reveal(SecretAccess{}));
    auto sealed = tpm_->seal(0, secret_);
    ASSERT_OK(sealed);
    secret_.clear();
    EXPECT_EQ(left_after(needle, [&] { ASSERT_OK(tpm_->renew(*sealed)); }), 0U);
}

}  // namespace
}  // namespace sealcall::tpm::test
