// Who tries to get around the administrator's policy: hosts, peers, and whoever can write the profile.
#include <gtest/gtest.h>

#include "tests/support/policies.h"

namespace sealcall::test {
namespace {

using ipc::BundleState;
using ipc::CallState;
using rats::Level;

constexpr const char* kAlice = "sip:alice@example.com";
constexpr const char* kBob = "sip:bob@example.com";

class PolicyAttack : public ::testing::Test {
  protected:
    static Document open() { return lab_document({lab_rule("all", Action::allow)}); }
    /// Restricted matters need level 3, which nobody here has.
    static Document strict() {
        DocumentRule high = lab_rule("restricted needs level 3", Action::allow), rest = lab_rule("rest", Action::allow);
        high.labels = 4;
        high.least = Level::trusted_boot;
        rest.labels = 3;
        return lab_document({high, rest});
    }
    bool ended(Hosts& hosts, EnclavePhone& phone) {
        return hosts.run_until([&] { return phone.last_state() && phone.last_state()->state == CallState::ended; });
    }

    TestAuthority authority_;
};

TEST_F(PolicyAttack, AHostCannotForgeOrStripTheLabel) {
    // The label has no place in what the host is told or tells: it goes from ui into the channel. What a host can do is
    // to change bytes of the channel, and that ends it.
    EnclavePhone alice(authority_, obeying(authority_, open(), kAlice)),
        bob(authority_, obeying(authority_, strict(), kBob));
    Hosts hosts(alice, bob);
    bool host_saw_it = false;
    hosts.intercept = [&](EnclavePhone&, Bytes& raw) {
        const std::string_view text = as_chars(raw);
        host_saw_it = host_saw_it || text.find("restricted") != std::string_view::npos;
        return true;
    };
    hosts.dial(kBob, "restricted");
    ASSERT_TRUE(ended(hosts, bob));
    EXPECT_FALSE(host_saw_it);
    EXPECT_EQ(bob.last_card()->label.view(), "restricted");
    EXPECT_EQ(bob.last_card()->decision.action, Action::refuse);
}

TEST_F(PolicyAttack, AHostThatChangesTheChannelGetsNoCall) {
    EnclavePhone alice(authority_, obeying(authority_, open(), kAlice)),
        bob(authority_, obeying(authority_, strict(), kBob));
    Hosts hosts(alice, bob);
    int bodies = 0;
    hosts.intercept = [&](EnclavePhone& who, Bytes& raw) {
        if (auto out = ipc::decode_message<ipc::ChannelOut>(raw); out && &who == &alice && ++bodies == 2) {
            Bytes body = to_bytes(out->body.view());
            body[body.size() / 2] ^= std::byte{1};
            out->body = BoundedBytes<rats::kInfoBodyMax>(body);
            raw = ipc::encode_message(*out);
        }
        return true;
    };
    hosts.dial(kBob, "restricted");
    ASSERT_TRUE(ended(hosts, bob));
    EXPECT_FALSE(bob.sounded());
}

TEST_F(PolicyAttack, AHostThatSaysOrdinaryGetsNoMoreThanThePolicyGives) {
    // A proxy that answers 420 or strips headers: the rule that asks for keys end to end bounds what an ordinary phone
    // gets.
    const DocumentRule ordinary = policy::test::rule("ordinary", Action::warn, Level::unverified);
    const DocumentRule listen = lab_rule("listen", Action::receive_only);
    EnclavePhone alice(authority_, obeying(authority_, lab_document({listen, ordinary}), kAlice)),
        bob(authority_, obeying(authority_, lab_document({ordinary}), kBob));
    Hosts hosts(alice, bob);
    hosts.ordinary = true;
    hosts.dial(kBob);
    ASSERT_TRUE(hosts.run_until([&] { return alice.last_card().has_value(); }));
    EXPECT_EQ(alice.last_card()->decision.action, Action::receive_only);
    EXPECT_EQ(alice.last_card()->decision.rule, policy::Rule::document_bound);
    EXPECT_EQ(bob.last_card()->decision.action, Action::warn);
}

TEST_F(PolicyAttack, WithoutARuleForThemOrdinaryPhonesAreRefusedWhateverTheConfigurationSays) {
    PhoneOptions a = obeying(authority_, open(), kAlice);
    a.policy.ordinary_phones = Action::allow;
    EnclavePhone alice(authority_, a), bob(authority_, obeying(authority_, open(), kBob));
    Hosts hosts(alice, bob);
    hosts.ordinary = true;
    hosts.dial(kBob);
    ASSERT_TRUE(ended(hosts, alice));
    EXPECT_EQ(alice.last_state()->reason, ipc::EndReason::peer_is_ordinary);
}

TEST_F(PolicyAttack, TakingTheBundleAwayDoesNotTakeThePolicyAway) {
    PhoneOptions a = obeying(authority_, open(), kAlice);
    a.bundle = {};
    a.policy.ordinary_phones = Action::allow;
    EnclavePhone alice(authority_, a), bob(authority_, obeying(authority_, open(), kBob));
    Hosts hosts(alice, bob);
    hosts.ordinary = true;
    hosts.dial(kBob);
    ASSERT_TRUE(hosts.run_until([&] { return EnclavePhone::count<ipc::DialReply>(alice.from_ui) == 1; }));
    EXPECT_EQ(EnclavePhone::take<ipc::DialReply>(alice.from_ui)->reason, ipc::EndReason::refused_by_policy);
    EXPECT_TRUE(noticed(alice, "cannot be read or believed"));
}

TEST_F(PolicyAttack, AnOlderPolicyIsRefusedAtTheStart) {
    EnclavePhone alice(authority_, obeying(authority_, bundle_with(authority_, strict(), 9), kAlice));
    EXPECT_EQ(alice.status()->bundle, BundleState::good);
    alice.replace_bundle(authority_.sign(bundle_with(authority_, open(), 8)));
    alice.start();
    EXPECT_EQ(alice.status()->bundle, BundleState::rolled_back);
    ASSERT_TRUE(
        alice.ui.send(ipc::Dial{.request = RequestId{1}, .uri = BoundedString<256>(kBob), .label = {}}).has_value());
    for (int i = 0; i < 50 && EnclavePhone::count<ipc::DialReply>(alice.from_ui) == 0; ++i) alice.pump();
    EXPECT_EQ(EnclavePhone::take<ipc::DialReply>(alice.from_ui)->reason, ipc::EndReason::refused_by_policy);
}

TEST_F(PolicyAttack, WhatIsPutIntoTheProfileOfARunningPhoneIsRefusedAndTheLastGoodPolicyStays) {
    EnclavePhone alice(authority_, obeying(authority_, bundle_with(authority_, strict(), 9), kAlice)),
        bob(authority_, obeying(authority_, open(), kBob));
    const TestAuthority other("Example Corp");
    rats::Bundle broken = bundle_with(authority_, open(), 10), unknown = broken, overdue = broken, future = broken;
    Bytes one_more = to_bytes(broken.policy.view());
    one_more.push_back(std::byte{0});
    broken.policy = BoundedBytes<rats::kPolicyMax>(ByteSpan(one_more).first(20));
    unknown.policy = BoundedBytes<rats::kPolicyMax>(one_more);
    overdue.next_update_ms = wall_ms() - 1000;
    future.issued_ms = wall_ms() + 3'600'000;
    Bytes changed = authority_.sign(bundle_with(authority_, open(), 10));
    changed[changed.size() / 2] ^= std::byte{1};
    const std::vector<std::pair<const char*, Bytes>> attempts{
        {"it is older", authority_.sign(bundle_with(authority_, open(), 8))},
        {"it is not signed by the authority", other.sign(bundle_with(authority_, open(), 10))},
        {"it is not signed by the authority", changed},
        {"in a form that this phone does not know", authority_.sign(broken)},
        {"in a form that this phone does not know", authority_.sign(unknown)},
        {"its next update is overdue", authority_.sign(overdue)},
        {"it was issued in the future", authority_.sign(future)},
        {"it is not signed by the authority", Bytes(3, std::byte{0xff})},
    };
    for (const auto& [why, bytes] : attempts) {
        alice.from_ui.clear();
        alice.offer_bundle(bytes);
        for (int i = 0; i < 200 && !noticed(alice, why); ++i) alice.pump();
        EXPECT_TRUE(noticed(alice, why));
        EXPECT_TRUE(noticed(alice, "The last good one, and its policy, stay in force"));
        EXPECT_EQ(alice.status()->bundle_version, 9u);
        EXPECT_EQ(alice.status()->bundle, BundleState::good);
    }
    Hosts hosts(alice, bob);
    hosts.dial(kBob, "restricted");
    ASSERT_TRUE(ended(hosts, alice));
    EXPECT_EQ(alice.last_card()->decision.action, Action::refuse);
    EXPECT_NE(alice.audit_text().find("\"bundle_refused\""), std::string::npos);
}

TEST_F(PolicyAttack, ALauncherThatSendsPiecesOutOfTurnBreaksTheRules) {
    EnclavePhone alice(authority_, obeying(authority_, open(), kAlice));
    ASSERT_TRUE(alice.control.send(ipc::NewBundle{.size = 100, .offset = 50, .bytes = {}}).has_value());
    const BootInstant until = BootClock::now() + Millis{10'000};  // its last anchor takes the TPM a moment
    while (!alice.ended() && BootClock::now() < until) alice.pump();
    EXPECT_TRUE(alice.ended());
}

TEST_F(PolicyAttack, ABlockedCallerIsRefusedBeforeOurTpmSignsAnything) {
    Document d = open();
    d.names = policy::test::list<policy::Name, policy::kNamesMax>({policy::test::name(kAlice, {2})});
    EnclavePhone alice(authority_, obeying(authority_, open(), kAlice)), bob(authority_, obeying(authority_, d, kBob));
    Hosts hosts(alice, bob);
    hosts.dial(kBob);
    ASSERT_TRUE(ended(hosts, bob));
    EXPECT_TRUE(noticed(bob, "blocks this caller"));
    // Nothing of Bob's went out but the first flight of TLS, which holds no certificate and no signature.
    EXPECT_EQ(hosts.channel_to_a.size(), 2u);  // ClientHello, and the alert
    EXPECT_FALSE(bob.last_card().has_value());
}

TEST_F(PolicyAttack, WhoCallsTooOftenIsRefusedAndTheScreenIsNotFlooded) {
    Document d = open();
    d.per_caller = {.calls = 2, .seconds = 3600};
    EnclavePhone alice(authority_, obeying(authority_, open(), kAlice)), bob(authority_, obeying(authority_, d, kBob));
    for (uint32_t i = 1; i <= 5; ++i) {
        Hosts hosts(alice, bob);
        alice.from_ui.clear();
        hosts.dial(kBob);
        if (i <= 2) {
            ASSERT_TRUE(hosts.run_until([&] {
                return alice.last_state() && alice.last_state()->state == CallState::media;
            })) << i;
            ASSERT_TRUE(alice.ui.send(ipc::HangUp{.call = CallId{i}}).has_value());
        }
        ASSERT_TRUE(hosts.run_until([&] {
            return alice.last_state() && alice.last_state()->state == CallState::ended && bob.last_state() &&
                   bob.last_state()->state == CallState::ended;
        })) << i;
    }
    size_t told = 0;
    for (const Bytes& b : bob.from_ui)
        if (auto m = ipc::decode_message<ipc::Notice>(b);
            m && m->text.view().find("calls too often") != std::string_view::npos)
            ++told;
    EXPECT_EQ(told, 1u);
}

}  // namespace
}  // namespace sealcall::test
