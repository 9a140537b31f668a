#include "enclave/audio/wav.h"

#include <speex/speex_resampler.h>
#include <unistd.h>

#include <bit>
#include <cerrno>

namespace sealcall::audio {
namespace {

static_assert(std::endian::native == std::endian::little, "WAV samples are read in place");

constexpr uint16_t kFormatPcm = 1;
constexpr uint16_t kFormatExtensible = 0xFFFE;
constexpr size_t kHeadBytes = 44;
constexpr uint64_t kDataMax = 0xFFFFFFFFu - 64;
constexpr int kResamplerQuality = 5;

uint16_t little16(ByteSpan b, size_t at) {
    return static_cast<uint16_t>(std::to_integer<unsigned>(b[at]) | std::to_integer<unsigned>(b[at + 1]) << 8);
}
uint32_t little32(ByteSpan b, size_t at) { return little16(b, at) | static_cast<uint32_t>(little16(b, at + 2)) << 16; }
bool tagged(ByteSpan b, size_t at, std::string_view tag) { return as_chars(b.subspan(at, 4)) == tag; }

// The "fmt " chunk: WAVEFORMAT, or WAVEFORMATEXTENSIBLE with the PCM subformat.
Status parse_format(ByteSpan body, WavFormat& out) {
    if (body.size() < 16) return Error{Errc::truncated, "the format block of the WAV file is too short", 0};
    uint16_t kind = little16(body, 0);
    if (kind == kFormatExtensible && body.size() >= 26) kind = little16(body, 24);
    if (kind != kFormatPcm) return Error{Errc::bad_value, "the WAV file is not plain PCM", kind};
    out.channels = little16(body, 2);
    out.rate = little32(body, 4);
    if (little16(body, 14) != 16) return Error{Errc::bad_value, "the WAV file is not 16-bit", little16(body, 14)};
    if (out.channels != 1 && out.channels != 2)
        return Error{Errc::bad_value, "the WAV file is neither mono nor stereo", out.channels};
    if (out.rate < kWavRateMin || out.rate > kWavRateMax)
        return Error{Errc::bad_value, "the sampling rate of the WAV file is not between 1 and 192 kHz", out.rate};
    if (little16(body, 12) != out.channels * 2)
        return Error{Errc::bad_value, "the block size of the WAV file does not fit its format", little16(body, 12)};
    return {};
}

Status parse_data(uint64_t offset, uint64_t length, uint64_t file_bytes, WavFormat& out) {
    if (out.channels == 0) return Error{Errc::bad_value, "the WAV file has sound before its format", 0};
    out.offset = offset;
    const uint64_t there = file_bytes > offset ? file_bytes - offset : 0;
    out.frames = std::min(length, there) / (2u * out.channels);
    if (out.frames == 0) return Error{Errc::bad_value, "the WAV file holds no sound", 0};
    return {};
}

Status write_all(int fd, ByteSpan b, uint64_t at) {
    while (!b.empty()) {
        const ssize_t n = ::pwrite(fd, b.data(), b.size(), static_cast<off_t>(at));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return Error{Errc::io, "writing the recording", static_cast<uint32_t>(n < 0 ? errno : 0)};
        b = b.subspan(static_cast<size_t>(n));
        at += static_cast<uint64_t>(n);
    }
    return {};
}

Result<size_t> read_some(int fd, std::span<std::byte> out, uint64_t at) {
    size_t got = 0;
    while (got < out.size()) {
        const ssize_t n = ::pread(fd, out.data() + got, out.size() - got, static_cast<off_t>(at + got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return Error{Errc::io, "the WAV file cannot be read", static_cast<uint32_t>(errno)};
        if (n == 0) break;
        got += static_cast<size_t>(n);
    }
    return got;
}

}  // namespace

Result<WavFormat> parse_wav(ByteSpan head, uint64_t file_bytes) {
    if (head.size() < 12) return Error{Errc::truncated, "the file is too short to be a WAV file", 0};
    if (!tagged(head, 0, "RIFF") || !tagged(head, 8, "WAVE"))
        return Error{Errc::bad_value, "the file is not a WAV file", 0};
    WavFormat out;
    uint64_t at = 12;
    while (at + 8 <= head.size()) {
        const auto here = static_cast<size_t>(at);
        const uint32_t length = little32(head, here + 4);
        if (tagged(head, here, "data")) {
            TRY_STATUS(parse_data(at + 8, length, file_bytes, out));
            return out;
        }
        if (tagged(head, here, "fmt ")) {
            if (out.channels != 0) return Error{Errc::bad_value, "the WAV file has two formats", 0};
            if (length > head.size() - here - 8)
                return Error{Errc::truncated, "the format block of the WAV file is cut off", length};
            TRY_STATUS(parse_format(head.subspan(here + 8, length), out));
        }
        at += 8 + uint64_t{length} + (length & 1);
    }
    if (at < file_bytes && head.size() >= kWavHeadMax)
        return Error{Errc::too_large, "the sound of the WAV file begins too far from its start", 0};
    return Error{Errc::truncated, "the WAV file ends before its sound", 0};
}

void WavPlayer::Free::operator()(SpeexResamplerState_* s) const { speex_resampler_destroy(s); }

Result<WavFormat> WavPlayer::inspect(int fd) {
    const off_t size = ::lseek(fd, 0, SEEK_END);
    if (size < 0 && errno == EBADF) return Error{Errc::io, "no WAV file to play was handed over", EBADF};
    if (size < 0) return Error{Errc::io, "the WAV file to play is not a regular file", static_cast<uint32_t>(errno)};
    Bytes head(std::min(kWavHeadMax, static_cast<size_t>(size)));
    TRY(size_t n, read_some(fd, head, 0));
    return parse_wav(ByteSpan(head).first(n), static_cast<uint64_t>(size));
}

Result<WavPlayer> WavPlayer::create(int fd, const WavFormat& format) {
    WavPlayer p;
    p.fd_ = fd;
    p.format_ = format;
    if (format.rate != kSampleRate) {
        int failed = 0;
        p.resampler_.reset(speex_resampler_init(1, format.rate, kSampleRate, kResamplerQuality, &failed));
        if (!p.resampler_) return Error{Errc::out_of_memory, "resampler", static_cast<uint32_t>(failed)};
        speex_resampler_skip_zeros(p.resampler_.get());
    }
    p.pending_.reserve(format.rate / 50 + 1);
    return p;
}

// The next 20 ms of the file into pending_, as mono. At the end of the file a last block of silence pushes out what the
// resampler still holds.
void WavPlayer::load() {
    const size_t block = 2u * format_.channels;
    const uint64_t wanted = std::min<uint64_t>(format_.rate / 50, format_.frames - at_);
    raw_.resize(static_cast<size_t>(wanted) * block);
    auto got = read_some(fd_, raw_, format_.offset + at_ * block);
    const size_t frames = got ? *got / block : 0;
    at_ += frames;
    pending_.clear();
    used_ = 0;
    for (size_t i = 0; i < frames; ++i) {
        int sum = 0;
        for (size_t c = 0; c < format_.channels; ++c) sum += static_cast<int16_t>(little16(raw_, i * block + 2 * c));
        pending_.push_back(static_cast<int16_t>(sum / format_.channels));
    }
    if (frames == 0) {
        ended_ = true;
        if (resampler_) pending_.resize(format_.rate / 50, 0);
    }
}

void WavPlayer::read(Frame& out) {
    size_t made = 0;
    while (made < out.size()) {
        if (used_ == pending_.size()) {
            if (ended_) break;
            load();
        }
        auto in = static_cast<spx_uint32_t>(pending_.size() - used_);
        auto room = static_cast<spx_uint32_t>(out.size() - made);
        if (resampler_) {
            if (speex_resampler_process_int(resampler_.get(), 0, &pending_[used_], &in, &out[made], &room) != 0) break;
        } else {
            in = room = std::min(in, room);
            std::copy_n(&pending_[used_], in, &out[made]);
        }
        used_ += in;
        made += room;
    }
    std::fill(out.begin() + static_cast<std::ptrdiff_t>(made), out.end(), int16_t{0});
}

Result<WavWriter> WavWriter::create(int fd) {
    if (::ftruncate(fd, 0) != 0) {
        const bool missing = errno == EBADF;
        return Error{Errc::io,
                     missing ? "no file to record to was handed over" : "the file to record to is no regular file",
                     static_cast<uint32_t>(errno)};
    }
    WavWriter w(fd);
    TRY_STATUS(w.write_head());
    return w;
}

Status WavWriter::write_head() {
    ByteWriter w;  // big-endian: little-endian fields are swapped on the way in
    const auto put32 = [&](uint64_t v) { w.u32(__builtin_bswap32(static_cast<uint32_t>(v))); };
    const auto put16 = [&](unsigned v) { w.u16(__builtin_bswap16(static_cast<uint16_t>(v))); };
    w.bytes(as_bytes("RIFF"));
    put32(bytes_ + kHeadBytes - 8);
    w.bytes(as_bytes("WAVEfmt "));
    put32(16);
    put16(kFormatPcm);
    put16(1);
    put32(kSampleRate);
    put32(kSampleRate * 2);
    put16(2);
    put16(16);
    w.bytes(as_bytes("data"));
    put32(bytes_);
    CHECK(w.size() == kHeadBytes);
    return write_all(fd_, w.view(), 0);
}

Status WavWriter::append(const Frame& pcm) {
    const ByteSpan raw = std::as_bytes(std::span(pcm));
    if (bytes_ + raw.size() > kDataMax) return Error{Errc::too_large, "the recording is full", 0};
    TRY_STATUS(write_all(fd_, raw, kHeadBytes + bytes_));
    bytes_ += raw.size();
    return write_head();
}

}  // namespace sealcall::audio
