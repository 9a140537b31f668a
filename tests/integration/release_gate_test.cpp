// The gate: every condition by itself keeps media shut.
#include "enclave/release_gate.h"

#include <gtest/gtest.h>

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
    for (int i = 0; i < 6; ++i) {
        ReleaseConditions c = good();
        if (i == 0) c.level = rats::Level::failed;
        if (i == 1) c.decision.action = policy::Action::refuse;
        if (i == 2) c.peer_agreed = false;
        if (i == 3) c.is_winner = false;  // another fork of the same dial was answered
        if (i == 4) c.answered = false;
        if (i == 5) c.ordinary = true;  // an ordinary call never has a level
        EXPECT_FALSE(ReleaseGate::release(c)) << i;
    }
}

TEST(ReleaseGate, IsShutByDefault) { EXPECT_FALSE(ReleaseGate::release(ReleaseConditions{})); }

}  // namespace
}  // namespace sealcall::enclave
