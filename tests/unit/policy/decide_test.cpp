// The decision is small enough to be tried on everything it can be asked.
#include "policy/decide.h"

#include <gtest/gtest.h>

namespace sealcall::policy {
namespace {

using rats::Level;

constexpr Level kLevels[] = {Level::failed,   Level::unverified,   Level::known_device,
                             Level::measured, Level::trusted_boot, Level::trusted_runtime};
constexpr Action kActions[] = {Action::refuse, Action::pin, Action::warn, Action::allow};

std::vector<Policy> all_policies() {
    std::vector<Policy> out;
    for (Level minimum : kLevels)
        for (bool lab : {false, true})
            for (Action below : kActions)
                for (Action ordinary : kActions) {
                    Policy p;
                    p.minimum = minimum;
                    p.lab_counts = lab;
                    p.below_minimum = below;
                    p.ordinary_phones = ordinary;
                    out.push_back(p);
                }
    return out;
}

std::vector<CallContext> all_contexts() {
    std::vector<CallContext> out;
    for (Direction d : {Direction::incoming, Direction::outgoing})
        for (bool ordinary : {false, true})
            for (bool known : {false, true})
                out.push_back({.direction = d, .ordinary = ordinary, .known_to_attest = known});
    return out;
}

rats::AttestationResult result(Level level, bool lab = false) {
    rats::AttestationResult r;
    r.level = level;
    r.lab = lab;
    return r;
}

constexpr CallContext kAttested{.direction = Direction::incoming, .ordinary = false, .known_to_attest = false};
constexpr CallContext kOrdinary{.direction = Direction::incoming, .ordinary = true, .known_to_attest = false};

TEST(Decide, RefusesAFailedCheckUnderEveryPolicy) {
    for (const Policy& p : all_policies())
        for (const CallContext& c : all_contexts())
            for (bool lab : {false, true})
                EXPECT_EQ(decide(result(Level::failed, lab), c, p),
                          (Decision{.action = Action::refuse, .rule = Rule::failed_is_refused}));
}

TEST(Decide, RefusesADowngradeUnderEveryPolicy) {
    CallContext c = kOrdinary;
    c.known_to_attest = true;
    for (const Policy& p : all_policies())
        EXPECT_EQ(decide(result(Level::unverified), c, p),
                  (Decision{.action = Action::refuse, .rule = Rule::downgrade_is_refused}));
}

TEST(Decide, LetsTheOwnPinPassADowngradeAndNothingElseOfIt) {
    for (Policy p : all_policies())
        for (Level level : kLevels)
            for (bool ordinary : {false, true}) {
                CallContext c = ordinary ? kOrdinary : kAttested;
                const Decision plain = decide(result(level), c, p);
                (ordinary ? c.known_to_attest : c.downgrade) = true;
                p.downgrade = Action::pin;
                const Decision d = decide(result(level), c, p);
                EXPECT_EQ(d.action, std::min(plain.action, Action::pin));
                EXPECT_EQ(d.rule, plain.action > Action::pin ? Rule::downgrade_takes_pin : plain.rule);
            }
}

TEST(Decide, NeverAllowsInSilenceWhatIsBelowTheMinimum) {
    for (const Policy& p : all_policies())
        for (const CallContext& c : all_contexts())
            for (Level level : kLevels)
                for (bool lab : {false, true}) {
                    const Decision d = decide(result(level, lab), c, p);
                    const bool meets =
                        !c.ordinary && level >= p.minimum && level > Level::unverified && (!lab || p.lab_counts);
                    EXPECT_EQ(d.action == Action::allow, meets);
                    EXPECT_EQ(d.rule == Rule::meets_minimum, meets);
                }
}

TEST(Decide, NeverGivesAWorseResultMore) {
    for (const Policy& p : all_policies())
        for (const CallContext& c : all_contexts()) {
            if (c.ordinary) continue;  // an ordinary phone has one result only
            for (size_t i = 1; i < std::size(kLevels); ++i)
                for (bool lab : {false, true})
                    EXPECT_LE(decide(result(kLevels[i - 1], lab), c, p).action,
                              decide(result(kLevels[i], lab), c, p).action);
            for (Level level : kLevels)
                EXPECT_LE(decide(result(level, true), c, p).action, decide(result(level, false), c, p).action);
        }
}

TEST(Decide, NeverGivesAStricterPolicyMore) {
    for (const Policy& p : all_policies())
        for (const CallContext& c : all_contexts())
            for (Level level : kLevels)
                for (bool lab : {false, true}) {
                    const Action action = decide(result(level, lab), c, p).action;
                    Policy higher = p, no_lab = p, no_below = p, no_ordinary = p;
                    higher.minimum = Level::trusted_runtime;
                    no_lab.lab_counts = false;
                    no_below.below_minimum = Action::refuse;
                    no_ordinary.ordinary_phones = Action::refuse;
                    for (const Policy& stricter : {higher, no_lab, no_below, no_ordinary})
                        EXPECT_LE(decide(result(level, lab), c, stricter).action, action);
                }
}

TEST(Decide, LetsOrdinaryPhonesThroughWithAWarningAtBest) {
    Policy p;
    EXPECT_EQ(decide(result(Level::unverified), kOrdinary, p).rule, Rule::ordinary_refused);
    for (Action a : {Action::warn, Action::allow}) {
        p.ordinary_phones = a;
        EXPECT_EQ(decide(result(Level::unverified), kOrdinary, p),
                  (Decision{.action = Action::warn, .rule = Rule::ordinary_warned}));
    }
}

TEST(Decide, RefusesAnOrdinaryPhoneThatComesWithEvidence) {
    Policy p;
    p.ordinary_phones = Action::warn;
    for (Level level : {Level::known_device, Level::measured, Level::trusted_runtime})
        EXPECT_EQ(decide(result(level), kOrdinary, p),
                  (Decision{.action = Action::refuse, .rule = Rule::default_deny}));
}

TEST(Decide, IsStrictByDefault) {
    const Policy p;
    EXPECT_EQ(decide(result(Level::measured), kAttested, p).action, Action::allow);
    EXPECT_EQ(decide(result(Level::measured, true), kAttested, p),
              (Decision{.action = Action::refuse, .rule = Rule::lab_does_not_count}));
    EXPECT_EQ(decide(result(Level::known_device), kAttested, p),
              (Decision{.action = Action::refuse, .rule = Rule::below_minimum_refused}));
    EXPECT_EQ(decide(result(Level::unverified), kAttested, p).action, Action::refuse);
    EXPECT_EQ(Decision{}.action, Action::refuse);
}

TEST(Decide, RefusesALevelThatDoesNotExist) {
    Policy p;
    p.minimum = Level::failed;
    EXPECT_EQ(decide(result(static_cast<Level>(6)), kAttested, p),
              (Decision{.action = Action::refuse, .rule = Rule::default_deny}));
}

TEST(Decide, SaysWhatItWarnsOf) {
    Policy p;
    p.below_minimum = Action::warn;
    EXPECT_EQ(decide(result(Level::known_device), kAttested, p),
              (Decision{.action = Action::warn, .rule = Rule::below_minimum_warned}));
    EXPECT_EQ(decide(result(Level::measured, true), kAttested, p),
              (Decision{.action = Action::warn, .rule = Rule::lab_does_not_count}));
    p.lab_counts = true;
    EXPECT_EQ(decide(result(Level::measured, true), kAttested, p).rule, Rule::meets_minimum);
}

}  // namespace
}  // namespace sealcall::policy
