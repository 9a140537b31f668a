#include "enclave/audio/echo.h"

#include <gtest/gtest.h>

#include <deque>

#include "tests/unit/audio/signal.h"

namespace sealcall::audio {
namespace {

TEST(EchoCanceller, TakesOutWhatTheLoudspeakerPlayed) {
    auto canceller = EchoCanceller::create();
    ASSERT_TRUE(canceller);
    std::mt19937 random(5);
    // The room: half as loud, 50 ms later.
    std::deque<int16_t> air(48 * 50, 0);
    double before = 0;
    double after = 0;
    for (int i = 0; i < 300; ++i) {
        const Frame loudspeaker = test::noise(random);
        Frame microphone{};
        for (size_t s = 0; s < microphone.size(); ++s) {
            air.push_back(static_cast<int16_t>(loudspeaker[s] / 2));
            microphone[s] = air.front();
            air.pop_front();
        }
        const double echo = test::power(microphone);
        canceller->process(microphone, loudspeaker);
        if (i >= 200) {
            before += echo;
            after += test::power(microphone);
        }
    }
    EXPECT_LT(after, before / 100);  // 20 dB
}

TEST(EchoCanceller, LeavesSpeechAloneWhenNothingIsPlayed) {
    auto canceller = EchoCanceller::create();
    ASSERT_TRUE(canceller);
    test::Voice voice;
    double before = 0;
    double after = 0;
    for (int i = 0; i < 200; ++i) {
        Frame microphone = voice.next();
        before += test::power(microphone);
        canceller->process(microphone, Frame{});
        after += test::power(microphone);
    }
    EXPECT_NEAR(after / before, 1.0, 0.2);
}

}  // namespace
}  // namespace sealcall::audio
