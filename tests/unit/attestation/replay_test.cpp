#include <gtest/gtest.h>

#include "tests/unit/attestation/software_tpm.h"

namespace sealcall::attestation::test {
namespace {

using rats::Level;
using rats::Reason;

bool has(const rats::AttestationResult& r, Reason reason) { return std::ranges::count(r.reasons, reason) == 1; }

rats::AttestationResult ceiling(Level level = Level::measured) {
    rats::AttestationResult r;
    r.level = level;
    r.lab = true;
    CHECK(r.reasons.push(Reason::quote_fresh_and_bound));
    return r;
}

std::vector<rats::PcrValue> pcrs_with(uint8_t pcr, const Digest& value) {
    std::vector<rats::PcrValue> out;
    for (uint8_t i = 0; i < 15; ++i) out.push_back({.pcr = i, .value = i == pcr ? value : Digest{}});
    return out;
}

rats::PcrEvent event(uint8_t pcr, uint8_t fill) { return {.pcr = pcr, .digest = digest_of(fill), .reference = 0}; }

TEST(Replay, KeepsTheCeilingWhenEveryPcrReplays) {
    const Digest value = extended(extended({}, digest_of(1)), digest_of(2));
    const auto r =
        apply_replay(ceiling(), pcrs_with(13, value), {.events = {event(13, 1), event(13, 2)}, .runtime = {}});
    EXPECT_EQ(r.level, Level::measured);
    EXPECT_TRUE(has(r, Reason::log_replays));
    EXPECT_TRUE(r.lab);
}

TEST(Replay, TakesPcrsAtTheirResetValueWithoutEvents) {
    std::vector<rats::PcrValue> pcrs = pcrs_with(13, {});
    for (uint8_t i = 17; i <= 22; ++i) pcrs.push_back({.pcr = i, .value = digest_of(0xff)});
    EXPECT_EQ(apply_replay(ceiling(), pcrs, {}).level, Level::measured);
    pcrs.back().value = {};  // zero is not where PCR 22 starts
    const auto r = apply_replay(ceiling(), pcrs, {});
    EXPECT_EQ(r.level, Level::known_device);
    EXPECT_TRUE(has(r, Reason::log_withheld));
}

TEST(Replay, CallsAPcrWithoutItsLogWithheld) {
    const auto r = apply_replay(ceiling(), pcrs_with(10, digest_of(9)), {});
    EXPECT_EQ(r.level, Level::known_device);
    EXPECT_TRUE(has(r, Reason::log_withheld));
    EXPECT_FALSE(has(r, Reason::log_replays));
    EXPECT_TRUE(r.lab);
}

TEST(Replay, FailsALogThatDoesNotReachTheQuotedValue) {
    const Digest value = extended(extended({}, digest_of(1)), digest_of(2));
    for (const auto& events : std::vector<std::vector<rats::PcrEvent>>{
             {event(13, 1)}, {event(13, 2), event(13, 1)}, {event(13, 1), event(13, 2), event(13, 3)}}) {
        const auto r = apply_replay(ceiling(), pcrs_with(13, value), {.events = events, .runtime = {}});
        EXPECT_EQ(r.level, Level::failed);
        ASSERT_EQ(r.reasons.size(), 1u);
        EXPECT_EQ(r.reasons.items()[0], Reason::log_does_not_replay);
    }
}

TEST(Replay, FailsEventsOfAPcrThatWasNotQuoted) {
    for (uint8_t pcr : {uint8_t{15}, uint8_t{16}, uint8_t{24}, uint8_t{255}})
        EXPECT_EQ(apply_replay(ceiling(), pcrs_with(13, {}), {.events = {event(pcr, 1)}, .runtime = {}}).level,
                  Level::failed)
            << int{pcr};
}

TEST(Replay, NeverRaisesALevel) {
    for (Level level : {Level::failed, Level::unverified, Level::known_device}) {
        EXPECT_EQ(apply_replay(ceiling(level), pcrs_with(13, {}), {}).level, level);
        EXPECT_LE(apply_replay(ceiling(level), pcrs_with(13, digest_of(1)), {}).level, level);
    }
    EXPECT_EQ(apply_replay(ceiling(), {}, {}).level, Level::known_device) << "no values at all is withheld";
}

TEST(ClockContinues, TakesALaterClockOfTheSameBoot) {
    const ClockInfo before{.reset_count = 7, .restart_count = 2, .clock = 100};
    EXPECT_TRUE(clock_continues(before, {.reset_count = 7, .restart_count = 2, .clock = 100}));
    EXPECT_TRUE(clock_continues(before, {.reset_count = 7, .restart_count = 2, .clock = 5000}));
}

TEST(ClockContinues, RefusesARestartAndAClockThatWentBack) {
    const ClockInfo before{.reset_count = 7, .restart_count = 2, .clock = 100};
    for (const ClockInfo& now : {ClockInfo{8, 0, 200}, ClockInfo{6, 2, 200}, ClockInfo{7, 3, 200}, ClockInfo{7, 1, 200},
                                 ClockInfo{7, 2, 99}}) {
        auto s = clock_continues(before, now);
        ASSERT_FALSE(s);
        EXPECT_EQ(s.error().code, Errc::clock_went_back);
    }
}

TEST(Replay, StartsPcrZeroWithTheLocalityThatTheLogGives) {
    Digest start{};
    start.back() = std::byte{3};
    const Digest value = extended(start, digest_of(1));
    rats::Measured m{.events = {event(0, 1)}, .runtime = {}, .startup_locality = 3};
    EXPECT_EQ(apply_replay(ceiling(), pcrs_with(0, value), m).level, Level::measured);
    m.startup_locality = 0;
    EXPECT_EQ(apply_replay(ceiling(), pcrs_with(0, value), m).level, Level::failed);
    // A locality alone is no log: PCR 0 with nothing but that value was not shown.
    EXPECT_EQ(apply_replay(ceiling(), pcrs_with(0, start), {.events = {}, .runtime = {}, .startup_locality = 3}).level,
              Level::known_device);
}

TEST(Replay, TakesTheRuntimeListForPcrTenOnly) {
    const Digest value = extended(extended({}, digest_of(1)), digest_of(2));
    rats::Measured m{.events = {}, .runtime = {digest_of(1), digest_of(2)}};
    EXPECT_EQ(apply_replay(ceiling(), pcrs_with(10, value), m).level, Level::measured);
    EXPECT_EQ(apply_replay(ceiling(), pcrs_with(9, value), m).level, Level::failed);
    m.runtime.pop_back();
    EXPECT_EQ(apply_replay(ceiling(), pcrs_with(10, value), m).level, Level::failed);
    const rats::Measured smuggled{.events = {event(10, 1), event(10, 2)}, .runtime = {}};
    EXPECT_EQ(apply_replay(ceiling(), pcrs_with(10, value), smuggled).level, Level::failed);
}

}  // namespace
}  // namespace sealcall::attestation::test
