#include "enclave/audio/streams.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <map>

#include "tests/unit/audio/signal.h"

namespace sealcall::audio {
namespace {

constexpr SessionId kOne{1};
constexpr SessionId kTwo{2};

class StreamsTest : public testing::Test {
  protected:
    StreamsTest() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
        ours_ = ipc::Link(UniqueFd(ends[0]));
        enclave_ = ipc::Link(UniqueFd(ends[1]));
        streams_.emplace(Streams::Settings{}, ours_);
    }

    struct Sent {
        std::map<uint32_t, std::vector<ipc::CapturedFrame>> frames;
        std::vector<ipc::AudioEvent> events;
        std::vector<ipc::StreamStats> stats;
    };
    Sent sent() {
        Sent out;
        Bytes buffer(ipc::kMessageMax + 1);
        for (;;) {
            auto m = enclave_.receive(buffer);
            if (!m) return out;
            const uint16_t id = ipc::message_id(*m).value_or(0);
            if (id == ipc::CapturedFrame::kId) {
                auto f = ipc::decode_message<ipc::CapturedFrame>(*m).value();
                out.frames[f.session.value].push_back(f);
            } else if (id == ipc::AudioEvent::kId) {
                out.events.push_back(ipc::decode_message<ipc::AudioEvent>(*m).value());
            } else {
                out.stats.push_back(ipc::decode_message<ipc::StreamStats>(*m).value());
            }
        }
    }
    // Loudness of what a receiver of these frames would hear.
    static double heard(const std::vector<ipc::CapturedFrame>& frames) {
        auto d = Decoder::create();
        std::array<int16_t, kPacketSamplesMax> pcm{};
        double sum = 0;
        for (const auto& f : frames) {
            EXPECT_EQ(d->decode(f.opus.view(), pcm).value_or(0), kFrameSamples);
            sum += test::power(std::span(pcm).first(kFrameSamples));
        }
        return sum;
    }

    ipc::Link ours_;
    ipc::Link enclave_;
    std::optional<Streams> streams_;
    test::Voice voice_;
};

TEST_F(StreamsTest, TheMicrophoneGoesToOneSessionAndTheOtherSendsSilenceOfTheSameSize) {
    ASSERT_TRUE(streams_->open({.session = kOne}));
    ASSERT_TRUE(streams_->open({.session = kTwo}));
    for (int i = 0; i < 50; ++i) {
        const Frame f = voice_.next();
        streams_->send_captured(&f);
    }
    auto out = sent();
    ASSERT_EQ(out.frames[1].size(), 50U);
    ASSERT_EQ(out.frames[2].size(), 50U);
    EXPECT_LT(heard(out.frames[1]), 100);
    EXPECT_GT(heard(out.frames[2]), 1e6);
    EXPECT_EQ(out.frames[1][7].opus.size(), out.frames[2][7].opus.size());
}

TEST_F(StreamsTest, WhenTheOwnerClosesNobodyHasTheMicrophoneUntilTheEnclaveSaysSo) {
    ASSERT_TRUE(streams_->open({.session = kOne}));
    ASSERT_TRUE(streams_->open({.session = kTwo}));
    ASSERT_TRUE(streams_->close({.session = kTwo}));
    EXPECT_FALSE(streams_->microphone_in_use());
    for (int i = 0; i < 20; ++i) {
        const Frame f = voice_.next();
        streams_->send_captured(&f);
    }
    EXPECT_LT(heard(sent().frames[1]), 100);
    ASSERT_TRUE(streams_->capture({.session = kOne, .on = true}));
    for (int i = 0; i < 20; ++i) {
        const Frame f = voice_.next();
        streams_->send_captured(&f);
    }
    EXPECT_GT(heard(sent().frames[1]), 1e6);
}

TEST_F(StreamsTest, MutingKeepsPacketsComingAndTheirTimestampsRunning) {
    ASSERT_TRUE(streams_->open({.session = kOne}));
    for (int i = 0; i < 60; ++i) {
        if (i == 20) {
            ASSERT_TRUE(streams_->capture({.session = kOne, .on = false}));
        }
        const Frame f = voice_.next();
        streams_->send_captured(&f);
    }
    auto frames = sent().frames[1];
    ASSERT_EQ(frames.size(), 60U);
    for (size_t i = 0; i < frames.size(); ++i) {
        EXPECT_EQ(frames[i].timestamp, i * 960);
        EXPECT_EQ(frames[i].opus.size(), frames[0].opus.size());
    }
    frames.erase(frames.begin(), frames.begin() + 22);
    EXPECT_LT(heard(frames), 100);
}

TEST_F(StreamsTest, AStreamOpenedWithoutCaptureSendsNothing) {
    ASSERT_TRUE(streams_->open({.session = kOne, .capture = false}));
    const Frame f = voice_.next();
    streams_->send_captured(&f);
    EXPECT_TRUE(sent().frames.empty());
}

TEST_F(StreamsTest, EachSessionHearsTheWavFileFromItsStartAndItsEndIsAnnouncedOnce) {
    UniqueFd file(::memfd_create("in", MFD_CLOEXEC));
    auto writer = WavWriter::create(file.get());
    ASSERT_TRUE(writer);
    for (int i = 0; i < 25; ++i) ASSERT_TRUE(writer->append(voice_.next()));
    streams_.emplace(
        Streams::Settings{.bitrate = 32000, .wav_fd = file.get(), .wav_in = *WavPlayer::inspect(file.get())}, ours_);
    for (SessionId id : {kOne, kTwo}) {
        ASSERT_TRUE(streams_->open({.session = id}));
        for (int i = 0; i < 40; ++i) streams_->send_captured(nullptr);
        auto out = sent();
        EXPECT_GT(heard(out.frames[id.value]), 1e6);
        ASSERT_EQ(out.events.size(), 1U);
        EXPECT_EQ(out.events[0].kind, ipc::AudioEventKind::wav_finished);
        EXPECT_EQ(out.events[0].session, id);
        ASSERT_TRUE(streams_->close({.session = id}));
        EXPECT_TRUE(sent().stats.back().final);
    }
}

TEST_F(StreamsTest, MixesWhatSessionsReceiveAndSaysWhenSoundIsFirstHeard) {
    auto encoder = Encoder::create(32000);
    ASSERT_TRUE(encoder);
    ASSERT_TRUE(streams_->open({.session = kOne}));
    ASSERT_TRUE(streams_->open({.session = kTwo, .capture = true, .playback = false}));
    double loud = 0;
    for (uint16_t i = 0; i < 60; ++i) {
        const auto now = BootInstant(Micros(1'000'000 + i * 20'000));
        const BoundedBytes<ipc::kAudioFrameMax> opus(*encoder->encode(voice_.next()));
        for (SessionId id : {kOne, kTwo, SessionId{99}})
            streams_->play({.session = id, .sequence = i, .timestamp = i * 960U, .opus = opus}, now);
        Frame out{};
        streams_->mix(out, now + Micros(5000));
        loud += test::power(out);
    }
    EXPECT_GT(loud, 1e6);
    const auto out = sent();
    ASSERT_EQ(out.events.size(), 1U);
    EXPECT_EQ(out.events[0].kind, ipc::AudioEventKind::first_sound_played);
    EXPECT_EQ(out.events[0].session, kOne);
    ASSERT_EQ(out.stats.size(), 2U);  // once a second, each session
    EXPECT_GT(out.stats[0].played, 40U);
    EXPECT_EQ(out.stats[1].played, 0U);
}

TEST_F(StreamsTest, RefusesWhatDoesNotFit) {
    ASSERT_TRUE(streams_->open({.session = kOne}));
    EXPECT_EQ(streams_->open({.session = kOne}).error().code, Errc::wrong_state);
    EXPECT_EQ(streams_->close({.session = kTwo}).error().code, Errc::unknown_id);
    EXPECT_EQ(streams_->capture({.session = kTwo, .on = true}).error().code, Errc::unknown_id);
    for (uint32_t i = 10; i < 10 + Streams::kMax - 1; ++i) ASSERT_TRUE(streams_->open({.session = SessionId{i}}));
    EXPECT_EQ(streams_->open({.session = kTwo}).error().code, Errc::too_large);
}

}  // namespace
}  // namespace sealcall::audio
