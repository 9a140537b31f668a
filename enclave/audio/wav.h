// WAV files in and out of a call. A file to play is foreign bytes: the parser is bounded and refuses what it does not
// know; the sound itself is read 20 ms at a time. The recording is a valid file after every frame, even if the process
// is killed. Both work on an inherited descriptor: this process never sees a path.
#pragma once

#include <memory>
#include <vector>

#include "enclave/audio/codec.h"

struct SpeexResamplerState_;

namespace sealcall::audio {

inline constexpr size_t kWavHeadMax = 64 * 1024;  ///< bytes in which the sound has to begin
inline constexpr uint32_t kWavRateMin = 1000;     ///< Hz
inline constexpr uint32_t kWavRateMax = 192000;

struct WavFormat {
    uint32_t rate = 0;      ///< Hz
    uint16_t channels = 0;  ///< 1 or 2
    uint64_t offset = 0;    ///< of the first sample, bytes
    uint64_t frames = 0;    ///< samples per channel
    bool operator==(const WavFormat&) const = default;
};

/// Reads the head of a RIFF/WAVE file (16-bit PCM, little-endian). `head`: its first bytes, at most kWavHeadMax of
/// them; `file_bytes`: its whole length. A length in the file that goes beyond its end (a recorder that was killed) is
/// cut. Errors: truncated, bad_value, too_large, with a sentence for people in `what`.
Result<WavFormat> parse_wav(ByteSpan head, uint64_t file_bytes);

/// Plays a WAV file from its beginning as 20 ms frames of 48 kHz mono. Reads with pread: several may share one
/// descriptor.
class WavPlayer {
  public:
    /// Reads and checks the head of the file at `fd`, which stays the caller's. Errors: those of parse_wav, io.
    static Result<WavFormat> inspect(int fd);
    static Result<WavPlayer> create(int fd, const WavFormat& format);

    /// The next 20 ms; silence after the end and where the file cannot be read.
    void read(Frame& out);
    [[nodiscard]] bool finished() const { return ended_ && used_ == pending_.size(); }

  private:
    struct Free {
        void operator()(SpeexResamplerState_* s) const;
    };
    WavPlayer() = default;
    void load();

    int fd_ = -1;
    WavFormat format_{};
    uint64_t at_ = 0;  ///< frames read
    bool ended_ = false;
    std::unique_ptr<SpeexResamplerState_, Free> resampler_;  ///< none at 48 kHz
    std::vector<std::byte> raw_;
    std::vector<int16_t> pending_;  ///< mono samples at the file's rate, not resampled yet
    size_t used_ = 0;               ///< of pending_
};

/// Records 48 kHz mono. The length in the head is brought up to date with every frame.
class WavWriter {
  public:
    /// `fd` stays the caller's; the file is emptied. Errors: io (not a regular file, or not writable).
    static Result<WavWriter> create(int fd);
    /// Errors: io (disk full), too_large (4 GiB); the file stays valid up to the last frame that fitted.
    Status append(const Frame& pcm);
    [[nodiscard]] uint64_t samples() const { return bytes_ / 2; }

  private:
    explicit WavWriter(int fd) : fd_(fd) {}
    Status write_head();

    int fd_;
    uint64_t bytes_ = 0;
};

}  // namespace sealcall::audio
