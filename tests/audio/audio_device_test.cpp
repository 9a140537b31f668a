// The audio role with a sound device: PortAudio, ALSA's Pulse plugin and a real PulseAudio daemon with null sinks.
#include <gtest/gtest.h>
#include <fstream>

#include <cmath>
#include <csignal>

#include "tests/audio/pulse_server.h"

namespace sealcall::audio::test {
namespace {

constexpr SessionId kSession{1};

class AudioDeviceTest : public testing::Test {
  protected:
    void SetUp() override {
        if (!PulseServer::installed())
            GTEST_SKIP() << "SKIPPED: pulseaudio is not installed, the sound card path is NOT tested";
        server_.emplace(directory_);
        ASSERT_TRUE(server_->start());
    }
    static ipc::ConfigureAudio device_only() {
        ipc::ConfigureAudio c;
        c.bitrate = 48000;
        c.echo_cancel = false;  // the room is a wire: it would be cancelled altogether
        return c;
    }
    std::string log() const { return directory_.path("audio.log"); }
    static bool saw(const AudioProcess& p, ipc::AudioEventKind kind) { return std::ranges::count(p.events, kind) > 0; }
    // What the peer would send back: our own frames, at once.
    static void loop_back(AudioProcess& p, uint32_t& frames) {
        p.on_frame = [&p, &frames](const ipc::CapturedFrame& f) {
            ++frames;
            p.tell(ipc::PlayFrame{.session = kSession,
                                  .sequence = static_cast<uint16_t>(f.timestamp / 960),
                                  .timestamp = f.timestamp,
                                  .opus = f.opus});
        };
    }
    // What the process said and wrote: a failure that comes once in many runs must explain itself.
    void tell_story(const AudioProcess& p) const {
        for (ipc::AudioEventKind e : p.events) std::printf("event %u\n", static_cast<unsigned>(e));
        std::ifstream in(log());
        for (std::string line; std::getline(in, line);) std::printf("log: %s\n", line.c_str());
    }

    Directory directory_;
    std::optional<PulseServer> server_;
};

TEST_F(AudioDeviceTest, ListsWhatTheSoundServerOffers) {
    int status = -1;
    std::string out = run({SEALCALL_DEVICES}, status, server_->environment());
    EXPECT_EQ(status, 0) << out;
    EXPECT_NE(out.find("\"name\":\"default\""), std::string::npos) << out;
    EXPECT_NE(out.find("48000"), std::string::npos) << out;
    EXPECT_NE(out.find("\"default_input\":true"), std::string::npos) << out;
}

class SoundInARoom : public AudioDeviceTest {
  protected:
    struct Heard {
        Quality mouth, ear;  ///< what was said, and what came out of the loudspeaker
        double frames_a_second = 0;
    };
    /// Nine seconds with a device, in real time.
    void listen(Heard& out);
};

void SoundInARoom::listen(Heard& out) {
    AudioProcess p({}, server_->environment(), log());
    const auto ready = p.start(device_only());
    ASSERT_TRUE(ready.ok);
    ASSERT_EQ(ready.problem.str(), "");
    uint32_t frames = 0;
    loop_back(p, frames);
    p.tell(ipc::OpenStream{.session = kSession});
    ASSERT_TRUE(run_until({&p}, Millis(5000), [&] { return frames >= 25; })) << "the microphone gives no frames";
    const pid_t recorder = server_->record_room(directory_.path("room.wav"));
    run_until({&p}, Millis(500), [] { return false; });
    const auto cpu_before = cpu_of(p.pid());
    const auto frames_before = frames;
    const auto begin = BootClock::now();
    const pid_t player = server_->play_to_microphone(directory_.path("speech.wav"));
    run_until({&p}, Millis(9000), [] { return false; });
    const double seconds = std::chrono::duration<double>(BootClock::now() - begin).count();
    out.frames_a_second = (frames - frames_before) / seconds;
    std::printf("cpu_ms_per_s=%.1f pss_kib=%llu\n",
                static_cast<double>((cpu_of(p.pid()) - cpu_before).count()) / 1000 / seconds,
                static_cast<unsigned long long>(pss_kib(p.pid())));
    EXPECT_TRUE(saw(p, ipc::AudioEventKind::first_sound_played));
    end(player, SIGTERM);
    end(recorder, SIGINT);
    EXPECT_EQ(p.shut_down(), 0);
    out.mouth = quality(directory_.path("speech.wav"), directory_.path("room.wav"), {"--channel", "0"});
    out.ear = quality(directory_.path("speech.wav"), directory_.path("room.wav"), {"--channel", "1"});
    std::printf("mouth: estoi=%.3f  ear: estoi=%.3f continuity=%.3f longest_gap=%.0fms mouth_to_ear=%.0fms %.1f/s\n",
                out.mouth.estoi, out.ear.estoi, out.ear.continuity, out.ear.longest_gap_ms,
                out.ear.lag_ms - out.mouth.lag_ms, out.frames_a_second);
    if (HasFailure()) tell_story(p);
}

// The best of three, as in SpeechUnderLoss: a machine that stalls is heard.
TEST_F(SoundInARoom, SpeechGoesFromTheMicrophoneThroughOpusToTheLoudspeaker) {
    ASSERT_TRUE(make_speech(directory_.path("speech.wav"), 8));
    for (int attempt = 1; attempt <= 3; ++attempt) {
        Heard h;
        ASSERT_NO_FATAL_FAILURE(listen(h));
        const double way = h.ear.lag_ms - h.mouth.lag_ms;
        const bool good = h.mouth.estoi >= 0.95 && h.ear.estoi >= 0.85 && h.ear.continuity >= 0.95 &&
                          h.ear.longest_gap_ms <= 100 && way >= 20 && way <= 250 &&
                          std::abs(h.frames_a_second - 50) <= 2;
        if (good) return;
    }
    FAIL() << "three times less than estoi 0.95 in the room and 0.85 at the ear, continuity 0.95, gaps of 100 ms, "
              "20 to 250 ms of way, 50 frames a second";
}

TEST_F(AudioDeviceTest, SaysWhenTheDeviceIsLostAndTakesItUpAgainWhenItIsBack) {
    AudioProcess p({}, server_->environment(), log());
    ASSERT_TRUE(p.start(device_only()).ok);
    uint32_t frames = 0;
    loop_back(p, frames);
    p.tell(ipc::OpenStream{.session = kSession});
    ASSERT_TRUE(run_until({&p}, Millis(5000), [&] { return frames >= 25; }));
    server_->stop();
    ASSERT_TRUE(run_until({&p}, Millis(10'000), [&] { return saw(p, ipc::AudioEventKind::device_lost); }));
    const auto lost_at = frames;
    // Meanwhile the peer gets silence, not a dead line.
    EXPECT_TRUE(run_until({&p}, Millis(5000), [&] { return frames >= lost_at + 50; }));
    EXPECT_FALSE(saw(p, ipc::AudioEventKind::device_back));
    ASSERT_TRUE(server_->start());
    ASSERT_TRUE(run_until({&p}, Millis(15'000), [&] { return saw(p, ipc::AudioEventKind::device_back); }));
    const auto back_at = frames;
    EXPECT_TRUE(run_until({&p}, Millis(5000), [&] { return frames >= back_at + 50; }));
    EXPECT_EQ(p.shut_down(), 0);
}

TEST_F(AudioDeviceTest, APhoneWithoutASoundDeviceStillStartsAndSaysSo) {
    ipc::ConfigureAudio c = device_only();
    c.input_device = BoundedString<128>("a microphone that nobody has");
    AudioProcess p({}, server_->environment(), log());
    const auto ready = p.start(c);
    EXPECT_TRUE(ready.ok);
    EXPECT_EQ(ready.problem.str(), "no microphone has that name");
    uint32_t frames = 0;
    p.on_frame = [&](const ipc::CapturedFrame&) { ++frames; };
    p.tell(ipc::OpenStream{.session = kSession});
    EXPECT_TRUE(run_until({&p}, Millis(5000), [&] { return saw(p, ipc::AudioEventKind::no_device) && frames > 10; }));
    EXPECT_EQ(p.shut_down(), 0);
}

TEST_F(AudioDeviceTest, StopsTheDeviceWhenTheLastCallEndsAndStartsItForTheNext) {
    AudioProcess p({}, server_->environment(), log());
    ASSERT_TRUE(p.start(device_only()).ok);
    for (uint32_t call = 1; call <= 3; ++call) {
        uint32_t frames = 0;
        p.on_frame = [&](const ipc::CapturedFrame&) { ++frames; };
        p.tell(ipc::OpenStream{.session = SessionId{call}});
        EXPECT_TRUE(run_until({&p}, Millis(5000), [&] { return frames >= 25; })) << call;
        p.tell(ipc::CloseStream{.session = SessionId{call}});
        run_until({&p}, Millis(300), [] { return false; });
        frames = 0;
        run_until({&p}, Millis(200), [] { return false; });
        EXPECT_EQ(frames, 0U);
    }
    EXPECT_EQ(p.shut_down(), 0);
}

}  // namespace
}  // namespace sealcall::audio::test
