// Any canonical event log of others: bounded, numbered without gaps, and what it extends is what its boot log extends.
#include "attestation/logs/cel_log.h"
#include "tests/fuzz/seeded.h"

using namespace sealcall;
using namespace sealcall::logs;

namespace {

void put(ByteWriter& w, uint8_t tag, ByteSpan value) {
    w.u8(tag).u32(static_cast<uint32_t>(value.size())).bytes(value);
}

Bytes make_seed() {
    ByteWriter out;
    for (uint64_t n = 0; n < 2; ++n) {
        ByteWriter number, pcr, digest, content;
        put(out, 0, number.u64(n).view());
        put(out, 1, pcr.u8(13).view());
        put(digest, 0x0b, Hasher(kSha256).hash(as_bytes("data")).view());
        put(out, 3, digest.view());
        put(content, 0, ByteWriter().u32(event_type::kIpl).view());
        put(content, 1, as_bytes("data"));
        put(out, 5, content.view());
    }
    return out.take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes seed = make_seed();
    const Bytes in = fuzz::own_or_patched(fuzz::input(data, size), seed);
    const auto log = parse_cel_tlv(in);
    if (!log) return 0;
    CHECK(log->events.size() <= kCelEventsMax);
    for (size_t i = 1; i < log->events.size(); ++i) CHECK(log->events[i].number == log->events[i - 1].number + 1);
    for (const CelEvent& e : log->events)
        for (char c : e.text) CHECK(c >= 0x20 && c < 0x7f);
    const auto raw = to_event_log(*log);
    if (!raw) return 0;
    const auto boot = parse_event_log(*raw);
    CHECK(boot);
    for (const BankReplay& bank : replay_all(*boot)) {
        std::vector<BankReplay> banks{BankReplay{.algorithm = bank.algorithm, .pcrs = {}}};
        for (uint32_t pcr = 0; pcr < kPcrCount; ++pcr)
            banks[0].pcrs[pcr].value = reset_value(pcr, bank.pcrs[pcr].value.size, 0);
        extend_banks(*log, banks);
        // A boot log gives meaning to what a record only carries: localities, dynamic PCRs, padding.
        for (uint32_t pcr = 1; pcr < 17; ++pcr) CHECK(banks[0].pcrs[pcr].events >= bank.pcrs[pcr].events);
    }
    return 0;
}
