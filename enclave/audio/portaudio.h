// Ownership of PortAudio for device.cpp and device_list.cpp: its initialisation, and its noise.
#pragma once

#include <portaudio.h>

#include "sealcall/base/result.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::audio {

/// Pa_Initialize .. Pa_Terminate. The device list is fixed in between.
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

/// While it lives, standard error goes nowhere: ALSA and JACK write pages about devices that a machine does not have.
class Hush {
  public:
    Hush();
    Hush(const Hush&) = delete;
    Hush& operator=(const Hush&) = delete;
    ~Hush();

  private:
    UniqueFd kept_;
};

inline Status pa_check(PaError code, const char* call) {
    if (code < 0) return Error{Errc::unavailable, call, static_cast<uint32_t>(-code)};
    return {};
}

}  // namespace sealcall::audio
