// Opus as sealcall speaks it: 48 kHz mono, 20 ms, constant bit rate, no DTX, so that packet sizes and timing tell a
// listener on the wire nothing about what is said (RFC 6562). Packets to decode are foreign bytes: authenticated by
// SRTP, but chosen by the peer. One thread at a time per object.
#pragma once

#include <memory>

#include "sealcall/base/bytes.h"

struct OpusEncoder;
struct OpusDecoder;

namespace sealcall::audio {

inline constexpr uint32_t kSampleRate = 48000;
inline constexpr size_t kFrameSamples = 960;       ///< 20 ms at 48 kHz
inline constexpr size_t kPacketSamplesMax = 5760;  ///< 120 ms: the longest packet that Opus knows (RFC 6716 3.2)
inline constexpr uint32_t kBitrateMin = 6000;
inline constexpr uint32_t kBitrateMax = 128000;

using Frame = std::array<int16_t, kFrameSamples>;  ///< 20 ms of 48 kHz mono

/// Number of 48 kHz samples in an Opus packet, at most kPacketSamplesMax. Errors: codec_failed for what is no Opus
/// packet.
Result<uint32_t> packet_samples(ByteSpan opus);

class Encoder {
  public:
    /// `bitrate` in bits/s, kBitrateMin..kBitrateMax. Every packet is bitrate / 400 bytes. Errors: bad_config,
    /// codec_failed.
    static Result<Encoder> create(uint32_t bitrate);

    /// One packet of exactly packet_bytes(); valid until the next call. Errors: codec_failed.
    Result<ByteSpan> encode(const Frame& pcm);
    [[nodiscard]] size_t packet_bytes() const { return packet_bytes_; }

  private:
    struct Free {
        void operator()(OpusEncoder* e) const;
    };
    Encoder() = default;
    std::unique_ptr<OpusEncoder, Free> state_;
    size_t packet_bytes_ = 0;
    std::array<std::byte, kBitrateMax / 400> packet_{};
};

class Decoder {
  public:
    static Result<Decoder> create();

    /// Decodes one packet. Returns the number of samples written, at most kPacketSamplesMax. Errors: codec_failed.
    Result<size_t> decode(ByteSpan opus, std::span<int16_t, kPacketSamplesMax> out);
    /// Stands in for a lost packet of `samples` samples (packet loss concealment).
    Result<size_t> conceal(size_t samples, std::span<int16_t, kPacketSamplesMax> out);
    /// Rebuilds a lost packet of `samples` samples from the forward error correction in the packet after it, if it has
    /// any.
    Result<size_t> recover(ByteSpan following, size_t samples, std::span<int16_t, kPacketSamplesMax> out);

  private:
    struct Free {
        void operator()(OpusDecoder* d) const;
    };
    Decoder() = default;
    std::unique_ptr<OpusDecoder, Free> state_;
};

}  // namespace sealcall::audio
