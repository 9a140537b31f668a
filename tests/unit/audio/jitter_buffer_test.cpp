#include "enclave/audio/jitter_buffer.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace sealcall::audio {
namespace {

using Kind = JitterBuffer::Kind;
using Pushed = JitterBuffer::Pushed;
using Loudness = JitterBuffer::Loudness;
constexpr Micros kFrame{20'000};

// A sender, a network and a player on one clock of 1 ms steps. Packets carry their number, so that what comes out is
// known.
class Line {
  public:
    explicit Line(uint16_t first_sequence = 100, uint32_t first_timestamp = 7000)
        : sequence_(first_sequence), timestamp_(first_timestamp) {}

    BootInstant at(int64_t ms) const { return BootInstant(Micros(1'000'000'000 + ms * 1000)); }
    Bytes body(int number) const {
        ByteWriter w;
        w.u32(static_cast<uint32_t>(number));
        return w.take();
    }
    Pushed push(int number, int64_t ms) {
        return buffer.push(static_cast<uint16_t>(sequence_ + number), timestamp_ + static_cast<uint32_t>(number) * 960,
                           960, body(number), at(ms));
    }
    // Number of the packet that came out; -1 concealment, -2 silence, -3 recovery.
    int pop(int64_t ms, Loudness loudness = Loudness::loud) {
        const auto n = buffer.pop(at(ms), loudness);
        if (n.kind == Kind::conceal) return -1;
        if (n.kind == Kind::silence) return -2;
        if (n.kind == Kind::recover) return -3;
        ByteReader r(n.opus);
        return static_cast<int>(r.u32().value_or(0xffff));
    }
    // Sends `count` packets, each delayed by delay(i) ms (negative: lost), and pops every 20 ms. Returns what came out.
    template <class Delay>
    std::vector<int> run(int count, Delay delay, Loudness loudness = Loudness::loud) {
        std::multimap<int64_t, int> network;
        for (int i = 0; i < count; ++i)
            if (delay(i) >= 0) network.emplace(i * 20 + delay(i), i);
        std::vector<int> out;
        for (int64_t ms = 0; ms < count * 20 + 400; ++ms) {
            for (; !network.empty() && network.begin()->first <= ms; network.erase(network.begin()))
                push(network.begin()->second, ms);
            if (ms % 20 == 13) out.push_back(pop(ms, loudness));
        }
        return out;
    }

    JitterBuffer buffer;

  private:
    uint16_t sequence_;
    uint32_t timestamp_;
};

std::vector<int> packets(const std::vector<int>& out) {
    std::vector<int> only;
    for (int n : out)
        if (n >= 0) only.push_back(n);
    return only;
}

std::vector<int> first(int count) {
    std::vector<int> v(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) v[static_cast<size_t>(i)] = i;
    return v;
}

TEST(JitterBuffer, IsSilentBeforeTheFirstPacket) {
    Line line;
    EXPECT_EQ(line.pop(0), -2);
    EXPECT_EQ(line.buffer.stats().concealed, 0U);
}

TEST(JitterBuffer, PlaysAnEvenStreamWholeAndInOrderWithLittleDelay) {
    Line line;
    const auto out = line.run(500, [](int) { return 3; });
    EXPECT_EQ(packets(out), first(500));
    EXPECT_LE(line.buffer.stats().delay, Micros(45'000));
    EXPECT_EQ(line.buffer.stats().late, 0U);
    EXPECT_EQ(line.buffer.stats().longest_gap, Micros(0));
}

TEST(JitterBuffer, PutsReorderedPacketsBackInOrder) {
    Line line;
    const auto out = line.run(300, [](int i) { return i % 7 == 3 ? 25 : 2; });
    auto got = packets(out);
    EXPECT_TRUE(std::ranges::is_sorted(got));
    EXPECT_GE(got.size(), 290U);  // until the delay has grown a few come too late
    EXPECT_EQ(got.back(), 299);
}

TEST(JitterBuffer, DropsDuplicates) {
    Line line;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(line.push(i, i * 20), Pushed::queued);
    EXPECT_EQ(line.push(1, 45), Pushed::duplicate);
    EXPECT_EQ(line.pop(60), 0);
    EXPECT_EQ(line.push(0, 61), Pushed::duplicate);
    EXPECT_EQ(line.buffer.stats().duplicates, 2U);
    EXPECT_EQ(line.pop(80), 1);
    EXPECT_EQ(line.pop(100), 2);
}

TEST(JitterBuffer, CrossesTheWrapOfSequenceAndTimestamp) {
    Line line(65500, 0xffffffffU - 960 * 20);
    EXPECT_EQ(packets(line.run(200, [](int) { return 3; })), first(200));
    EXPECT_EQ(line.buffer.stats().restarts, 0U);
}

TEST(JitterBuffer, CrossesTheWrapWithReorderingAndLoss) {
    Line line(65530, 0xffffff00U);
    const auto got = packets(line.run(200, [](int i) { return i % 11 == 5 ? -1 : i % 5 == 0 ? 18 : 2; }));
    EXPECT_TRUE(std::ranges::is_sorted(got));
    EXPECT_GE(got.size(), 170U);
    EXPECT_EQ(line.buffer.stats().restarts, 0U);
}

TEST(JitterBuffer, KeepsTimeThroughLossAndAsksForRecovery) {
    Line line;
    const auto out = line.run(1000, [](int i) { return i % 10 == 4 ? -1 : 2; });
    const auto& s = line.buffer.stats();
    EXPECT_EQ(s.played, 900U);
    EXPECT_NEAR(s.concealed, 100, 20);  // and a few more after the last packet
    EXPECT_GT(std::ranges::count(out, -3), 80);
    EXPECT_LE(s.delay, Micros(60'000));
    EXPECT_LE(s.longest_gap, kFrame * 2);
}

TEST(JitterBuffer, MeasuresTheLongestGap) {
    Line line;
    line.run(300, [](int i) { return i >= 100 && i < 110 ? -1 : 2; });
    EXPECT_GE(line.buffer.stats().longest_gap, Micros(180'000));
    EXPECT_LE(line.buffer.stats().longest_gap, Micros(220'000));
}

TEST(JitterBuffer, DoesNotCallTheEndOfASpeechAGap) {
    Line line;
    line.run(50, [](int) { return 2; });
    for (int64_t ms = 2000; ms < 6000; ms += 20) line.pop(ms);
    EXPECT_EQ(line.buffer.stats().longest_gap, Micros(0));
}

TEST(JitterBuffer, CountsAnOutageOfTheNetworkAsAGap) {
    Line line;
    line.run(300, [](int i) { return i >= 100 && i < 200 ? -1 : 2; });
    EXPECT_GE(line.buffer.stats().longest_gap, Micros(1'900'000));
    EXPECT_LE(line.buffer.stats().longest_gap, Micros(2'200'000));
    EXPECT_NEAR(line.buffer.stats().played, 200, 5);
}

TEST(JitterBuffer, GrowsItsDelayUnderJitterUntilLittleIsLate) {
    Line line;
    std::mt19937 random(3);
    std::vector<int> delays(1500);
    for (auto& d : delays) d = std::uniform_int_distribution<int>(0, 80)(random);
    line.run(500, [&](int i) { return delays[static_cast<size_t>(i)]; });
    const auto early = line.buffer.stats();
    EXPECT_GE(early.target, Micros(60'000));
    EXPECT_LE(early.target, Micros(100'000));
    EXPECT_LE(early.late, 20U);
}

TEST(JitterBuffer, ShrinksItsDelayInQuietWhenTheNetworkCalmsDown) {
    Line line;
    line.run(
        1500, [](int i) { return i < 300 ? (i % 8) * 15 : 2; }, Loudness::quiet);
    EXPECT_LE(line.buffer.stats().delay, Micros(45'000));
    EXPECT_GT(line.buffer.stats().cut, 0U);
}

TEST(JitterBuffer, CatchesUpAfterABurst) {
    // 300 ms of packets arrive at once: old sound is left out rather than played late for the rest of the call.
    Line line;
    const auto out = line.run(600, [](int i) { return i >= 100 && i < 115 ? (115 - i) * 20 : 2; });
    EXPECT_TRUE(std::ranges::is_sorted(packets(out)));
    EXPECT_LE(line.buffer.stats().delay, Micros(200'000));
    EXPECT_EQ(packets(out).back(), 599);
}

TEST(JitterBuffer, FollowsANewStreamAtOnceOrAfterAFewPackets) {
    Line line;
    line.run(50, [](int) { return 2; });
    // Another SSRC: sequence and timestamp start anywhere, also just behind the old ones.
    for (uint16_t start : {uint16_t{40000}, uint16_t{120}, uint16_t{151}}) {
        int played = 0;
        for (int i = 0; i < 30; ++i) {
            const int64_t ms = 5000 + int64_t{start} * 10 + i * 20;
            line.buffer.push(static_cast<uint16_t>(start + i),
                             0x80000000U + start * 977U + static_cast<uint32_t>(i) * 960, 960, line.body(1000 + i),
                             line.at(ms));
            if (line.pop(ms + 13) >= 1000) ++played;
        }
        EXPECT_GE(played, 25) << start;
    }
}

TEST(JitterBuffer, OneStrayPacketDoesNotBreakAStream) {
    Line line;
    for (int i = 0; i < 20; ++i) {
        line.push(i, i * 20);
        if (i == 10) {
            EXPECT_EQ(line.buffer.push(9999, 1, 960, line.body(5), line.at(200)), Pushed::late);
        }
        line.pop(i * 20 + 13);
    }
    EXPECT_EQ(line.buffer.stats().restarts, 0U);
    EXPECT_GE(line.buffer.stats().played, 17U);
}

TEST(JitterBuffer, SurvivesASenderWhoseClockDrifts) {
    // 200 ppm over ten minutes is 120 ms: the delay must not run away in either direction.
    for (int ppm : {-200, 200}) {
        JitterBuffer b;
        const std::array<std::byte, 4> body{};
        uint32_t concealed_before = 0;
        int64_t sent = 0;
        const int64_t period_us = 20000 + 20000 * ppm / 1'000'000;
        for (int64_t i = 0; i < 30000; ++i) {
            for (; sent * period_us <= i * 20000; ++sent)
                b.push(static_cast<uint16_t>(sent), static_cast<uint32_t>(sent * 960), 960, body,
                       BootInstant(Micros(5'000'000 + sent * period_us)));
            b.pop(BootInstant(Micros(5'010'000 + i * 20000)), i % 50 < 25 ? Loudness::quiet : Loudness::loud);
            if (i == 1000) concealed_before = b.stats().concealed;
        }
        EXPECT_NEAR(static_cast<double>(b.stats().played + b.stats().cut), static_cast<double>(sent), 5) << ppm;
        EXPECT_LE(b.stats().delay, Micros(80'000)) << ppm;
        EXPECT_LE(b.stats().concealed - concealed_before, 30U) << ppm;
    }
}

TEST(JitterBuffer, RefusesEmptyAndOversizePackets) {
    JitterBuffer b;
    const Bytes big(JitterBuffer::kPacketMax + 1);
    EXPECT_EQ(b.push(1, 1, 960, {}, {}), Pushed::refused);
    EXPECT_EQ(b.push(1, 1, 960, big, {}), Pushed::refused);
    EXPECT_EQ(b.push(1, 1, 0, ByteSpan(big).first(10), {}), Pushed::refused);
    EXPECT_EQ(b.push(1, 1, 5761, ByteSpan(big).first(10), {}), Pushed::refused);
}

TEST(JitterBuffer, NeverPlaysAPacketTwiceOrBackwardsWhateverComes) {
    // Property: for random networks every packet comes out at most once and in order of sending.
    for (unsigned seed = 0; seed < 60; ++seed) {
        std::mt19937 random(seed);
        const int loss = std::uniform_int_distribution<int>(0, 40)(random);
        const int jitter = std::uniform_int_distribution<int>(1, 300)(random);
        std::vector<int> delay(400);
        for (auto& d : delay)
            d = std::uniform_int_distribution<int>(0, 99)(random) < loss
                    ? -1
                    : std::uniform_int_distribution<int>(0, jitter)(random);
        Line line(static_cast<uint16_t>(random()), static_cast<uint32_t>(random()));
        const auto got = packets(line.run(
            400, [&](int i) { return delay[static_cast<size_t>(i)]; }, seed % 2 ? Loudness::quiet : Loudness::loud));
        EXPECT_TRUE(std::ranges::is_sorted(got, std::less_equal<int>{})) << seed;
        const auto& s = line.buffer.stats();
        EXPECT_EQ(s.played, got.size()) << seed;
        const auto sent = static_cast<uint32_t>(400 - std::ranges::count(delay, -1));
        EXPECT_EQ(s.played + s.late + s.cut + s.duplicates, sent) << seed;
        EXPECT_EQ(s.restarts, 0U) << seed;
    }
}

}  // namespace
}  // namespace sealcall::audio
