// A small PE32+ image, each part at its known place.
#pragma once

#include "sealcall/base/bytes.h"

namespace sealcall::reference::test {

inline void put_le(Bytes& b, size_t at, uint64_t value, size_t n) {
    for (size_t i = 0; i < n; ++i) b.at(at + i) = static_cast<std::byte>(value >> (8 * i));
}

inline constexpr size_t kPe = 0x40, kOptional = kPe + 24, kChecksum = kOptional + 64, kDirectories = kOptional + 112,
                        kSecurity = kDirectories + 32, kSections = kOptional + 240, kHeaders = 0x200;

/// Two sections (0x200 and 0x100 bytes, the second named first), and 24 bytes behind them.
inline Bytes pe_image() {
    Bytes b(kHeaders + 0x300 + 24);
    for (size_t i = kHeaders; i < b.size(); ++i) b[i] = static_cast<std::byte>(i * 7);
    put_le(b, 0, 0x5a4d, 2);
    put_le(b, 0x3c, kPe, 4);
    put_le(b, kPe, 0x4550, 4);
    put_le(b, kPe + 6, 2, 2);
    put_le(b, kPe + 20, 240, 2);
    put_le(b, kOptional, 0x20b, 2);
    put_le(b, kOptional + 60, kHeaders, 4);
    put_le(b, kChecksum, 0xdeadbeef, 4);
    put_le(b, kDirectories - 4, 16, 4);
    put_le(b, kSections + 16, 0x100, 4);
    put_le(b, kSections + 20, kHeaders + 0x200, 4);
    put_le(b, kSections + 40 + 16, 0x200, 4);
    put_le(b, kSections + 40 + 20, kHeaders, 4);
    return b;
}

/// The same with a certificate table of `size` bytes at its end.
inline Bytes signed_image(size_t size) {
    Bytes b = pe_image();
    const size_t at = b.size();
    b.insert(b.end(), size, std::byte{0xcc});
    put_le(b, kSecurity, at, 4);
    put_le(b, kSecurity + 4, size, 4);
    return b;
}

}  // namespace sealcall::reference::test
