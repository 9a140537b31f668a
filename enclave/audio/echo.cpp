#include "enclave/audio/echo.h"

#include <speex/speex_echo.h>
#include <speex/speex_preprocess.h>

namespace sealcall::audio {
namespace {

constexpr int kBlock = 480;      // samples; 10 ms as speexdsp asks for 10 to 20 ms
constexpr int kTail = 48 * 150;  // samples: device latency (30 to 60 ms measured) and a room's first reflections

}  // namespace

void EchoCanceller::Free::operator()(SpeexEchoState_* s) const { speex_echo_state_destroy(s); }
void EchoCanceller::Free::operator()(SpeexPreprocessState_* s) const { speex_preprocess_state_destroy(s); }

Result<EchoCanceller> EchoCanceller::create() {
    EchoCanceller c;
    c.echo_.reset(speex_echo_state_init(kBlock, kTail));
    c.residual_.reset(speex_preprocess_state_init(kBlock, kSampleRate));
    if (!c.echo_ || !c.residual_) return Error{Errc::out_of_memory, "echo canceller", 0};
    int rate = kSampleRate;
    int off = 0;
    speex_echo_ctl(c.echo_.get(), SPEEX_ECHO_SET_SAMPLING_RATE, &rate);
    // Only the residual echo is suppressed: denoising would alter speech that needs no help.
    speex_preprocess_ctl(c.residual_.get(), SPEEX_PREPROCESS_SET_DENOISE, &off);
    speex_preprocess_ctl(c.residual_.get(), SPEEX_PREPROCESS_SET_ECHO_STATE, c.echo_.get());
    return c;
}

void EchoCanceller::process(Frame& microphone, const Frame& loudspeaker) {
    static_assert(kFrameSamples % kBlock == 0);
    std::array<int16_t, kBlock> clean{};
    for (size_t at = 0; at < kFrameSamples; at += kBlock) {
        speex_echo_cancellation(echo_.get(), &microphone[at], &loudspeaker[at], clean.data());
        speex_preprocess_run(residual_.get(), clean.data());
        std::ranges::copy(clean, microphone.begin() + static_cast<std::ptrdiff_t>(at));
    }
}

}  // namespace sealcall::audio
