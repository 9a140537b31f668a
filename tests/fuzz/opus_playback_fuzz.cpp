// Opus packets of any bytes, through the jitter buffer and the decoder as a call would feed them.
#include "enclave/audio/playback.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall;
    ByteReader in(std::as_bytes(std::span(data, size)));
    auto playback = audio::Playback::create();
    CHECK(playback.has_value());
    audio::Frame frame{};
    BootInstant now(Micros(1'000'000));
    uint16_t sequence = 65530;
    for (int packets = 0; !in.done() && packets < 64; ++packets) {
        // Length and what the network does with it, then the packet.
        const uint8_t fate = in.u8().value_or(0);
        const size_t length = std::min<size_t>(in.left(), in.u8().value_or(0));
        auto opus = in.bytes(std::min(length, in.left()));
        sequence = static_cast<uint16_t>(sequence + 1 + (fate & 3));
        if ((fate & 0x30) != 0x30) playback->packet(sequence, sequence * 960U, *opus, now);
        for (int i = 0; i < 1 + ((fate >> 2) & 3); ++i) {
            playback->next(frame, now);
            now += Micros(20'000);
        }
    }
    return 0;
}
