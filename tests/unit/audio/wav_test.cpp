#include "enclave/audio/wav.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "sealcall/base/unique_fd.h"
#include "tests/unit/audio/signal.h"

namespace sealcall::audio {
namespace {

UniqueFd file_with(ByteSpan contents) {
    UniqueFd fd(::memfd_create("wav", MFD_CLOEXEC));
    EXPECT_EQ(::pwrite(fd.get(), contents.data(), contents.size(), 0), static_cast<ssize_t>(contents.size()));
    return fd;
}

struct Head {
    std::string riff = "RIFF";
    std::string wave = "WAVE";
    uint16_t kind = 1;
    uint16_t channels = 1;
    uint32_t rate = 48000;
    uint16_t block = 2;
    uint16_t bits = 16;
    uint32_t format_bytes = 16;
    std::string extra{};  // chunks between format and data
    uint32_t data_bytes = 8;
};

Bytes wav(const Head& h, ByteSpan data = as_bytes("abcdefgh")) {
    ByteWriter w;
    const auto put32 = [&](uint32_t v) { w.u32(__builtin_bswap32(v)); };
    const auto put16 = [&](uint16_t v) { w.u16(__builtin_bswap16(v)); };
    w.bytes(as_bytes(h.riff));
    put32(0);
    w.bytes(as_bytes(h.wave)).bytes(as_bytes("fmt "));
    put32(h.format_bytes);
    put16(h.kind);
    put16(h.channels);
    put32(h.rate);
    put32(h.rate * h.block);
    put16(h.block);
    put16(h.bits);
    w.bytes(as_bytes(h.extra)).bytes(as_bytes("data"));
    put32(h.data_bytes);
    w.bytes(data);
    return w.take();
}

Result<WavFormat> parse(const Bytes& b) { return parse_wav(b, b.size()); }

TEST(WavParser, ReadsAPlainFile) {
    auto f = parse(wav({}));
    ASSERT_TRUE(f);
    EXPECT_EQ(*f, (WavFormat{.rate = 48000, .channels = 1, .offset = 44, .frames = 4}));
}

TEST(WavParser, SkipsChunksItDoesNotKnowWithTheirPadding) {
    const std::string odd = std::string("LIST\x03\x00\x00\x00", 8) + "abc" + '\0';
    auto f = parse(wav({.extra = odd}));
    ASSERT_TRUE(f);
    EXPECT_EQ(f->offset, 44U + 12U);
}

TEST(WavParser, CutsALengthBeyondTheEndOfTheFile) {
    auto f = parse(wav({.data_bytes = 0xffffffff}));
    ASSERT_TRUE(f);
    EXPECT_EQ(f->frames, 4U);
    auto half = parse(wav({.channels = 2, .block = 4, .data_bytes = 7}));
    ASSERT_TRUE(half);
    EXPECT_EQ(half->frames, 1U);
}

TEST(WavParser, RefusesWhatItCannotPlayAndSaysWhy) {
    const std::string far = std::string("LIST\x00\x00\x00\x7f", 8);
    const std::vector<std::pair<Head, Errc>> bad{
        {{.riff = "RIFX"}, Errc::bad_value},
        {{.wave = "AVI "}, Errc::bad_value},
        {{.kind = 3}, Errc::bad_value},
        {{.channels = 0, .block = 0}, Errc::bad_value},
        {{.channels = 6, .block = 12}, Errc::bad_value},
        {{.rate = 0}, Errc::bad_value},
        {{.rate = 192001}, Errc::bad_value},
        {{.block = 4}, Errc::bad_value},
        {{.bits = 8}, Errc::bad_value},
        {{.format_bytes = 4}, Errc::truncated},
        {{.format_bytes = 0xfffffff0}, Errc::truncated},
        {{.extra = far}, Errc::truncated},
        {{.data_bytes = 0}, Errc::bad_value},
        {{.data_bytes = 1}, Errc::bad_value},
    };
    for (const auto& [head, code] : bad) {
        auto f = parse(wav(head));
        ASSERT_FALSE(f) << &head - &bad[0].first;
        EXPECT_EQ(f.error().code, code) << f.error().what;
        EXPECT_GT(std::string_view(f.error().what).size(), 10U);
    }
    EXPECT_FALSE(parse({}));
    EXPECT_FALSE(parse(to_bytes(as_bytes("RIFF\x04\x00\x00\x00WAVE"))));
}

TEST(WavParser, RefusesSoundThatBeginsTooFarIn) {
    Bytes b = wav({});
    Bytes big(b.begin(), b.begin() + 36);
    ByteWriter chunk;
    chunk.bytes(as_bytes("junk")).u32(__builtin_bswap32(kWavHeadMax)).bytes(Bytes(kWavHeadMax));
    const Bytes& j = chunk.view();
    big.insert(big.end(), j.begin(), j.end());
    big.insert(big.end(), b.begin() + 36, b.end());
    auto f = parse_wav(ByteSpan(big).first(kWavHeadMax), big.size());
    ASSERT_FALSE(f);
    EXPECT_EQ(f.error().code, Errc::too_large);
}

TEST(WavParser, RefusesEveryTruncation) {
    const Bytes whole = wav({});
    for (size_t n = 0; n < 46; ++n) EXPECT_FALSE(parse_wav(ByteSpan(whole).first(n), n)) << n;
}

// Plays a file with a 400 Hz tone and counts zero crossings: pitch and length must survive every rate.
class PlayerRate : public testing::TestWithParam<std::tuple<uint32_t, int>> {};

TEST_P(PlayerRate, PlaysAtTheRightPitchAndLength) {
    const auto [rate, channels] = GetParam();
    std::vector<int16_t> tone;
    for (uint32_t i = 0; i < rate; ++i)
        for (int c = 0; c < channels; ++c)
            tone.push_back(static_cast<int16_t>(10000 * std::sin(2 * std::numbers::pi * 400 * i / rate)));
    const Bytes b = wav({.channels = static_cast<uint16_t>(channels),
                         .rate = rate,
                         .block = static_cast<uint16_t>(2 * channels),
                         .data_bytes = static_cast<uint32_t>(tone.size() * 2)},
                        std::as_bytes(std::span(tone)));
    UniqueFd fd = file_with(b);
    auto format = WavPlayer::inspect(fd.get());
    ASSERT_TRUE(format);
    auto player = WavPlayer::create(fd.get(), *format);
    ASSERT_TRUE(player);
    std::vector<int16_t> out;
    while (!player->finished()) {
        Frame f{};
        player->read(f);
        out.insert(out.end(), f.begin(), f.end());
    }
    EXPECT_NEAR(static_cast<double>(out.size()), 48000, 2 * 960);
    int crossings = 0;
    for (size_t i = 1; i < 43200; ++i) crossings += out[i - 1] < 0 && out[i] >= 0 ? 1 : 0;
    EXPECT_NEAR(crossings, 360, 2);
    EXPECT_NEAR(test::power(std::span(out).subspan(4800, 38400)), 5e7, 5e6);
    Frame after;
    after.fill(1);
    player->read(after);
    EXPECT_EQ(test::power(after), 0);
}

INSTANTIATE_TEST_SUITE_P(Wav, PlayerRate,
                         testing::Combine(testing::Values(8000U, 11025U, 22050U, 44100U, 48000U, 96000U, 192000U),
                                          testing::Values(1, 2)));

TEST(WavPlayer, PlaysSilenceWhenTheFileShrinksUnderIt) {
    std::vector<int16_t> loud(48000, 1000);
    const Bytes b = wav({.data_bytes = 96000}, std::as_bytes(std::span(loud)));
    UniqueFd fd = file_with(b);
    auto player = WavPlayer::create(fd.get(), *WavPlayer::inspect(fd.get()));
    ASSERT_TRUE(player);
    Frame f{};
    player->read(f);
    EXPECT_GT(test::power(f), 0);
    ASSERT_EQ(::ftruncate(fd.get(), 1000), 0);
    player->read(f);
    EXPECT_EQ(test::power(f), 0);
    EXPECT_TRUE(player->finished());
}

TEST(WavPlayer, SaysWhatIsWrongWithTheDescriptor) {
    EXPECT_EQ(WavPlayer::inspect(-1).error().code, Errc::io);
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    UniqueFd r(ends[0]);
    UniqueFd w(ends[1]);
    EXPECT_EQ(WavPlayer::inspect(r.get()).error().code, Errc::io);
    EXPECT_EQ(WavWriter::create(w.get()).error().code, Errc::io);
    EXPECT_EQ(WavWriter::create(-1).error().code, Errc::io);
}

TEST(WavWriter, IsAValidFileAfterEveryFrame) {
    UniqueFd fd(::memfd_create("out", MFD_CLOEXEC));
    auto writer = WavWriter::create(fd.get());
    ASSERT_TRUE(writer);
    test::Voice voice;
    for (uint64_t i = 1; i <= 20; ++i) {
        ASSERT_TRUE(writer->append(voice.next()));
        auto f = WavPlayer::inspect(fd.get());
        ASSERT_TRUE(f);
        EXPECT_EQ(*f, (WavFormat{.rate = 48000, .channels = 1, .offset = 44, .frames = i * 960}));
        EXPECT_EQ(writer->samples(), i * 960);
    }
}

TEST(WavWriter, WhatItWritesIsWhatThePlayerReads) {
    UniqueFd fd(::memfd_create("out", MFD_CLOEXEC));
    auto writer = WavWriter::create(fd.get());
    ASSERT_TRUE(writer);
    test::Voice voice;
    std::vector<Frame> sent;
    for (int i = 0; i < 10; ++i) {
        sent.push_back(voice.next());
        ASSERT_TRUE(writer->append(sent.back()));
    }
    auto player = WavPlayer::create(fd.get(), *WavPlayer::inspect(fd.get()));
    ASSERT_TRUE(player);
    for (const Frame& want : sent) {
        Frame got{};
        player->read(got);
        EXPECT_EQ(got, want);
    }
}

}  // namespace
}  // namespace sealcall::audio
