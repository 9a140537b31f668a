// Who can write the profile brings other bundles: none of them makes a peer look better, and none goes unnoticed.
#include <gtest/gtest.h>

#include "attestation/binding.h"
#include "tests/support/enclave_phone.h"

namespace sealcall::test {
namespace {

using ipc::BundleState;
using rats::Level;
using rats::Reason;

class BundleTest : public ::testing::Test {
  protected:
    PhoneOptions believing(const Bytes& bundle, uint64_t pinned_version = 5) const {
        PhoneOptions o{.uri = "sip:alice@example.com"};
        o.bundle = bundle;
        o.bundle_signer = authority_.spki();
        o.pin = tpm::AuthorityPin{.signer = attestation::sha256(authority_.spki()), .oldest_version = pinned_version};
        // Nothing may be refused before the level is on the card.
        o.policy.minimum = Level::unverified;
        return o;
    }
    /// What Alice sees of Bob after she dialled him.
    static rats::AttestationResult seen_by(EnclavePhone& alice, EnclavePhone& bob) {
        Hosts hosts(alice, bob);
        hosts.dial("sip:bob@example.com");
        EXPECT_TRUE(hosts.run_until([&] {
            auto card = alice.last_card();
            return card && card->theirs_at_ms != 0;
        }));
        auto card = alice.last_card();
        return card ? card->theirs : rats::AttestationResult{};
    }
    /// Whoever does not know what the administrator wants calls nobody, and nobody gets through.
    void expect_no_call(EnclavePhone& alice) {
        Hosts out(alice, bob_);
        out.dial("sip:bob@example.com");
        EXPECT_TRUE(out.run_until([&] { return EnclavePhone::count<ipc::DialReply>(alice.from_ui) != 0; }));
        const auto reply = EnclavePhone::take<ipc::DialReply>(alice.from_ui);
        EXPECT_TRUE(reply && reply->reason == ipc::EndReason::refused_by_policy);
        EnclavePhone caller(authority_, {.uri = "sip:carl@example.com"});
        Hosts in(caller, alice);
        in.dial("sip:alice@example.com");
        EXPECT_TRUE(
            in.run_until([&] { return caller.last_state() && caller.last_state()->state == ipc::CallState::ended; }));
        const auto card = alice.last_card();
        EXPECT_TRUE(card && card->decision.rule == policy::Rule::policy_missing);
        EXPECT_TRUE(card && card->theirs.level == Level::unverified);
        EXPECT_EQ(EnclavePhone::count<ipc::SendRinging>(alice.from_host), 0u);
    }
    static bool says(const rats::AttestationResult& r, Reason reason) {
        return std::ranges::count(r.reasons.items(), reason) != 0;
    }
    static BundleState state_of(EnclavePhone& phone) { return phone.status().value().bundle; }

    TestAuthority authority_;
    EnclavePhone bob_{authority_, {.uri = "sip:bob@example.com"}};
};

TEST_F(BundleTest, AGoodBundleIsBelievedAndShown) {
    EnclavePhone alice(authority_, believing(authority_.sign(authority_.bundle(6, 7))));
    const auto status = alice.status().value();
    EXPECT_EQ(status.bundle, BundleState::good);
    EXPECT_EQ(status.bundle_version, 6u);
    EXPECT_GT(status.bundle_next_update_ms, wall_ms());
    EXPECT_EQ(seen_by(alice, bob_).level, Level::measured);
}

TEST_F(BundleTest, AStruckOffIdentityFails) {
    rats::Bundle b = authority_.bundle(6, 7);
    ASSERT_TRUE(b.revoked.push(bob_.identity_spki()));
    EnclavePhone alice(authority_, believing(authority_.sign(b)));
    const auto seen = seen_by(alice, bob_);
    EXPECT_EQ(seen.level, Level::failed);
    EXPECT_TRUE(says(seen, Reason::attestation_key_revoked));
}

TEST_F(BundleTest, AStaleBundleLeavesEverybodyUnverifiedAndTheStruckOffFailed) {
    EnclavePhone alice(authority_, believing(authority_.sign(authority_.bundle(6, -1))));
    EXPECT_EQ(state_of(alice), BundleState::stale);
    const auto notice = EnclavePhone::take<ipc::Notice>(alice.from_ui);
    ASSERT_TRUE(notice);
    EXPECT_EQ(notice->kind, ipc::NoticeKind::bundle);
    const auto seen = seen_by(alice, bob_);
    EXPECT_EQ(seen.level, Level::unverified);
    EXPECT_TRUE(says(seen, Reason::revocation_list_stale));

    rats::Bundle b = authority_.bundle(6, -1);
    ASSERT_TRUE(b.revoked.push(bob_.identity_spki()));
    PhoneOptions another = believing(authority_.sign(b));
    another.uri = "sip:carol@example.com";  // bob remembers alice's device
    EnclavePhone carol(authority_, another);
    EXPECT_EQ(seen_by(carol, bob_).level, Level::failed);
}

TEST_F(BundleTest, AnOlderBundleThanEverAcceptedIsRefused) {
    EnclavePhone alice(authority_, believing(authority_.sign(authority_.bundle(9, 7))));
    EXPECT_EQ(state_of(alice), BundleState::good);
    alice.replace_bundle(authority_.sign(authority_.bundle(8, 7)));
    alice.start();
    EXPECT_EQ(state_of(alice), BundleState::rolled_back);
    expect_no_call(alice);
    alice.replace_bundle(authority_.sign(authority_.bundle(9, 7)));
    alice.start();
    EXPECT_EQ(state_of(alice), BundleState::good);
}

TEST_F(BundleTest, ABundleOfAnotherSignerIsRefused) {
    const TestAuthority other("Example Corp");
    EnclavePhone alice(authority_, believing(other.sign(authority_.bundle(6, 7))));
    EXPECT_EQ(state_of(alice), BundleState::bad);
    expect_no_call(alice);
}

TEST_F(BundleTest, ASignerThatTheTpmDoesNotConfirmIsRefused) {
    const TestAuthority other("Example Corp");
    PhoneOptions o = believing(other.sign(authority_.bundle(6, 7)));
    o.bundle_signer = other.spki();  // the profile names another signer than enrolment did
    EnclavePhone alice(authority_, o);
    EXPECT_EQ(state_of(alice), BundleState::not_pinned);
    expect_no_call(alice);
}

TEST_F(BundleTest, ABundleThatWasTakenAwayIsMissedEvenWhenTheProfileForgetsIt) {
    PhoneOptions o = believing({});
    EnclavePhone alice(authority_, o);
    EXPECT_EQ(state_of(alice), BundleState::missing);
    o.bundle_signer = {};
    EnclavePhone carol(authority_, o);
    EXPECT_EQ(state_of(carol), BundleState::missing) << "the TPM remembers that there was one";
    expect_no_call(carol);
}

TEST_F(BundleTest, ABundleFromTheFutureMeansThatTheClockIsWrong) {
    rats::Bundle b = authority_.bundle(6, 7);
    b.issued_ms = wall_ms() + 3'600'000;
    EnclavePhone alice(authority_, believing(authority_.sign(b)));
    EXPECT_EQ(state_of(alice), BundleState::clock_wrong);
    const auto seen = seen_by(alice, bob_);
    EXPECT_EQ(seen.level, Level::unverified);
    EXPECT_TRUE(says(seen, Reason::clock_wrong));
}

TEST_F(BundleTest, AnchorsAreThoseOfTheBundle) {
    const TestAuthority other("Elsewhere");
    rats::Bundle b = authority_.bundle(6, 7);
    b.anchors = {};
    ASSERT_TRUE(b.anchors.push(other.root()));
    EnclavePhone alice(authority_, believing(authority_.sign(b)));
    Hosts hosts(alice, bob_);
    EXPECT_FALSE(hosts.connect()) << "Bob's authority is no anchor any more";
}

TEST_F(BundleTest, WithoutABundleThingsAreAsBefore) {
    EnclavePhone alice(authority_, {.uri = "sip:alice@example.com"});
    EXPECT_EQ(state_of(alice), BundleState::none);
    EXPECT_EQ(seen_by(alice, bob_).level, Level::measured);
}

}  // namespace
}  // namespace sealcall::test
