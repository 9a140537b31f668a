// Genuine input to start from, made at run time: a seed is a byte string that the code itself wrote, and the fuzzer's
// bytes are a list of changes to it. So the interesting depth is reached at once, and no stale seed file can lose it.
#pragma once

#include "sealcall/base/bytes.h"

namespace sealcall::fuzz {

inline ByteSpan input(const uint8_t* data, size_t size) { return std::as_bytes(std::span(data, size)); }

/// Applies `changes`, each (offset u16, operation u8, value u8): set, xor, insert, erase, cut off.
inline Bytes patched(ByteSpan seed, ByteSpan changes) {
    Bytes out = to_bytes(seed);
    for (; changes.size() >= 4 && !out.empty(); changes = changes.subspan(4)) {
        const size_t offset = (static_cast<size_t>(changes[0]) << 8 | static_cast<size_t>(changes[1])) % out.size();
        const auto at = out.begin() + static_cast<std::ptrdiff_t>(offset);
        switch (static_cast<unsigned>(changes[2]) % 5) {
            case 0:
                *at = changes[3];
                break;
            case 1:
                *at ^= changes[3];
                break;
            case 2:
                out.insert(at, changes[3]);
                break;
            case 3:
                out.erase(at);
                break;
            default:
                out.erase(at, out.end());
                break;
        }
    }
    return out;
}

/// The fuzzer's own bytes, or a changed seed: the first byte chooses.
inline Bytes own_or_patched(ByteSpan data, ByteSpan seed) {
    if (data.empty()) return {};
    const ByteSpan rest = data.subspan(1);
    return (static_cast<unsigned>(data[0]) & 1) != 0 ? to_bytes(rest) : patched(seed, rest);
}

}  // namespace sealcall::fuzz
