// A WAV file of any bytes: the parser must refuse it or give a format whose sound lies inside the file, and playing it
// must end.
#include <sys/mman.h>

#include "enclave/audio/wav.h"
#include "sealcall/base/unique_fd.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall;
    const ByteSpan in = std::as_bytes(std::span(data, size));
    auto format = audio::parse_wav(in.first(std::min(size, audio::kWavHeadMax)), size);
    if (!format) return 0;
    CHECK(format->channels == 1 || format->channels == 2);
    CHECK(format->rate >= audio::kWavRateMin && format->rate <= audio::kWavRateMax);
    CHECK(format->frames > 0 && format->offset + format->frames * 2 * format->channels <= size);
    const UniqueFd fd(::memfd_create("fuzz", MFD_CLOEXEC));
    CHECK(::pwrite(fd.get(), data, size, 0) == static_cast<ssize_t>(size));
    auto player = audio::WavPlayer::create(fd.get(), *format);
    CHECK(player.has_value());
    audio::Frame frame{};
    const uint64_t enough = format->frames / (format->rate / 50) + 8;
    for (uint64_t i = 0; i < enough && i < 200; ++i) player->read(frame);
    if (enough < 200) CHECK(player->finished());
    return 0;
}
