// The block list and the limits of a policy, with the clock in the test's hand.
#include "enclave/admission.h"

#include <gtest/gtest.h>

#include "tests/unit/policy/documents.h"

namespace sealcall::enclave {
namespace {

using Name = CallerLimits::Name;
constexpr const char* kAlice = "sip:alice@corp.example";
const BootInstant kStart = BootInstant{} + std::chrono::hours(1);

policy::Document limited() {
    policy::Document d = policy::test::empty_document();
    d.per_caller = {.calls = 3, .seconds = 60};
    return d;
}

/// Of so many attempts at once.
int admitted(CallerLimits& limits, const policy::Document& d, const char* peer, int attempts, BootInstant at,
             Name how = Name::proven) {
    int n = 0;
    for (int i = 0; i < attempts; ++i) n += limits.admit(d, peer, how, at) == Admission::yes ? 1 : 0;
    return n;
}

TEST(CallerLimits, ABurstIsFreeAndThenOneEachShare) {
    CallerLimits limits;
    const auto d = limited();
    EXPECT_EQ(admitted(limits, d, kAlice, 10, kStart), 3);
    EXPECT_EQ(admitted(limits, d, kAlice, 10, kStart + std::chrono::seconds(19)), 0);
    EXPECT_EQ(admitted(limits, d, kAlice, 10, kStart + std::chrono::seconds(20)), 1);
    EXPECT_EQ(admitted(limits, d, kAlice, 10, kStart + std::chrono::seconds(200)), 3);
    EXPECT_EQ(admitted(limits, d, "sip:bob@corp.example", 10, kStart), 3);
}

TEST(CallerLimits, SpellingsOfOneNameShareAnAccount) {
    CallerLimits limits;
    const auto d = limited();
    EXPECT_EQ(admitted(limits, d, kAlice, 2, kStart), 2);
    EXPECT_EQ(admitted(limits, d, "sip:alice@CORP.example:5061;x=y", 2, kStart), 1);
}

TEST(CallerLimits, WhatIsClaimedUsesUpNothingThatIsProven) {
    CallerLimits limits;
    const auto d = limited();
    EXPECT_EQ(admitted(limits, d, kAlice, 10, kStart, Name::claimed), 3);
    EXPECT_EQ(admitted(limits, d, kAlice, 10, kStart, Name::proven), 3);
}

TEST(CallerLimits, AnOrganisationSharesALimitAndStrangersShareTheirDomains) {
    CallerLimits limits;
    auto d = policy::test::empty_document();
    d.per_organisation = {.calls = 2, .seconds = 60};
    auto groups = d.groups.items();
    groups[0].organisation = true;  // corp.example and all below
    d.groups = policy::test::list<policy::Group, policy::kGroupsMax>(groups);
    EXPECT_EQ(admitted(limits, d, kAlice, 1, kStart), 1);
    EXPECT_EQ(admitted(limits, d, "sip:x@a.corp.example", 5, kStart), 1);
    EXPECT_EQ(admitted(limits, d, "sip:x@one.example", 5, kStart), 2);
    EXPECT_EQ(admitted(limits, d, "sip:y@one.example", 5, kStart), 0);
    EXPECT_EQ(admitted(limits, d, "sip:y@two.example", 5, kStart), 2);
}

TEST(CallerLimits, BlockedIsSaidFirstAndWelcomeHasNoLimitsOnceProven) {
    CallerLimits limits;
    auto d = limited();
    EXPECT_EQ(limits.admit(d, "sip:x@spam.example", Name::proven, kStart), Admission::blocked);
    d.welcome = policy::test::list<uint16_t, 16>({1});
    EXPECT_EQ(admitted(limits, d, kAlice, 100, kStart), 100);
    EXPECT_EQ(admitted(limits, d, kAlice, 100, kStart, Name::claimed), 3);
}

TEST(CallerLimits, ManyNamesDoNotGrowIt) {
    CallerLimits limits;
    auto d = limited();
    d.per_origin = {.calls = 1, .seconds = 3600};
    for (int i = 0; i < 20'000; ++i) {
        const std::string n = std::to_string(i);
        (void)limits.admit(d, "sip:" + n + "@x.example", Name::claimed, kStart);
        (void)limits.admit_origin(d, n, kStart);
    }
    EXPECT_EQ(admitted(limits, d, kAlice, 10, kStart), 3);  // proven names have accounts of their own
}

TEST(CallerLimits, AFloodIsToldOnceAMinute) {
    CallerLimits limits;
    EXPECT_TRUE(limits.tell(Admission::too_often, kStart));
    EXPECT_FALSE(limits.tell(Admission::too_often, kStart + std::chrono::seconds(59)));
    EXPECT_TRUE(limits.tell(Admission::blocked, kStart));
    EXPECT_TRUE(limits.tell(Admission::too_often, kStart + std::chrono::seconds(60)));
}

}  // namespace
}  // namespace sealcall::enclave
