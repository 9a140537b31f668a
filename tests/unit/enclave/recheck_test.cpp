// The order and the times of the rounds after the first, with a clock that is a value.
#include "enclave/recheck.h"

#include <gtest/gtest.h>

namespace sealcall::enclave {
namespace {

using rats::Level;
using rats::Reason;
using std::chrono::seconds;

class RecheckRounds : public ::testing::Test {
  protected:
    BootInstant at(int s) const { return kStart + seconds(s); }
    /// One whole round of ours, begun and ended at these seconds.
    rats::Reattest round(int asked, int over) {
        auto question = recheck_.ask(at(asked));
        EXPECT_TRUE(question.has_value());
        EXPECT_TRUE(recheck_.answered().has_value());
        recheck_.concluded(at(over));
        return question.value_or(rats::Reattest{});
    }
    static rats::Reattest question(uint16_t round, uint8_t nonce) {
        rats::Reattest q{.round = round, .nonce = {}};
        q.nonce.fill(static_cast<std::byte>(nonce));
        return q;
    }
    /// The peer asks, gets its quote at `s`, and says its verdict.
    void peer_round(const rats::Reattest& q, int s) {
        ASSERT_TRUE(recheck_.on_reattest(q).has_value());
        ASSERT_TRUE(recheck_.quote(at(s)).has_value());
        recheck_.quoted(at(s));
        ASSERT_TRUE(recheck_.on_verdict(q.round).has_value());
    }

    const BootInstant kStart{Micros{1'000'000'000}};
    Recheck recheck_{RecheckTimes{}};
};

TEST_F(RecheckRounds, NothingIsAskedOrTakenBeforeBothAgreed) {
    recheck_.soon(at(0));
    EXPECT_FALSE(recheck_.ask(at(10000)));
    EXPECT_EQ(recheck_.on_reattest(question(1, 1)).error().code, Errc::wrong_state);
    EXPECT_EQ(recheck_.answered().error().code, Errc::wrong_state);
    EXPECT_EQ(recheck_.on_verdict(0).error().code, Errc::wrong_state);
    EXPECT_EQ(recheck_.next_deadline(), BootInstant::max());
}

TEST_F(RecheckRounds, AsksEveryFiveMinutesWithTheNextNumberAndAnotherNonce) {
    recheck_.start(at(0));
    EXPECT_EQ(recheck_.next_deadline(), at(300));
    EXPECT_FALSE(recheck_.ask(at(299)));
    const auto first = round(300, 302);
    EXPECT_EQ(recheck_.next_deadline(), at(602));
    EXPECT_FALSE(recheck_.ask(at(601)));
    const auto second = round(602, 603);
    EXPECT_EQ(first.round, 1);
    EXPECT_EQ(second.round, 2);
    EXPECT_NE(first.nonce, second.nonce);
    EXPECT_NE(first.nonce, Digest{});
}

TEST_F(RecheckRounds, HasOneOpenQuestionHoweverOftenThePersonAsks) {
    recheck_.start(at(0));
    recheck_.soon(at(60));
    ASSERT_TRUE(recheck_.ask(at(60)));
    for (int s = 61; s < 1000; s += 7) {
        recheck_.soon(at(s));
        EXPECT_FALSE(recheck_.ask(at(s)));
    }
}

TEST_F(RecheckRounds, ThePersonAsksAtOnceButNotWithinTenSecondsOfTheLastQuestion) {
    recheck_.start(at(0));
    recheck_.soon(at(3));
    EXPECT_FALSE(recheck_.ask(at(9)));
    round(10, 11);
    recheck_.soon(at(12));
    EXPECT_EQ(recheck_.next_deadline(), at(20));
    EXPECT_FALSE(recheck_.ask(at(19)));
    EXPECT_TRUE(recheck_.ask(at(20)));
}

TEST_F(RecheckRounds, WhatCountsChangedIsAskedOnceMoreAndThenByTheNewInterval) {
    recheck_.start(at(0));
    recheck_.renew(Millis{30'000}, at(50));
    round(50, 51);
    EXPECT_EQ(recheck_.next_deadline(), at(81));
    ASSERT_TRUE(recheck_.ask(at(81)));
    recheck_.renew(Millis{60'000}, at(83));  // while a question is open: the peer may be judged by the old values
    ASSERT_TRUE(recheck_.answered());
    recheck_.concluded(at(84));
    EXPECT_EQ(recheck_.next_deadline(), at(91));
    round(91, 92);
    EXPECT_EQ(recheck_.next_deadline(), at(152));
}

TEST_F(RecheckRounds, WhatCountsChangedDuringTheFirstRoundIsAskedSoonAfterIt) {
    recheck_.renew(Millis{30'000}, at(0));
    recheck_.start(at(1));
    EXPECT_EQ(recheck_.next_deadline(), at(11));
}

TEST_F(RecheckRounds, TellsEachDegreeOfLatenessOnce) {
    recheck_.start(at(0));
    ASSERT_TRUE(recheck_.ask(at(300)));
    EXPECT_EQ(recheck_.newly_late(at(329)), Lateness::none);
    EXPECT_EQ(recheck_.next_deadline(), at(330));
    EXPECT_EQ(recheck_.newly_late(at(330)), Lateness::overdue);
    EXPECT_EQ(recheck_.newly_late(at(331)), Lateness::none);
    EXPECT_EQ(recheck_.next_deadline(), at(360));
    EXPECT_EQ(recheck_.newly_late(at(360)), Lateness::silent);
    EXPECT_EQ(recheck_.newly_late(at(4000)), Lateness::none);
    EXPECT_EQ(recheck_.told(), Lateness::silent);
    EXPECT_EQ(recheck_.next_deadline(), BootInstant::max());
}

TEST_F(RecheckRounds, ALongGapInOurOwnLoopIsSilenceAtOnce) {
    recheck_.start(at(0));
    ASSERT_TRUE(recheck_.ask(at(300)));
    EXPECT_EQ(recheck_.newly_late(at(400)), Lateness::silent);
}

TEST_F(RecheckRounds, AnAnswerThatWaitsForTheVerifierIsLateAllTheSame) {
    recheck_.start(at(0));
    ASSERT_TRUE(recheck_.ask(at(300)));
    ASSERT_TRUE(recheck_.answered().has_value());
    EXPECT_EQ(recheck_.newly_late(at(360)), Lateness::silent);
    recheck_.concluded(at(361));
    EXPECT_EQ(recheck_.told(), Lateness::none);
    EXPECT_EQ(recheck_.newly_late(at(600)), Lateness::none);
}

TEST_F(RecheckRounds, ALateAnswerIsTakenOnceAndNoSecondOne) {
    recheck_.start(at(0));
    ASSERT_TRUE(recheck_.ask(at(300)));
    (void)recheck_.newly_late(at(360));
    EXPECT_EQ(recheck_.answered().value(), 1);
    EXPECT_EQ(recheck_.answered().error().code, Errc::wrong_state);
    recheck_.concluded(at(500));
    EXPECT_EQ(recheck_.answered().error().code, Errc::wrong_state);
    EXPECT_EQ(recheck_.next_deadline(), at(800));
}

TEST_F(RecheckRounds, AfterSleepItAsksAtOnceOrWaitsAnewForTheOpenAnswer) {
    recheck_.start(at(0));
    recheck_.slept(at(100));
    ASSERT_TRUE(recheck_.ask(at(100)));
    recheck_.slept(at(5000));
    EXPECT_EQ(recheck_.newly_late(at(5029)), Lateness::none);
    EXPECT_EQ(recheck_.newly_late(at(5030)), Lateness::overdue);
    EXPECT_EQ(recheck_.asked_at(), at(100));  // the TPM's clock is compared with the true time
}

TEST_F(RecheckRounds, NumbersNeverWrap) {
    Recheck r{RecheckTimes{.every = Millis{0}, .gap = Millis{0}}};
    r.start(at(0));
    for (uint32_t i = 1; i <= UINT16_MAX; ++i) {
        ASSERT_EQ(r.ask(at(1))->round, i);
        ASSERT_TRUE(r.answered().has_value());
        r.concluded(at(1));
    }
    EXPECT_FALSE(r.ask(at(100000)));
}

TEST_F(RecheckRounds, ThePeersNumbersAreTheNextOneOrNothing) {
    recheck_.start(at(0));
    for (uint16_t wrong : std::initializer_list<uint16_t>{0, 2, 65535})
        EXPECT_EQ(recheck_.on_reattest(question(wrong, 1)).error().code, Errc::bad_value);
    peer_round(question(1, 1), 10);
    for (uint16_t wrong : std::initializer_list<uint16_t>{0, 1, 3})
        EXPECT_EQ(recheck_.on_reattest(question(wrong, 2)).error().code, Errc::bad_value);
    peer_round(question(2, 2), 20);
}

TEST_F(RecheckRounds, ThePeersNonceIsNewAndNotOurs) {
    recheck_.start(at(0));
    EXPECT_EQ(recheck_.on_reattest(question(1, 0)).error().code, Errc::bad_value);
    const auto ours = recheck_.ask(at(300));
    ASSERT_TRUE(ours);
    EXPECT_EQ(recheck_.on_reattest({.round = 1, .nonce = ours->nonce}).error().code, Errc::reflected);
    peer_round(question(1, 7), 300);
    EXPECT_EQ(recheck_.on_reattest(question(2, 7)).error().code, Errc::bad_value);
}

TEST_F(RecheckRounds, ThePeerHasOneOpenQuestionUntilItsVerdict) {
    recheck_.start(at(0));
    ASSERT_TRUE(recheck_.on_reattest(question(1, 1)).has_value());
    EXPECT_EQ(recheck_.on_reattest(question(2, 2)).error().code, Errc::wrong_state);
    ASSERT_TRUE(recheck_.quote(at(10)));
    EXPECT_EQ(recheck_.on_reattest(question(2, 2)).error().code, Errc::wrong_state);
    recheck_.quoted(at(10));
    EXPECT_EQ(recheck_.on_reattest(question(2, 2)).error().code, Errc::wrong_state);
    EXPECT_EQ(recheck_.on_verdict(2).error().code, Errc::bad_value);
    ASSERT_TRUE(recheck_.on_verdict(1).has_value());
    EXPECT_EQ(recheck_.on_verdict(1).error().code, Errc::wrong_state);
    EXPECT_TRUE(recheck_.on_reattest(question(2, 2)).has_value());
}

TEST_F(RecheckRounds, AVerdictBeforeTheAnswerIsOutOfTurn) {
    recheck_.start(at(0));
    EXPECT_EQ(recheck_.on_verdict(0).error().code, Errc::wrong_state);
    ASSERT_TRUE(recheck_.on_reattest(question(1, 1)).has_value());
    EXPECT_EQ(recheck_.on_verdict(1).error().code, Errc::wrong_state);
}

TEST_F(RecheckRounds, APeerThatAsksTooOftenWaitsAndCostsOneQuoteInTenSeconds) {
    recheck_.start(at(0));
    int quotes = 0;
    uint16_t number = 0;
    bool open = false;
    for (int s = 0; s < 100; ++s) {
        if (!open) {
            ++number;
            ASSERT_TRUE(recheck_.on_reattest(question(number, static_cast<uint8_t>(number))).has_value());
            open = true;
        }
        if (!recheck_.quote(at(s))) continue;
        ++quotes;
        recheck_.quoted(at(s));
        ASSERT_TRUE(recheck_.on_verdict(number).has_value());
        open = false;
    }
    EXPECT_EQ(quotes, 9);  // at 10, 20, ... 90: round 0's own quote counts
}

TEST_F(RecheckRounds, ATpmThatGaveNoQuoteIsTriedAgainLater) {
    recheck_.start(at(0));
    ASSERT_TRUE(recheck_.on_reattest(question(1, 1)).has_value());
    EXPECT_EQ(recheck_.next_deadline(), at(10));
    ASSERT_TRUE(recheck_.quote(at(10)));
    EXPECT_FALSE(recheck_.quote(at(11)));  // one at a time
    recheck_.not_quoted(at(12));
    EXPECT_FALSE(recheck_.quote(at(21)));
    EXPECT_EQ(recheck_.quote(at(22)).value().round, 1);
}

TEST_F(RecheckRounds, BothDirectionsAreIndependent) {
    recheck_.start(at(0));
    ASSERT_TRUE(recheck_.on_reattest(question(1, 1)).has_value());
    EXPECT_TRUE(recheck_.ask(at(300)));
    EXPECT_EQ(recheck_.on_verdict(1).error().code, Errc::wrong_state);  // our open question is no answer of ours
    ASSERT_TRUE(recheck_.quote(at(300)));
    EXPECT_TRUE(recheck_.answered().has_value());
}

class Continuity : public ::testing::Test {
  protected:
    BootInstant at(int s) const { return BootInstant{} + seconds(s); }
    Shown before_{
        .attestation_key = {}, .clock = {.reset_count = 7, .restart_count = 2, .clock = 100'000}, .at = at(50)};
    Shown now_ = before_;
    rats::AttestationResult lowered(int asked) const {
        rats::AttestationResult r;
        r.level = Level::trusted_boot;
        CHECK(r.reasons.push(Reason::quote_fresh_and_bound));
        lower_unless_continuous(r, before_, now_, at(asked));
        return r;
    }
};

TEST_F(Continuity, TheSamePhoneGoesOn) {
    now_.clock.clock = 400'000;
    EXPECT_EQ(lowered(350).level, Level::trusted_boot);
    now_.clock.clock = 250'000;  // a TPM whose clock runs at half speed
    EXPECT_EQ(lowered(350).level, Level::trusted_boot);
    now_.clock.clock = 100'000;  // asked in the same moment
    EXPECT_EQ(lowered(50).level, Level::trusted_boot);
}

TEST_F(Continuity, AnotherAttestationKeyIsLevelX) {
    now_.attestation_key.fill(std::byte{1});
    now_.clock.clock = 400'000;
    const auto r = lowered(350);
    EXPECT_EQ(r.level, Level::failed);
    EXPECT_EQ(r.reasons.items(), std::vector{Reason::key_not_in_quoted_tpm});
}

TEST_F(Continuity, AResetOrRestartIsLevelX) {
    for (auto [reset, restart] : {std::pair{8u, 2u}, {7u, 3u}, {6u, 2u}, {8u, 0u}}) {
        now_.clock = {.reset_count = reset, .restart_count = restart, .clock = 400'000};
        EXPECT_EQ(lowered(350).level, Level::failed);
        EXPECT_EQ(lowered(350).reasons.items(), std::vector{Reason::tpm_was_reset});
    }
}

TEST_F(Continuity, AClockThatWentBackIsLevelX) {
    now_.clock.clock = 99'999;
    EXPECT_EQ(lowered(50).level, Level::failed);
    EXPECT_EQ(lowered(50).reasons.items(), std::vector{Reason::tpm_clock_unsafe});
}

TEST_F(Continuity, AClockThatStoodStillIsLevelZero) {
    now_.clock.clock = 249'999;
    EXPECT_EQ(lowered(350).level, Level::unverified);
    EXPECT_EQ(lowered(350).reasons.items().back(), Reason::tpm_clock_unsafe);
    now_.clock.clock = 100'000;
    EXPECT_EQ(lowered(350).level, Level::unverified);
}

TEST_F(Continuity, NeverRaisesALevel) {
    for (Level level : {Level::failed, Level::unverified, Level::known_device}) {
        rats::AttestationResult r;
        r.level = level;
        now_.clock.clock = 400'000;
        lower_unless_continuous(r, before_, now_, at(350));
        EXPECT_EQ(r.level, level);
        now_.clock.reset_count = 9;
        lower_unless_continuous(r, before_, now_, at(350));
        EXPECT_EQ(r.level, Level::failed);
        now_ = before_;
    }
}

}  // namespace
}  // namespace sealcall::enclave
