#include "enclave/audio/playback.h"

#include <gtest/gtest.h>
#include <opus/opus.h>

#include "tests/unit/audio/signal.h"

namespace sealcall::audio {
namespace {

BootInstant at(int64_t ms) { return BootInstant(Micros(1'000'000 + ms * 1000)); }

// Peers that are not sealcall may put 2.5 to 60 ms in a packet (RFC 7587): each must play at its own speed.
class PacketLength : public testing::TestWithParam<int> {};

TEST_P(PacketLength, PlaysInRealTime) {
    const int samples = GetParam();
    int failed = 0;
    std::unique_ptr<OpusEncoder, decltype(&opus_encoder_destroy)> encoder(
        opus_encoder_create(48000, 1, OPUS_APPLICATION_AUDIO, &failed), &opus_encoder_destroy);
    ASSERT_EQ(failed, 0);
    auto playback = Playback::create();
    ASSERT_TRUE(playback);
    test::Voice voice;
    std::vector<int16_t> pcm;
    std::array<uint8_t, 400> packet{};
    int64_t sent = 0;
    int with_sound = 0;
    constexpr int kTicks = 250;
    for (int tick = 0; tick < kTicks; ++tick) {
        while (sent * 1000 / 48000 <= tick * 20) {
            while (pcm.size() < static_cast<size_t>(samples)) {
                const Frame f = voice.next();
                pcm.insert(pcm.end(), f.begin(), f.end());
            }
            const int n = opus_encode(encoder.get(), pcm.data(), samples, packet.data(), packet.size());
            ASSERT_GT(n, 0);
            pcm.erase(pcm.begin(), pcm.begin() + samples);
            playback->packet(static_cast<uint16_t>(sent / samples), static_cast<uint32_t>(sent),
                             std::as_bytes(std::span(packet)).first(static_cast<size_t>(n)), at(tick * 20));
            sent += samples;
        }
        Frame out{};
        playback->next(out, at(tick * 20 + 10));
        if (test::power(out) > 0) ++with_sound;
    }
    EXPECT_GE(with_sound, kTicks - 12);
    const auto stats = playback->stats();
    EXPECT_LE(stats.concealed, 3U);
    EXPECT_NEAR(static_cast<double>(stats.played + stats.cut) * samples, kTicks * 960.0, 8 * 960.0);
}

INSTANTIATE_TEST_SUITE_P(Playback, PacketLength, testing::Values(120, 240, 480, 960, 1920, 2880));

TEST(Playback, IsSilentWithoutPackets) {
    auto playback = Playback::create();
    ASSERT_TRUE(playback);
    Frame out;
    out.fill(1);
    EXPECT_FALSE(playback->next(out, at(0)));
    EXPECT_EQ(test::power(out), 0);
}

TEST(Playback, FadesToSilenceWhenThePeerFallsSilent) {
    auto playback = Playback::create();
    auto encoder = Encoder::create(48000);
    ASSERT_TRUE(playback && encoder);
    std::mt19937 random(1);
    Frame out{};
    int64_t ms = 0;
    for (uint16_t i = 0; i < 50; ++i, ms += 20) {
        playback->packet(i, i * 960U, *encoder->encode(test::noise(random)), at(ms));
        playback->next(out, at(ms + 10));
    }
    EXPECT_GT(test::power(out), 1e5);
    for (int i = 0; i < 15; ++i, ms += 20) EXPECT_FALSE(playback->next(out, at(ms + 10)) && i > 3);
    EXPECT_EQ(test::power(out), 0);
}

TEST(Playback, CountsWhatIsNoOpusAndPlaysOn) {
    auto playback = Playback::create();
    auto encoder = Encoder::create(48000);
    ASSERT_TRUE(playback && encoder);
    test::Voice voice;
    const std::array<std::byte, 2> bad{std::byte{0x03}, std::byte{0x00}};
    Frame out{};
    for (uint16_t i = 0; i < 100; ++i) {
        const ByteSpan good = *encoder->encode(voice.next());
        playback->packet(i, i * 960U, i % 10 == 9 ? ByteSpan(bad) : good, at(i * 20));
        playback->next(out, at(i * 20 + 10));
    }
    EXPECT_EQ(playback->malformed(), 10U);
    EXPECT_GE(playback->stats().played, 85U);
}

}  // namespace
}  // namespace sealcall::audio
