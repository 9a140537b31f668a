// The gate: every condition by itself keeps media shut. And the one way in which a PIN changes a decision.
#include "enclave/release_gate.h"

#include <gtest/gtest.h>

#include "enclave/consent.h"

namespace sealcall::enclave {
namespace {

ReleaseConditions good() {
    return {.session = SessionId{7},
            .ordinary = false,
            .level = rats::Level::measured,
            .decision = {.action = policy::Action::allow, .rule = policy::Rule::meets_minimum},
            .peer_agreed = true,
            .is_winner = true,
            .answered = true};
}

TEST(ReleaseGate, OpensWhenEverythingHolds) {
    auto grant = ReleaseGate::release(good());
    ASSERT_TRUE(grant);
    EXPECT_EQ(grant->session(), SessionId{7});
}

TEST(ReleaseGate, StaysShutWhenAnyOneConditionFails) {
    for (int i = 0; i < 7; ++i) {
        ReleaseConditions c = good();
        if (i == 0) c.level = rats::Level::failed;
        if (i == 1) c.decision.action = policy::Action::refuse;
        if (i == 2) c.peer_agreed = false;
        if (i == 3) c.is_winner = false;  // another fork of the same dial was answered
        if (i == 4) c.answered = false;
        if (i == 5) c.ordinary = true;                        // an ordinary call never has a level
        if (i == 6) c.decision.action = policy::Action::pin;  // which nobody entered
        EXPECT_FALSE(ReleaseGate::release(c)) << i;
    }
}

TEST(ReleaseGate, IsShutByDefault) { EXPECT_FALSE(ReleaseGate::release(ReleaseConditions{})); }

rats::AttestationResult at(rats::Level level, bool lab = false) {
    rats::AttestationResult r;
    r.level = level;
    r.lab = lab;
    return r;
}

constexpr auto kNothing = rats::Reason::none;
const policy::Decision kAsks{.action = policy::Action::pin, .rule = policy::Rule::document_rule, .number = 3};

TEST(WithConsent, ChangesOnlyWhatAsksForThePin) {
    const Consent given{.asked = kAsks, .seen = at(rats::Level::measured)};
    for (const auto action :
         {policy::Action::refuse, policy::Action::receive_only, policy::Action::warn, policy::Action::allow}) {
        policy::Decision d = kAsks;
        d.action = action;
        EXPECT_EQ(with_consent(d, at(rats::Level::measured), kNothing, {.pin_set = true, .given = &given}), d);
    }
}

TEST(WithConsent, WarnsAtBest) {
    const Consent given{.asked = kAsks, .seen = at(rats::Level::measured)};
    const auto d = with_consent(kAsks, at(rats::Level::trusted_boot), kNothing, {.pin_set = true, .given = &given});
    EXPECT_EQ(d.action, policy::Action::warn);
    EXPECT_EQ(d.rule, policy::Rule::accepted_with_pin);
    EXPECT_EQ(d.number, 3);
}

TEST(WithConsent, CountsForNoWorseResultAndNoOtherRule) {
    const Consent given{.asked = kAsks, .seen = at(rats::Level::measured)};
    const Presence presence{.pin_set = true, .given = &given};
    policy::Decision other = kAsks;
    other.number = 4;
    EXPECT_EQ(with_consent(kAsks, at(rats::Level::known_device), kNothing, presence), kAsks);
    EXPECT_EQ(with_consent(kAsks, at(rats::Level::measured, true), kNothing, presence), kAsks);
    EXPECT_EQ(with_consent(other, at(rats::Level::measured), kNothing, presence), other);
    EXPECT_EQ(with_consent(kAsks, at(rats::Level::measured), kNothing, {.pin_set = true}), kAsks);
}

TEST(WithConsent, CountsForWhatWasSaidOfTheOtherSideAndForNothingElse) {
    const Consent given{.asked = kAsks, .seen = at(rats::Level::measured), .why = rats::Reason::lower_level};
    const Presence presence{.pin_set = true, .given = &given};
    const auto now = at(rats::Level::measured);
    EXPECT_EQ(with_consent(kAsks, now, rats::Reason::lower_level, presence).action, policy::Action::warn);
    EXPECT_EQ(with_consent(kAsks, now, rats::Reason::new_key, presence), kAsks);
    EXPECT_EQ(with_consent(kAsks, now, kNothing, presence), kAsks);
}

TEST(WithConsent, NeverLiftsReceiveOnly) {
    policy::Decision listens = kAsks;
    listens.listen_only = true;
    const Consent given{.asked = listens, .seen = at(rats::Level::measured)};
    const auto d = with_consent(listens, at(rats::Level::measured), kNothing, {.pin_set = true, .given = &given});
    EXPECT_EQ(d.action, policy::Action::receive_only);
    EXPECT_EQ(d.rule, policy::Rule::accepted_with_pin);
}

TEST(WithConsent, IsARefusalWhereThereIsNoPin) {
    const Consent given{.asked = kAsks, .seen = at(rats::Level::measured)};
    const auto d = with_consent(kAsks, at(rats::Level::measured), kNothing, {.pin_set = false, .given = &given});
    EXPECT_EQ(d.action, policy::Action::refuse);
    EXPECT_EQ(d.rule, policy::Rule::pin_not_set);
}

}  // namespace
}  // namespace sealcall::enclave
