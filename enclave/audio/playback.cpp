#include "enclave/audio/playback.h"

#include <cstdlib>

namespace sealcall::audio {
namespace {

// Peak of a 16-bit sample: about -40 dB. Below it a frame may be left out or repeated without anybody noticing.
constexpr int kQuietPeak = 330;

JitterBuffer::Loudness loudness(std::span<const int16_t> pcm) {
    for (int16_t s : pcm)
        if (std::abs(static_cast<int>(s)) > kQuietPeak) return JitterBuffer::Loudness::loud;
    return JitterBuffer::Loudness::quiet;
}

}  // namespace

Result<Playback> Playback::create() {
    TRY(Decoder d, Decoder::create());
    return Playback(std::move(d));
}

void Playback::packet(uint16_t sequence, uint32_t timestamp, ByteSpan opus, BootInstant now) {
    auto samples = packet_samples(opus);
    if (!samples) {
        ++malformed_;
        return;
    }
    jitter_.push(sequence, timestamp, *samples, opus, now);
}

// Decodes one packet, or stands in for it, into pcm_. True if it was a packet.
bool Playback::refill(BootInstant now) {
    const JitterBuffer::Next n = jitter_.pop(now, last_);
    Result<size_t> made = size_t{0};
    switch (n.kind) {
        case JitterBuffer::Kind::silence:
            break;
        case JitterBuffer::Kind::packet:
            made = decoder_.decode(n.opus, pcm_);
            break;
        case JitterBuffer::Kind::recover:
            made = decoder_.recover(n.opus, n.samples, pcm_);
            break;
        case JitterBuffer::Kind::conceal:
            made = decoder_.conceal(n.samples, pcm_);
            break;
    }
    if (!made) ++malformed_;
    used_ = 0;
    made_ = made && *made > 0 ? *made : n.samples;
    if (!made || *made == 0) std::fill_n(pcm_.begin(), made_, int16_t{0});
    last_ = loudness(std::span(pcm_).first(made_));
    return n.kind == JitterBuffer::Kind::packet && made.has_value();
}

bool Playback::next(Frame& out, BootInstant now) {
    bool sound = false;
    for (size_t at = 0; at < out.size();) {
        if (used_ == made_) sound = refill(now) || sound;
        const size_t n = std::min(out.size() - at, made_ - used_);
        std::copy_n(&pcm_[used_], n, &out[at]);
        used_ += n;
        at += n;
    }
    return sound;
}

}  // namespace sealcall::audio
