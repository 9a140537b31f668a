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

/// Fills `out` from two lower-case digits a byte and nothing else; false when that is not what stands there.
inline bool from_hex(std::string_view hex, std::span<std::byte> out) {
    static constexpr std::string_view kDigits = "0123456789abcdef";
    if (hex.size() != 2 * out.size()) return false;
    for (size_t i = 0; i < out.size(); ++i) {
        const size_t high = kDigits.find(hex[2 * i]), low = kDigits.find(hex[2 * i + 1]);
        if (high == kDigits.npos || low == kDigits.npos) return false;
        out[i] = static_cast<std::byte>(high << 4 | low);
    }
    return true;
}

}  // namespace sealcall
