#include "enclave/audio/delay_estimator.h"

#include <gtest/gtest.h>

namespace sealcall::audio {
namespace {

constexpr Micros kFrame{20'000};

TEST(DelayEstimator, AnEvenNetworkNeedsTheLeastDelay) {
    DelayEstimator e;
    for (int i = 0; i < 100; ++i) e.arrived(Micros(1'000'000));
    EXPECT_EQ(e.target(kFrame), DelayEstimator::kTargetMin);
    EXPECT_EQ(e.base(), Micros(1'000'000));
}

TEST(DelayEstimator, CoversTheJitterItSees) {
    DelayEstimator e;
    for (int i = 0; i < 300; ++i) e.arrived(Micros(5'000'000 + (i % 20) * 5'000));
    EXPECT_GE(e.target(kFrame), Micros(90'000));
    EXPECT_LE(e.target(kFrame), Micros(95'000));
}

TEST(DelayEstimator, NeverAsksForMoreThanItsLimit) {
    DelayEstimator e;
    for (int i = 0; i < 300; ++i) e.arrived(Micros(i % 2 == 0 ? 0 : 900'000));
    EXPECT_EQ(e.target(kFrame), DelayEstimator::kTargetMax);
}

TEST(DelayEstimator, OneLatePacketInAHundredIsNotWorthWaitingFor) {
    DelayEstimator e;
    for (int i = 0; i < 256; ++i) e.arrived(Micros(i % 100 == 50 ? 150'000 : 0));
    EXPECT_EQ(e.target(kFrame), DelayEstimator::kTargetMin);
}

TEST(DelayEstimator, ForgetsAnOldBurst) {
    DelayEstimator e;
    for (int i = 0; i < 100; ++i) e.arrived(Micros((i % 10) * 15'000));
    EXPECT_GT(e.target(kFrame), Micros(100'000));
    for (int i = 0; i < 300; ++i) e.arrived(Micros(0));
    EXPECT_EQ(e.target(kFrame), DelayEstimator::kTargetMin);
}

TEST(DelayEstimator, LossMakesRoomForThePacketThatFollows) {
    DelayEstimator e;
    for (int i = 0; i < 200; ++i) {
        e.arrived(Micros(0));
        if (i % 10 == 0)
            e.lost();
        else
            e.played();
    }
    EXPECT_GE(e.target(kFrame), kFrame);
    EXPECT_LE(e.target(kFrame), kFrame * 2);
    EXPECT_GT(e.target(kFrame), DelayEstimator::kTargetMin);
    for (int i = 0; i < 1000; ++i) e.played();
    EXPECT_EQ(e.target(kFrame), DelayEstimator::kTargetMin);
}

}  // namespace
}  // namespace sealcall::audio
