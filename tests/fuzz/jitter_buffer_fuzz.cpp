// A network that delivers anything at any time. Packets come out at most as often as they went in, and never backwards
// within one stream.
#include "enclave/audio/jitter_buffer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall;
    using audio::JitterBuffer;
    ByteReader in(std::as_bytes(std::span(data, size)));
    JitterBuffer buffer;
    BootInstant now(Micros(1'000'000));
    uint32_t queued = 0;
    uint32_t last_number = 0;
    uint32_t restarts = 0;
    uint32_t number = 0;
    while (!in.done()) {
        const uint8_t op = in.u8().value_or(0);
        if (op < 128) {
            const uint16_t sequence = in.u16().value_or(0);
            const uint32_t timestamp = op < 96 ? sequence * 960U : in.u32().value_or(0);
            ByteWriter body;
            body.u32(++number).u16(sequence);
            const auto pushed = buffer.push(sequence, timestamp, op < 120 ? 960 : 120U * op, body.view(), now);
            if (pushed == JitterBuffer::Pushed::queued || pushed == JitterBuffer::Pushed::restarted) ++queued;
        } else {
            const auto next = buffer.pop(now, op & 1 ? JitterBuffer::Loudness::loud : JitterBuffer::Loudness::quiet);
            CHECK(next.samples > 0 && next.samples <= 5760);
            if (next.kind == JitterBuffer::Kind::packet || next.kind == JitterBuffer::Kind::recover)
                CHECK(next.opus.size() == 6);
            if (next.kind == JitterBuffer::Kind::packet) {
                ByteReader body(next.opus);
                last_number = body.u32().value_or(0);
                CHECK(last_number > 0 && last_number <= number);
            }
            now += Micros((op & 0x7e) * 1000);
        }
        const auto stats = buffer.stats();
        CHECK(stats.played + stats.cut <= queued);
        CHECK(stats.restarts >= restarts);
        restarts = stats.restarts;
        CHECK(stats.target >= audio::DelayEstimator::kTargetMin && stats.target <= audio::DelayEstimator::kTargetMax);
    }
    return 0;
}
