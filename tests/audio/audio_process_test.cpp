// The audio role as its own process in file mode: two of them talk through this test, which loses some of their
// packets.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "enclave/audio/wav.h"
#include "tests/audio/phone_side.h"

namespace sealcall::audio::test {
namespace {

constexpr SessionId kSession{7};
constexpr int kSpeechSeconds = 10;

ipc::ConfigureAudio files_only(uint32_t bitrate = 48000) {
    ipc::ConfigureAudio c;
    c.input = c.output = ipc::AudioSource::wav;
    c.bitrate = bitrate;
    return c;
}

class AudioProcessTest : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        shared_ = new Directory();
        have_speech_ = make_speech(shared_->path("speech.wav"), kSpeechSeconds);
    }
    static void TearDownTestSuite() {
        delete shared_;
        shared_ = nullptr;
    }
    void SetUp() override { ASSERT_TRUE(have_speech_) << "espeak-ng and sox are needed"; }

    static std::string speech() { return shared_->path("speech.wav"); }
    std::string file(const std::string& name, ByteSpan contents) {
        std::ofstream(own_.path(name), std::ios::binary)
            .write(as_chars(contents).data(), static_cast<std::streamsize>(contents.size()));
        return own_.path(name);
    }

    static Directory* shared_;
    static bool have_speech_;
    Directory own_;
};
Directory* AudioProcessTest::shared_ = nullptr;
bool AudioProcessTest::have_speech_ = false;

// Carries frames from one process to the other as the enclaves would, and loses some.
class Network {
  public:
    Network(AudioProcess& from, AudioProcess& to, int loss_percent, uint16_t first_sequence)
        : random_(42 + first_sequence), loss_(loss_percent), sequence_(first_sequence) {
        from.on_frame = [this, &to](const ipc::CapturedFrame& f) {
            sizes.insert(f.opus.size());
            ++sent;
            const uint16_t sequence = sequence_++;
            if (static_cast<int>(random_() % 100) < loss_) return;
            to.tell(ipc::PlayFrame{
                .session = kSession, .sequence = sequence, .timestamp = 12345 + f.timestamp, .opus = f.opus});
        };
    }
    std::set<size_t> sizes;
    uint32_t sent = 0;

  private:
    std::mt19937 random_;
    int loss_;
    uint16_t sequence_;
};

struct LossCase {
    int percent;
    double least_estoi;
    double least_continuity;
    double longest_gap_ms;
};
class SpeechUnderLoss : public AudioProcessTest, public testing::WithParamInterface<LossCase> {
  protected:
    struct Heard {
        std::string name;
        Quality quality;
        uint32_t late = 0, buffer_ms = 0;
    };
    /// Both ways, once, in real time.
    void talk(std::vector<Heard>& heard);
};

void SpeechUnderLoss::talk(std::vector<Heard>& heard) {
    const int loss = GetParam().percent;
    AudioProcess alice({speech(), own_.path("alice.wav")}, {}, own_.path("alice.log"));
    AudioProcess bob({speech(), own_.path("bob.wav")}, {}, own_.path("bob.log"));
    for (AudioProcess* p : {&alice, &bob}) {
        const auto ready = p->start(files_only());
        ASSERT_TRUE(ready.ok) << ready.problem.str();
    }
    Network there(alice, bob, loss, 65000);
    Network back(bob, alice, loss, 3);
    const auto begin = BootClock::now();
    for (AudioProcess* p : {&alice, &bob}) p->tell(ipc::OpenStream{.session = kSession});
    const auto finished = [](const AudioProcess& p) {
        return std::ranges::count(p.events, ipc::AudioEventKind::wav_finished) == 1;
    };
    ASSERT_TRUE(run_until({&alice, &bob}, Millis(20'000), [&] { return finished(alice) && finished(bob); }));
    run_until({&alice, &bob}, Millis(500), [] { return false; });
    const auto took = std::chrono::duration<double>(BootClock::now() - begin).count();
    const auto memory = pss_kib(bob.pid());
    const auto cpu = cpu_of(bob.pid());
    for (AudioProcess* p : {&alice, &bob}) {
        p->stats.reset();
        p->tell(ipc::CloseStream{.session = kSession});
        ASSERT_TRUE(run_until({p}, Millis(2000), [&] { return p->stats && p->stats->final; }));
        EXPECT_EQ(p->events.front(), ipc::AudioEventKind::first_sound_played);
        EXPECT_TRUE(p->greeted);
        EXPECT_EQ(p->shut_down(), 0);
        heard.push_back({.name = p == &alice ? "alice.wav" : "bob.wav",
                         .quality = {},
                         .late = p->stats->late,
                         .buffer_ms = p->stats->buffer_ms});
    }
    EXPECT_EQ(there.sizes, std::set<size_t>{120});
    EXPECT_NEAR(there.sent, took * 50, 10) << "paced in real time";
    for (Heard& h : heard) {
        h.quality = quality(speech(), own_.path(h.name));
        std::printf("loss=%d%% %s estoi=%.3f continuity=%.3f longest_gap=%.0fms lag=%.0fms\n", loss, h.name.c_str(),
                    h.quality.estoi, h.quality.continuity, h.quality.longest_gap_ms, h.quality.lag_ms);
    }
    std::printf("cpu_ms_per_s=%.1f pss_kib=%llu\n", static_cast<double>(cpu.count()) / 1000 / took,
                static_cast<unsigned long long>(memory));
}

// A machine that stalls is heard as loss, so the best of three counts: what the code loses, it loses each time, because
// the network drops the same packets.
TEST_P(SpeechUnderLoss, ArrivesInBothDirections) {
    const LossCase& want = GetParam();
    const auto good = [&](const Heard& h) {
        const Quality& q = h.quality;
        return q.estoi >= want.least_estoi && q.continuity >= want.least_continuity &&
               q.longest_gap_ms <= want.longest_gap_ms && q.lag_ms <= 150 && h.late <= 10 && h.buffer_ms <= 80;
    };
    for (int attempt = 1; attempt <= 3; ++attempt) {
        std::vector<Heard> heard;
        ASSERT_NO_FATAL_FAILURE(talk(heard));
        if (std::ranges::all_of(heard, good)) return;
        for (const Heard& h : heard) std::printf("%s late=%u buffer=%ums\n", h.name.c_str(), h.late, h.buffer_ms);
    }
    FAIL() << "three times less than estoi " << want.least_estoi << ", continuity " << want.least_continuity;
}

// The peers a user would pick instead reach 0.965, 0.952, 0.914, 0.773 (baresip) and 0.964, 0.958, 0.954, 0.921
// (Linphone) with another yardstick implementation and other speech; the thresholds leave 0.03 to 0.06 under what was
// measured here.
INSTANTIATE_TEST_SUITE_P(Loss, SpeechUnderLoss,
                         testing::Values(LossCase{0, 0.93, 0.99, 40}, LossCase{5, 0.92, 0.97, 80},
                                         LossCase{10, 0.91, 0.96, 100}, LossCase{20, 0.85, 0.93, 160}));

TEST_F(AudioProcessTest, ARecordingSurvivesAKilledProcess) {
    AudioProcess p({speech(), own_.path("out.wav")}, {}, own_.path("log"));
    ASSERT_TRUE(p.start(files_only()).ok);
    p.tell(ipc::OpenStream{.session = kSession});
    constexpr uintmax_t kHalfASecond = 24000 * 2;  // bytes
    const auto recorded = [&] {
        std::error_code none;
        const auto size = std::filesystem::file_size(own_.path("out.wav"), none);
        return !none && size > kHalfASecond;
    };
    ASSERT_TRUE(run_until({&p}, Millis(10'000), recorded));
    ::kill(p.pid(), SIGKILL);
    EXPECT_EQ(wait_for(p.pid(), Millis(2000)), 1000 + SIGKILL);
    UniqueFd fd(::open(own_.path("out.wav").c_str(), O_RDONLY | O_CLOEXEC));
    auto f = WavPlayer::inspect(fd.get());
    ASSERT_TRUE(f);
    EXPECT_GE(f->offset + f->frames * 2, kHalfASecond) << "the header tells of all that was written";
    EXPECT_EQ(f->offset + f->frames * 2, std::filesystem::file_size(own_.path("out.wav")));
}

TEST_F(AudioProcessTest, IsIdleWithoutStreams) {
    AudioProcess p({speech(), own_.path("out.wav")}, {}, own_.path("log"));
    ASSERT_TRUE(p.start(files_only()).ok);
    run_until({&p}, Millis(100), [] { return false; });
    const auto before = cpu_of(p.pid());
    run_until({&p}, Millis(500), [] { return false; });
    EXPECT_LE(cpu_of(p.pid()) - before, Micros(1000));
    EXPECT_EQ(std::filesystem::file_size(own_.path("out.wav")), 44U);
    EXPECT_EQ(p.shut_down(), 0);
}

TEST_F(AudioProcessTest, LoadsNoSoundServerAndHasOneThreadInFileMode) {
    AudioProcess p({speech(), own_.path("out.wav")}, {}, own_.path("log"));
    ASSERT_TRUE(p.start(files_only()).ok);
    p.tell(ipc::OpenStream{.session = kSession});
    run_until({&p}, Millis(200), [] { return false; });
    std::ifstream maps("/proc/" + std::to_string(p.pid()) + "/maps");
    for (std::string line; std::getline(maps, line);) EXPECT_EQ(line.find("libpulse"), std::string::npos) << line;
    size_t threads = 0;
    for ([[maybe_unused]] const auto& each :
         std::filesystem::directory_iterator("/proc/" + std::to_string(p.pid()) + "/task"))
        ++threads;
    EXPECT_EQ(threads, 1U);
}

TEST_F(AudioProcessTest, SaysWhatIsWrongWithAWavFile) {
    const auto problem = [&](const AudioProcess::Files& files, const ipc::ConfigureAudio& config) {
        AudioProcess p(files, {}, own_.path("log"));
        const auto ready = p.start(config);
        EXPECT_FALSE(ready.ok);
        EXPECT_EQ(wait_for(p.pid(), Millis(2000)), 1);
        return ready.problem.str();
    };
    const std::string out = own_.path("out.wav");
    EXPECT_EQ(problem({file("text", as_bytes("this is not sound, it is text")), out}, files_only()),
              "the file is not a WAV file");
    EXPECT_EQ(problem({file("empty", {}), out}, files_only()), "the file is too short to be a WAV file");
    EXPECT_EQ(problem({"", out}, files_only()), "no WAV file to play was handed over");
    EXPECT_EQ(problem({speech(), ""}, files_only()), "no file to record to was handed over");
    EXPECT_NE(problem({speech(), out}, files_only(1000)).find("bit rate"), std::string::npos);
}

TEST_F(AudioProcessTest, EndsOnMessagesThatAreNotInTheProtocol) {
    const std::vector<Bytes> bad{
        ipc::encode_message(ipc::PlayFrame{.session = kSession, .opus = {}}),  // cut short below
        ipc::encode_message(ipc::Shutdown{}),                                  // not on this link
        ipc::encode_message(ipc::CloseStream{.session = kSession}),            // never opened
        to_bytes(as_bytes("\xff\xff")),
        to_bytes(as_bytes("x")),
    };
    for (size_t i = 0; i < bad.size(); ++i) {
        AudioProcess p({speech(), own_.path("out.wav")}, {}, own_.path("log"));
        ASSERT_TRUE(p.start(files_only()).ok);
        Bytes m = bad[i];
        if (i == 0) m.pop_back();
        p.tell_bytes(m);
        EXPECT_EQ(wait_for(p.pid(), Millis(3000)), 1) << i;
    }
}

TEST_F(AudioProcessTest, EndsWhenTheEnclaveOrTheLauncherIsGone) {
    for (bool enclave : {true, false}) {
        AudioProcess p({speech(), own_.path("out.wav")}, {}, own_.path("log"));
        ASSERT_TRUE(p.start(files_only()).ok);
        p.tell(ipc::OpenStream{.session = kSession});
        run_until({&p}, Millis(100), [] { return false; });
        if (enclave)
            p.close_enclave_link();
        else
            p.control().close();
        EXPECT_EQ(wait_for(p.pid(), Millis(3000)), 1);
    }
}

TEST_F(AudioProcessTest, RefusesAHelloOfAnotherBuild) {
    AudioProcess p({speech(), own_.path("out.wav")}, {}, own_.path("log"));
    p.tell(ipc::LinkHello{.build = BoundedString<64>("other"), .role = ipc::ProcessRole::enclave});
    ASSERT_TRUE(p.start(files_only()).ok);
    EXPECT_EQ(wait_for(p.pid(), Millis(3000)), 1);
}

}  // namespace
}  // namespace sealcall::audio::test
