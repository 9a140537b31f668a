#include "enclave/audio/codec.h"

#include <gtest/gtest.h>

#include "tests/unit/audio/signal.h"

namespace sealcall::audio {
namespace {

using Pcm = std::array<int16_t, kPacketSamplesMax>;

class EveryBitrate : public testing::TestWithParam<uint32_t> {};

TEST_P(EveryBitrate, MakesPacketsOfOneSizeFromSilenceSpeechAndNoise) {
    auto encoder = Encoder::create(GetParam());
    ASSERT_TRUE(encoder);
    test::Voice voice;
    std::mt19937 random(1);
    for (int i = 0; i < 300; ++i) {
        const Frame pcm = i % 100 < 30 ? Frame{} : i % 100 < 70 ? voice.next() : test::noise(random);
        auto packet = encoder->encode(pcm);
        ASSERT_TRUE(packet);
        EXPECT_EQ(packet->size(), GetParam() / 400) << "frame " << i;
        EXPECT_EQ(packet_samples(*packet).value_or(0), kFrameSamples);
    }
}

INSTANTIATE_TEST_SUITE_P(Codec, EveryBitrate, testing::Values(6000U, 16000U, 24000U, 32000U, 48000U, 64000U, 128000U));

TEST(Codec, RefusesBitratesOutOfRange) {
    for (uint32_t bitrate : {0U, 5999U, 128001U, 4000000000U}) {
        auto e = Encoder::create(bitrate);
        ASSERT_FALSE(e);
        EXPECT_EQ(e.error().code, Errc::bad_config);
    }
}

TEST(Codec, SoundSurvivesTheRoundTrip) {
    auto encoder = Encoder::create(48000);
    auto decoder = Decoder::create();
    ASSERT_TRUE(encoder && decoder);
    test::Voice voice;
    Pcm out{};
    double in_power = 0;
    double out_power = 0;
    for (int i = 0; i < 100; ++i) {
        const Frame pcm = voice.next();
        auto packet = encoder->encode(pcm);
        ASSERT_TRUE(packet);
        ASSERT_EQ(decoder->decode(*packet, out).value_or(0), kFrameSamples);
        in_power += test::power(pcm);
        out_power += test::power(std::span(out).first(kFrameSamples));
    }
    EXPECT_NEAR(out_power / in_power, 1.0, 0.15);
}

TEST(Codec, ConcealmentAndRecoveryGiveSoundOfTheLengthAskedFor) {
    auto encoder = Encoder::create(48000);
    auto decoder = Decoder::create();
    ASSERT_TRUE(encoder && decoder);
    test::Voice voice;
    Pcm out{};
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(decoder->decode(*encoder->encode(voice.next()), out));
    EXPECT_EQ(decoder->conceal(kFrameSamples, out).value_or(0), kFrameSamples);
    EXPECT_GT(test::power(std::span(out).first(kFrameSamples)), 0);
    (void)encoder->encode(voice.next());
    auto after = encoder->encode(voice.next());
    EXPECT_EQ(decoder->recover(*after, kFrameSamples, out).value_or(0), kFrameSamples);
    EXPECT_GT(test::power(std::span(out).first(kFrameSamples)), 0);
}

TEST(Codec, ForwardErrorCorrectionBeatsConcealment) {
    // The same lost packets, once rebuilt from the packet after each and once concealed: the first must be nearer to
    // the truth.
    auto encoder = Encoder::create(48000);
    auto truth = Decoder::create();
    auto rebuilt = Decoder::create();
    auto concealed = Decoder::create();
    ASSERT_TRUE(encoder && truth && rebuilt && concealed);
    test::Voice voice;
    Pcm want{};
    Pcm a{};
    Pcm b{};
    Pcm rest{};
    double error_a = 0;
    double error_b = 0;
    for (int i = 0; i < 200; ++i) {
        const ByteSpan first = *encoder->encode(voice.next());
        ASSERT_TRUE(truth->decode(first, want));
        const Bytes following = to_bytes(*encoder->encode(voice.next()));
        if (i % 5 != 4) {
            ASSERT_TRUE(rebuilt->decode(first, a));
            ASSERT_TRUE(concealed->decode(first, b));
        } else {
            ASSERT_TRUE(rebuilt->recover(following, kFrameSamples, a));
            ASSERT_TRUE(concealed->conceal(kFrameSamples, b));
            for (size_t s = 0; s < kFrameSamples; ++s) {
                error_a += std::pow(a[s] - want[s], 2);
                error_b += std::pow(b[s] - want[s], 2);
            }
        }
        for (Decoder* d : {&*truth, &*rebuilt, &*concealed}) ASSERT_TRUE(d->decode(following, rest));
    }
    EXPECT_LT(error_a, error_b * 0.8);
}

TEST(Codec, RefusesWhatIsNoOpusPacket) {
    auto decoder = Decoder::create();
    ASSERT_TRUE(decoder);
    Pcm out{};
    EXPECT_FALSE(packet_samples({}));
    EXPECT_FALSE(decoder->decode({}, out));
    // TOC 3 with a frame count of zero; and 63 frames of 60 ms, longer than any packet may be (RFC 6716 3.2.5).
    const std::array<std::byte, 2> no_frames{std::byte{0x03}, std::byte{0x00}};
    const std::array<std::byte, 4> too_long{std::byte{0x1b}, std::byte{0x3f}, std::byte{}, std::byte{}};
    for (ByteSpan bad : {ByteSpan(no_frames), ByteSpan(too_long)}) {
        EXPECT_FALSE(decoder->decode(bad, out));
    }
    EXPECT_FALSE(packet_samples(too_long));
}

}  // namespace
}  // namespace sealcall::audio
