// A PulseAudio daemon of the test's own with a two-channel null sink as its "room": the left channel is a caller's
// mouth (source "mic"), the right one a callee's ear (sink "spk_out"), so that one recording holds both on one clock.
#pragma once

#include "tests/audio/phone_side.h"

namespace sealcall::audio::test {

class PulseServer {
  public:
    explicit PulseServer(const Directory& directory);
    PulseServer(const PulseServer&) = delete;
    PulseServer& operator=(const PulseServer&) = delete;
    ~PulseServer() { stop(); }

    static bool installed();
    /// True once it answers.
    bool start();
    void stop();
    /// What its clients need: HOME, XDG_RUNTIME_DIR, PULSE_SERVER, PATH.
    [[nodiscard]] std::vector<std::string> environment() const;
    /// Plays a file into the left channel, records both channels; each until it is ended.
    pid_t play_to_microphone(const std::string& wav);
    pid_t record_room(const std::string& wav);

  private:
    const Directory& directory_;
    pid_t daemon_ = -1;
    pid_t keep_alive_ = -1;
};

}  // namespace sealcall::audio::test
