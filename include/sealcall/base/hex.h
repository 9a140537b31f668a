// Lower-case hexadecimal text.
#pragma once

#include <string>

#include "sealcall/base/bytes.h"

namespace sealcall {

inline std::string to_hex(ByteSpan bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    out.reserve(2 * bytes.size());
    for (std::byte b : bytes) {
        out += kDigits[static_cast<unsigned>(b) >> 4];
        out += kDigits[static_cast<unsigned>(b) & 15];
    }
    return out;
}

}  // namespace sealcall
