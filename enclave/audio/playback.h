// Playback: one session's incoming sound, from Opus packets to 20 ms frames of samples. Packets were authenticated by
// the enclave, their contents are the peer's.
#pragma once

#include "enclave/audio/codec.h"
#include "enclave/audio/jitter_buffer.h"

namespace sealcall::audio {

class Playback {
  public:
    static Result<Playback> create();
    void packet(uint16_t sequence, uint32_t timestamp, ByteSpan opus, BootInstant now);
    /// The next 20 ms. Returns true if any of it came out of a packet.
    bool next(Frame& out, BootInstant now);

    [[nodiscard]] JitterBuffer::Stats stats() const { return jitter_.stats(); }
    /// Packets that were no Opus.
    [[nodiscard]] uint32_t malformed() const { return malformed_; }

  private:
    explicit Playback(Decoder decoder) : decoder_(std::move(decoder)) {}
    bool refill(BootInstant now);

    JitterBuffer jitter_;
    Decoder decoder_;
    std::array<int16_t, kPacketSamplesMax> pcm_{};
    size_t made_ = 0;  ///< samples in pcm_
    size_t used_ = 0;
    JitterBuffer::Loudness last_ = JitterBuffer::Loudness::quiet;
    uint32_t malformed_ = 0;
};

}  // namespace sealcall::audio
