// Device: the sound card through PortAudio, 48 kHz mono, 10 ms buffers. Only this file and its .cpp know PortAudio, and
// nothing here is touched when both ends of a phone's sound are files. Samples cross between PortAudio's callback
// thread and ours in lock-free rings; an eventfd wakes our loop, so that the device's clock drives coding and no two
// clocks drift. Trusts the system's sound configuration: what it loads (ALSA plugins) runs in this process, before
// lock-down.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "enclave/audio/codec.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::audio {

struct DeviceInfo {
    int index = 0;
    std::string name;
    std::string host_api;
    int inputs = 0;   ///< channels
    int outputs = 0;  ///< channels
    bool default_input = false;
    bool default_output = false;
    double default_rate = 0;      ///< Hz
    std::vector<uint32_t> rates;  ///< Hz that work, of those a phone may want
};

/// What the sound system offers now. Loads the sound libraries. Errors: unavailable.
Result<std::vector<DeviceInfo>> list_devices();

enum class Part : uint8_t { none, used };

struct DeviceOptions {
    Part input = Part::none;
    Part output = Part::none;
    std::string input_name;  ///< part of a device name; empty: the system's default
    std::string output_name;
};

class Device {
  public:
    virtual ~Device() = default;

    /// Loads the sound libraries and connects to the sound system; nothing is recorded or played yet. May take 100 ms
    /// and more. One at a time. Errors: not_found (no device of that name), unavailable.
    static Result<std::unique_ptr<Device>> open(const DeviceOptions& options);
    virtual Status start() = 0;
    /// Ends at once; what was not played is thrown away.
    virtual void stop() = 0;
    /// False once a started device has gone away or has been silent for 5 s: close it and open anew.
    [[nodiscard]] virtual bool alive() = 0;
    /// Readable whenever the device has taken or given a buffer.
    [[nodiscard]] virtual int wake_fd() const = 0;
    virtual void clear_wake() = 0;
    /// True if 20 ms should be given now, or the loudspeaker will run dry.
    [[nodiscard]] virtual bool wants_frame() = 0;
    virtual void give(const Frame& pcm) = 0;
    /// The next 20 ms of the microphone, and what the loudspeaker played in that time. False: not there yet.
    virtual bool take(Frame& microphone, Frame& loudspeaker) = 0;
    /// Times that the loudspeaker ran dry since start.
    [[nodiscard]] virtual uint32_t underruns() const = 0;
};

}  // namespace sealcall::audio
