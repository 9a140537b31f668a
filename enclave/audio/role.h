// The audio role: its links, its one poll loop, and where sound comes from and goes to. Trusts the launcher
// (configuration) and the enclave (which session may hear and speak); what they send is still checked, and an odd
// message ends the process.
#pragma once

#include <memory>
#include <optional>

#include "enclave/audio/device.h"
#include "enclave/audio/echo.h"
#include "enclave/audio/streams.h"

namespace sealcall::audio {

class AudioRole {
  public:
    /// Both descriptors are connected SOCK_SEQPACKET sockets. The WAV descriptors are the numbers in ipc::fd.
    AudioRole(UniqueFd control, UniqueFd enclave) : control_(std::move(control)), enclave_(std::move(enclave)) {}

    /// Configuration, devices, lock-down, then the loop until Shutdown or the end of a link. Returns the exit status.
    int run();

  private:
    Status configure();
    Status on_configuration(ByteSpan message, bool& started);
    Status prepare();
    Status open_wav();
    Status loop();

    Status receive_control();
    Status receive_enclave();
    Status on_enclave_message(ByteSpan message);
    Status open_stream(ByteSpan message);
    void on_timer();
    void on_device();
    void play_20ms();
    void capture_20ms();

    [[nodiscard]] bool uses_device() const;
    [[nodiscard]] bool device_plays() const;
    [[nodiscard]] bool device_captures() const;
    Status open_device();
    void start_device();
    void watch_device();
    void run_clock();
    void stop_if_idle();

    ipc::Link control_;
    ipc::Link enclave_;
    ipc::ConfigureAudio config_;
    std::optional<Streams> streams_;
    std::optional<WavWriter> recording_;
    std::unique_ptr<Device> device_;
    std::optional<EchoCanceller> echo_;
    UniqueFd timer_;
    bool have_wav_in_ = false;
    bool have_wav_out_ = false;
    bool ticking_ = false;
    bool configured_ = false;
    bool greeted_control_ = false;
    bool greeted_enclave_ = false;
    bool ending_ = false;
    uint32_t ticks_ = 0;
    std::string warning_;
    std::vector<std::byte> buffer_ = std::vector<std::byte>(ipc::kMessageMax + 1);
};

}  // namespace sealcall::audio
