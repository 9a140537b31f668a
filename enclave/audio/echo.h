// Echo canceller (speexdsp): takes out of the microphone what the loudspeaker just played. Device mode only.
#pragma once

#include <memory>

#include "enclave/audio/codec.h"

struct SpeexEchoState_;
struct SpeexPreprocessState_;

namespace sealcall::audio {

class EchoCanceller {
  public:
    /// Errors: out_of_memory.
    static Result<EchoCanceller> create();
    /// `microphone` and `loudspeaker` are the same 20 ms of the device's clock; the result replaces `microphone`.
    void process(Frame& microphone, const Frame& loudspeaker);

  private:
    struct Free {
        void operator()(SpeexEchoState_* s) const;
        void operator()(SpeexPreprocessState_* s) const;
    };
    EchoCanceller() = default;
    std::unique_ptr<SpeexEchoState_, Free> echo_;
    std::unique_ptr<SpeexPreprocessState_, Free> residual_;  ///< refers to echo_: declared after it, so destroyed first
};

}  // namespace sealcall::audio
