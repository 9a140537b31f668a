// Calls between two real enclaves that obey administrators' policies.
#include <gtest/gtest.h>

#include "tests/support/policies.h"

namespace sealcall::test {
namespace {

using ipc::CallState;
using rats::Level;

constexpr const char* kAlice = "sip:alice@example.com";
constexpr const char* kBob = "sip:bob@example.com";

struct Pair {
    TestAuthority authority;
    EnclavePhone alice, bob;
    Hosts hosts;
    Pair(const Document& a, const Document& b)
        : alice(authority, obeying(authority, a, kAlice)),
          bob(authority, obeying(authority, b, kBob)),
          hosts(alice, bob) {}

    bool dial(std::string_view label, CallState until) {
        hosts.dial(kBob, label);
        return hosts.run_until([&] {
            const auto a = alice.last_state(), b = bob.last_state();
            return (a && a->state == until && (until == CallState::ended || (b && b->state == until))) ||
                   EnclavePhone::count<ipc::DialReply>(alice.from_ui) > 1;
        });
    }
    bool connect(std::string_view label = {}) { return dial(label, CallState::media); }
};

DocumentRule for_labels(uint16_t labels, DocumentRule rule) {
    rule.labels = labels;
    return rule;
}

TEST(PolicyCall, ARuleThatAllowsLetsTheCallThroughAndBothScreensShowTheLabel) {
    const Document d = lab_document({lab_rule("colleagues", Action::allow)});
    Pair p(d, d);
    ASSERT_TRUE(p.connect("restricted"));
    for (const EnclavePhone* phone : {&p.alice, &p.bob}) {
        const auto card = phone->last_card();
        EXPECT_EQ(card->label.view(), "restricted");
        EXPECT_EQ(card->decision.action, Action::allow);
        EXPECT_EQ(card->decision.number, 1);
        EXPECT_EQ(card->decision.name.view(), "colleagues");
    }
    const auto [a, b] = p.hosts.sound();
    EXPECT_GE(a, 8u);
    EXPECT_GE(b, 8u);
}

TEST(PolicyCall, TheCalleesPolicyRefusesARestrictedCallBelowItsLevelBeforeItRings) {
    const Document open = lab_document({lab_rule("all", Action::allow)});
    DocumentRule high = for_labels(4, lab_rule("restricted needs level 3", Action::allow));
    high.least = Level::trusted_boot;
    const Document strict = lab_document({high, for_labels(3, lab_rule("others", Action::allow))});
    Pair p(open, strict);
    ASSERT_TRUE(p.dial("restricted", CallState::ended));
    EXPECT_EQ(EnclavePhone::count<ipc::SendRinging>(p.bob.from_host), 0u);
    EXPECT_EQ(p.bob.last_card()->decision.action, Action::refuse);
    EXPECT_EQ(p.bob.last_card()->label.view(), "restricted");
    EXPECT_TRUE(noticed(p.bob, "with the label \"restricted\" was refused by policy before it rang"));
    EXPECT_EQ(p.bob.last_state()->reason, ipc::EndReason::peer_not_acceptable);
    EXPECT_NE(p.bob.audit_text().find("\"label\":\"restricted\""), std::string::npos);
    EXPECT_FALSE(p.bob.sounded());
    EXPECT_FALSE(p.alice.sounded());
}

TEST(PolicyCall, TheSameCallWithALowerLabelGoesThrough) {
    const Document open = lab_document({lab_rule("all", Action::allow)});
    const Document strict = lab_document({for_labels(3, lab_rule("others", Action::allow))});
    Pair p(open, strict);
    ASSERT_TRUE(p.connect("internal"));
}

TEST(PolicyCall, ALabelThatTheCalleesPolicyDoesNotKnowIsRefusedWithASentence) {
    Document caller = lab_document({lab_rule("all", Action::allow)});
    ASSERT_TRUE(caller.labels.push(BoundedString<64>("cosmic")));
    std::vector<DocumentRule> rules = caller.rules.items();
    rules[0].labels = 15;
    caller.rules = policy::test::list<DocumentRule, policy::kRulesMax>(rules);
    Pair p(caller, lab_document({lab_rule("all", Action::allow)}));
    ASSERT_TRUE(p.dial("cosmic", CallState::ended));
    EXPECT_EQ(p.bob.last_card()->decision.rule, policy::Rule::label_unknown);
    EXPECT_TRUE(noticed(p.bob, "does not know"));
}

TEST(PolicyCall, ALabelThatOnesOwnPolicyDoesNotKnowIsNotEvenDialled) {
    const Document d = lab_document({lab_rule("all", Action::allow)});
    Pair p(d, d);
    p.hosts.dial(kBob, "cosmic");
    ASSERT_TRUE(p.hosts.run_until([&] { return EnclavePhone::count<ipc::DialReply>(p.alice.from_ui) == 1; }));
    EXPECT_EQ(EnclavePhone::take<ipc::DialReply>(p.alice.from_ui)->reason, ipc::EndReason::refused_by_policy);
    EXPECT_TRUE(noticed(p.alice, "does not know"));
    EXPECT_EQ(EnclavePhone::count<ipc::PlaceCall>(p.alice.from_host), 0u);
}

TEST(PolicyCall, TheStricterSideWinsAndTheOtherScreenSaysSo) {
    Pair p(lab_document({lab_rule("all", Action::allow)}), lab_document({lab_rule("careful", Action::warn)}));
    ASSERT_TRUE(p.connect());
    EXPECT_EQ(p.bob.last_card()->decision.action, Action::warn);
    EXPECT_EQ(p.alice.last_card()->decision.action, Action::allow);
    EXPECT_EQ(p.alice.last_card()->peer_answer, Action::warn);
    EXPECT_EQ(p.bob.last_card()->peer_answer, Action::allow);
}

TEST(PolicyCall, TheStricterSideWinsWhoeverItIs) {
    const Document open = lab_document({lab_rule("all", Action::allow)}), closed = lab_document({});
    for (const bool caller_is_strict : {true, false}) {
        Pair p(caller_is_strict ? closed : open, caller_is_strict ? open : closed);
        ASSERT_TRUE(p.dial({}, CallState::ended)) << caller_is_strict;
        EXPECT_FALSE(p.alice.sounded());
        EXPECT_FALSE(p.bob.sounded());
    }
}

TEST(PolicyCall, ReceiveOnlyHasNoMicrophoneWhateverThePersonPresses) {
    Pair p(lab_document({lab_rule("listen", Action::receive_only)}), lab_document({lab_rule("all", Action::allow)}));
    ASSERT_TRUE(p.connect());
    EXPECT_EQ(p.bob.last_card()->peer_answer, Action::receive_only);
    auto [a, b] = p.hosts.sound();
    EXPECT_GE(a, 8u);
    EXPECT_EQ(b, 0u);
    ASSERT_TRUE(p.alice.ui.send(ipc::SetMicrophone{.call = CallId{1}, .on = true}).has_value());
    std::tie(a, b) = p.hosts.sound();
    EXPECT_GE(a, 8u);
    EXPECT_EQ(b, 0u);
    EXPECT_TRUE(noticed(p.alice, "listen to this call, not speak"));
}

TEST(PolicyCall, AnAnswerThatTakesThePinIsRefusedWhileThereIsNone) {
    Pair p(lab_document({lab_rule("all", Action::allow)}), lab_document({lab_rule("pin", Action::pin)}));
    ASSERT_TRUE(p.dial({}, CallState::ended));
    EXPECT_EQ(p.bob.last_card()->decision.rule, policy::Rule::pin_not_set);
    EXPECT_TRUE(noticed(p.bob, "asks for the PIN"));
}

constexpr const char* kPin = "a right pin";

/// One side's policy asks for the PIN, and its person has one.
struct PinPair {
    TestAuthority authority;
    EnclavePhone alice, bob;
    Hosts hosts{alice, bob};
    EnclavePhone& asked;
    explicit PinPair(bool caller)
        : alice(authority, options(kAlice, caller)),
          bob(authority, options(kBob, !caller)),
          asked(caller ? alice : bob) {
        EXPECT_EQ(asked.enter_pin(kPin)->error, Errc{});
    }
    PhoneOptions options(const char* uri, bool asks) const {
        const DocumentRule rule = asks ? lab_rule("with the PIN", Action::pin) : lab_rule("all", Action::allow);
        PhoneOptions o = obeying(authority, lab_document({rule}), uri);
        if (asks) o.vault_pin = kPin;
        return o;
    }
    std::optional<ipc::AskConsent> question() {
        (void)hosts.run_until([&] { return EnclavePhone::count<ipc::AskConsent>(asked.from_ui) != 0; });
        return EnclavePhone::take<ipc::AskConsent>(asked.from_ui);
    }
    bool talking() {
        return hosts.run_until([&] {
            return alice.last_state() && bob.last_state() && alice.last_state()->state == CallState::media &&
                   bob.last_state()->state == CallState::media;
        });
    }
};

TEST(PolicyCall, AnAnswerThatTakesThePinLetsItRingOnceItIsEnteredOnEitherSide) {
    for (const bool caller : {true, false}) {
        PinPair p(caller);
        p.hosts.dial(kBob);
        const auto asked = p.question();
        ASSERT_TRUE(asked) << caller;
        EXPECT_EQ(asked->decision.name.view(), "with the PIN");
        EXPECT_EQ(asked->why, rats::Reason::none);
        EXPECT_EQ(p.asked.enter_pin("no such pin", asked->question)->error, Errc::tpm_auth_refused);
        for (int i = 0; i < 50; ++i) p.hosts.turn();
        EXPECT_EQ(EnclavePhone::count<ipc::SendRinging>(p.bob.from_host), 0u);
        EXPECT_EQ(p.asked.enter_pin(kPin, asked->question)->error, Errc{});
        ASSERT_TRUE(p.talking()) << caller;
        EXPECT_EQ(p.asked.last_card()->decision.rule, policy::Rule::accepted_with_pin);
        EXPECT_EQ(p.asked.last_card()->decision.number, 1);
        const std::string log = p.asked.audit_text();
        EXPECT_NE(log.find("\"event\":\"consent\""), std::string::npos);
        EXPECT_NE(log.find("\"rule_name\":\"with the PIN\""), std::string::npos);
    }
}

TEST(PolicyCall, AConsentCountsForTheRuleThatAskedAndNoOther) {
    PinPair p(true);
    p.hosts.dial(kBob);
    const auto asked = p.question();
    ASSERT_TRUE(asked);
    EXPECT_EQ(p.asked.enter_pin(kPin, asked->question)->error, Errc{});
    ASSERT_TRUE(p.talking());
    const Document other = lab_document({lab_rule("also with the PIN", Action::pin)});
    p.alice.offer_bundle(p.authority.sign(bundle_with(p.authority, other, 9)));
    while (EnclavePhone::take<ipc::AskConsent>(p.asked.from_ui)) continue;  // the first one was withdrawn
    const auto again = p.question();
    ASSERT_TRUE(again);
    EXPECT_NE(again->question, asked->question);
    EXPECT_EQ(p.alice.last_state()->microphone, false);
    EXPECT_EQ(p.asked.enter_pin(kPin, again->question)->error, Errc{});
    ASSERT_TRUE(p.alice.ui.send(ipc::SetMicrophone{.call = p.hosts.a_call, .on = true}).has_value());
    ASSERT_TRUE(p.hosts.run_until([&] { return p.alice.last_state()->microphone; }));
}

TEST(PolicyCall, ThePersonsOwnWishesMakeItStricterOnly) {
    const Document d = lab_document({lab_rule("all", Action::warn)});
    TestAuthority authority;
    PhoneOptions strict = obeying(authority, d, kBob);
    strict.wishes.minimum = Level::trusted_boot;
    strict.wishes.below_minimum = Action::refuse;
    strict.policy.minimum = Level::known_device;  // what counts without a document has no say beside one
    EnclavePhone alice(authority, obeying(authority, d, kAlice)), bob(authority, strict);
    Hosts hosts(alice, bob);
    hosts.dial(kBob);
    ASSERT_TRUE(hosts.run_until([&] { return bob.last_state() && bob.last_state()->state == CallState::ended; }));
    EXPECT_EQ(bob.last_card()->decision.rule, policy::Rule::below_minimum_refused);
}

TEST(PolicyCall, AnUnknownSilentCallerIsNotAnsweredByPolicy) {
    Document d = lab_document({lab_rule("all", Action::allow)});
    d.unknown_callers = policy::UnknownCallers::silent;
    Pair p(lab_document({lab_rule("all", Action::allow)}), d);
    p.hosts.dial(kBob);
    ASSERT_TRUE(
        p.hosts.run_until([&] { return p.bob.last_state() && p.bob.last_state()->state == CallState::ringing; }));
    EXPECT_TRUE(p.bob.last_card()->decision.silent);
    EXPECT_FALSE(p.hosts.run_until([&] { return p.bob.last_state()->state == CallState::media; }, Millis{500}));
}

TEST(PolicyCall, ARuleSaysWhatHappensWhenTheLevelFalls) {
    DocumentRule holds = lab_rule("all", Action::allow), ends = holds;
    holds.on_worse = policy::OnWorse::hold;
    ends.on_worse = policy::OnWorse::end;
    for (const auto& [rule, done] : {std::pair(holds, ipc::OnFall::held), std::pair(ends, ipc::OnFall::ended)}) {
        Pair p(lab_document({rule}), lab_document({lab_rule("all", Action::allow)}));
        ASSERT_TRUE(p.connect());
        p.bob.extend(8, "a boot step that no log explains");
        ASSERT_TRUE(p.alice.ui.send(ipc::Recheck{.call = CallId{1}}).has_value());
        ASSERT_TRUE(
            p.hosts.run_until([&] { return EnclavePhone::count<ipc::Rechecked>(p.alice.from_ui) > 0; }, Millis{30000}));
        EXPECT_EQ(EnclavePhone::take<ipc::Rechecked>(p.alice.from_ui)->done, done);
    }
}

TEST(PolicyCall, WhatIsHeldWhileTheAnswerBecomesReceiveOnlyResumesWithoutAMicrophone) {
    DocumentRule open = lab_rule("all", Action::allow), listen = lab_rule("listen", Action::receive_only);
    open.on_worse = listen.on_worse = policy::OnWorse::hold;
    for (const bool held_before : {false, true}) {
        Pair p(lab_document({open}), lab_document({open}));
        ASSERT_TRUE(p.connect());
        const auto hold = [&](bool on) {
            ASSERT_TRUE(p.alice.ui.send(ipc::SetHold{.call = CallId{1}, .on = on}).has_value());
            const CallState wanted = on ? CallState::held : CallState::media;
            ASSERT_TRUE(p.hosts.run_until(
                [&] { return p.alice.last_state()->state == wanted && p.bob.last_state()->state == wanted; }));
        };
        if (held_before) hold(true);
        p.alice.offer_bundle(p.authority.sign(bundle_with(p.authority, lab_document({listen}), 9)));
        ASSERT_TRUE(p.hosts.run_until([&] {
            return p.alice.last_state()->state == CallState::held && p.bob.last_state()->state == CallState::held;
        }));
        ASSERT_TRUE(p.hosts.run_until([&] { return p.alice.last_card()->decision.action == Action::receive_only; }));
        hold(false);
        const auto [a, b] = p.hosts.sound();
        EXPECT_GE(a, 8u) << held_before;
        EXPECT_EQ(b, 0u) << held_before;
    }
}

TEST(PolicyCall, NobodyIsDialledByANameThatReadsTwoWays) {
    const Document d = lab_document({lab_rule("all", Action::allow)});
    Pair p(d, d);
    p.hosts.dial("sip:bob;a@example.com");
    ASSERT_TRUE(p.hosts.run_until([&] { return EnclavePhone::count<ipc::DialReply>(p.alice.from_ui) == 1; }));
    EXPECT_EQ(EnclavePhone::take<ipc::DialReply>(p.alice.from_ui)->reason, ipc::EndReason::refused_by_policy);
    EXPECT_TRUE(noticed(p.alice, "more than one way"));
    EXPECT_EQ(EnclavePhone::count<ipc::PlaceCall>(p.alice.from_host), 0u);
}

TEST(PolicyCall, WithoutALabelEachSideShowsAndRecordsTheOneItJudgesBy) {
    Document restricted = lab_document({lab_rule("all", Action::allow)}), open = restricted;
    restricted.default_label = 2;
    open.default_label = 0;
    Pair p(restricted, open);
    ASSERT_TRUE(p.connect());
    EXPECT_EQ(p.alice.last_card()->label.view(), "restricted");
    EXPECT_EQ(p.bob.last_card()->label.view(), "public");
    EXPECT_NE(p.alice.audit_text().find("\"label\":\"restricted\""), std::string::npos);
    EXPECT_NE(p.bob.audit_text().find("\"label\":\"public\""), std::string::npos);
}

TEST(PolicyCall, ABundleThatStrikesThePeerOffEndsTheCallAtOnce) {
    const Document d = lab_document({lab_rule("all", Action::allow)});
    Pair p(d, d);
    ASSERT_TRUE(p.connect());
    rats::Bundle b = bundle_with(p.authority, d, 9);
    ASSERT_TRUE(b.revoked.push(p.bob.identity_spki()));
    p.alice.offer_bundle(p.authority.sign(b));
    ASSERT_TRUE(p.hosts.run_until([&] { return p.alice.last_state()->state == CallState::ended; }));
    EXPECT_EQ(p.alice.last_state()->reason, ipc::EndReason::peer_failed_attestation);
}

TEST(PolicyCall, ANewerBundleIsObeyedByTheRunningPhoneAndItsCalls) {
    Pair p(lab_document({lab_rule("all", Action::allow)}), lab_document({lab_rule("all", Action::allow)}));
    ASSERT_TRUE(p.connect());
    p.alice.offer_bundle(
        p.authority.sign(bundle_with(p.authority, lab_document({lab_rule("listen", Action::receive_only)}), 9)));
    ASSERT_TRUE(p.hosts.run_until([&] { return p.alice.last_card()->decision.action == Action::receive_only; }));
    EXPECT_EQ(p.hosts.sound().second, 0u);
    EXPECT_EQ(p.alice.status()->bundle_version, 9u);
    EXPECT_TRUE(noticed(p.alice, "newer policy"));
    p.alice.start();  // the file of before is older than what the TPM remembers now
    EXPECT_EQ(p.alice.status()->bundle, ipc::BundleState::rolled_back);
}

TEST(PolicyRetention, NoRecordGoesEarlierThanThePolicyWants) {
    const TestAuthority authority;
    Document d = lab_document({lab_rule("colleagues", Action::allow)});
    const auto dropped = [&](uint16_t policy_days, uint32_t phone_days, bool bundle_is_there = true) {
        d.keep_days = policy_days;
        PhoneOptions o = obeying(authority, d, kAlice);
        if (!bundle_is_there) o.bundle = {};
        o.audit_drop = {.first = 0, .last = 9, .head = attestation::sha256({}), .keep_days = phone_days};
        const std::string text = EnclavePhone(authority, std::move(o)).audit_text();
        const size_t at = text.find("\"event\":\"dropped\"");
        return at == std::string::npos ? "" : text.substr(at, text.find("\"prev\"", at) - at);
    };
    EXPECT_EQ(dropped(90, 89), "") << "what is not recorded does not go";
    EXPECT_NE(dropped(90, 90).find("\"keep_days\":90,\"policy_days\":90"), std::string::npos);
    EXPECT_EQ(dropped(90, 90, false), "") << "whoever takes the bundle away gets nothing by it";
    EXPECT_NE(dropped(0, 1).find("\"keep_days\":1,\"policy_days\":0"), std::string::npos);
}

}  // namespace
}  // namespace sealcall::test
