#include "attestation/cbor.h"

namespace sealcall::attestation {

void CborWriter::head(uint8_t major, uint64_t argument) {
    auto initial = static_cast<uint8_t>(major << 5);
    if (argument < 24) {
        out_.u8(static_cast<uint8_t>(initial | argument));
    } else if (argument <= 0xff) {
        out_.u8(initial | 24).u8(static_cast<uint8_t>(argument));
    } else if (argument <= 0xffff) {
        out_.u8(initial | 25).u16(static_cast<uint16_t>(argument));
    } else if (argument <= 0xffffffff) {
        out_.u8(initial | 26).u32(static_cast<uint32_t>(argument));
    } else {
        out_.u8(initial | 27).u64(argument);
    }
}

CborWriter& CborWriter::array(size_t items) {
    head(4, items);
    return *this;
}

CborWriter& CborWriter::text(std::string_view utf8) {
    head(3, utf8.size());
    out_.bytes(as_bytes(utf8));
    return *this;
}

CborWriter& CborWriter::bytes(ByteSpan b) {
    head(2, b.size());
    out_.bytes(b);
    return *this;
}

CborWriter& CborWriter::uint(uint64_t v) {
    head(0, v);
    return *this;
}

}  // namespace sealcall::attestation
