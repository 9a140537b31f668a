// Approvals of states to come, as their signer makes them. What a TPM says to them: ApprovalTest.
#include "attestation/state_approval.h"

#include <gtest/gtest.h>
#include <openssl/ec.h>

#include <set>

#include "attestation/binding.h"
#include "attestation/certificates.h"

namespace sealcall::attestation {
namespace {

TEST(StateApproval, IsSignedByItsApprover) {
    const PkeyPtr key = make_software_key().value();
    const Digest state = sha256(as_bytes("a state"));
    const auto approval = approve_state(13, state, 7, key.get());
    ASSERT_TRUE(approval);
    EXPECT_EQ(approval->state, state);
    EXPECT_EQ(approval->number, 7u);
    const Digest digest =
        sha256(ByteWriter().bytes(approved_state_policy(13, state, 7)).bytes(as_bytes(rats::kStateContext)).view());
    const EcdsaSigPtr sig(ECDSA_SIG_new());
    ASSERT_EQ(ECDSA_SIG_set0(sig.get(), BN_bin2bn(as_u8(approval->r.data()), 32, nullptr),
                             BN_bin2bn(as_u8(approval->s.data()), 32, nullptr)),
              1);
    const Bytes der = to_der(i2d_ECDSA_SIG, sig.get());
    const auto verdict = [&](EVP_PKEY* with) {
        const PkeyCtxPtr ctx(EVP_PKEY_CTX_new(with, nullptr));
        return EVP_PKEY_verify_init(ctx.get()) == 1 &&
               EVP_PKEY_verify(ctx.get(), as_u8(der.data()), der.size(), as_u8(digest.data()), digest.size()) == 1;
    };
    EXPECT_TRUE(verdict(key.get()));
    EXPECT_FALSE(verdict(make_software_key().value().get()));
}

TEST(StateApproval, EveryPartOfItCounts) {
    const Digest a = sha256(as_bytes("a")), b = sha256(as_bytes("b"));
    const std::set<Digest> policies{approved_state_policy(13, a, 1), approved_state_policy(13, b, 1),
                                    approved_state_policy(13, a, 2), approved_state_policy(14, a, 1)};
    EXPECT_EQ(policies.size(), 4u);
}

TEST(StateApproval, NeedsAP256Key) {
    const PkeyPtr other(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384"));
    ASSERT_TRUE(other);
    EXPECT_EQ(approve_state(13, {}, 1, other.get()).error().code, Errc::bad_key);
    EXPECT_EQ(approver_of(other.get()).error().code, Errc::bad_key);
}

}  // namespace
}  // namespace sealcall::attestation
