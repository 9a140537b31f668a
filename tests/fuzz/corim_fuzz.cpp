// Any CoRIM, changed from one that holds a reference triple and a key: what is read is within its bounds, and every
// reference value has the length of its algorithm.
#include "attestation/corim.h"

#include "attestation/cbor_cursor.h"
#include "tests/fuzz/seeded.h"

using namespace sealcall;
using namespace sealcall::attestation;

namespace {
/// 501 {0: "a", 1: [506 << {1: {0: "b"}, 4: {0: [[{0: {1: "v"}}, [{0: 4, 1: {2: [[1, h'22'*32]]}}]]],
/// 3: [[{1: 560(h'01')}, [554("key")]]]}} >>], 3: 32("p")}
Bytes genuine() {
    const auto raw = []<size_t N>(const char(&text)[N]) { return to_bytes(as_bytes(std::string_view(text, N - 1))); };
    ByteWriter mid;
    mid.bytes(
        raw("\xa2\x01\xa1\x00\x61"
            "b"
            "\x04\xa2\x00\x81\x82\xa1\x00\xa1\x01\x61"
            "v"
            "\x81\xa2\x00\x04\x01\xa1\x02\x81\x82\x01\x58\x20"));
    mid.bytes(Bytes(32, std::byte{0x22}));
    mid.bytes(
        raw("\x03\x81\x82\xa1\x01\xd9\x02\x30\x41\x01\x81\xd9\x02\x2a\x63"
            "key"));
    ByteWriter w;
    w.bytes(
        raw("\xd9\x01\xf5\xa3\x00\x61"
            "a"
            "\x01\x81\xd9\x01\xfa\x58"));
    w.u8(static_cast<uint8_t>(mid.size())).bytes(mid.view());
    w.bytes(
        raw("\x03\xd8\x20\x61"
            "p"));
    return w.take();
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes seed = genuine();
    static const bool sound = parse_corim(seed).has_value();
    CHECK(sound);
    const Bytes in = fuzz::own_or_patched(fuzz::input(data, size), seed);
    CborCursor c(in);
    if (c.skip()) CHECK(c.offset() <= in.size());
    auto corim = parse_corim(in);
    if (!corim) {
        CHECK(std::string_view(corim_fault_name(corim.error().detail)) != "other");
        return 0;
    }
    for (const ReferenceValue& v : reference_values(*corim)) CHECK(!v.digest.empty() && v.digest.size() <= 64);
    for (const CorimMeasurement& m : corim->references) CHECK(m.environment < corim->environments.size());
    return 0;
}
