// Ownership of PortAudio for device.cpp and device_list.cpp.
#pragma once

#include <portaudio.h>

#include <utility>

#include "sealcall/base/result.h"

namespace sealcall::audio {

/// Pa_Initialize .. Pa_Terminate. The device list is fixed in between. ALSA and JACK are told not to write to the log:
/// pages about devices that a machine does not have.
class PortAudio {
  public:
    static Result<PortAudio> create();
    PortAudio(const PortAudio&) = delete;
    PortAudio& operator=(const PortAudio&) = delete;
    PortAudio(PortAudio&& o) noexcept : owned_(std::exchange(o.owned_, false)) {}
    PortAudio& operator=(PortAudio&&) = delete;
    ~PortAudio();

  private:
    PortAudio() = default;
    bool owned_ = true;
};

inline Status pa_check(PaError code, const char* call) {
    if (code < 0) return Error{Errc::unavailable, call, static_cast<uint32_t>(-code)};
    return {};
}

}  // namespace sealcall::audio
