// UTF-8 that others wrote, character by character (RFC 3629).
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace sealcall {

inline constexpr char32_t kReplacement = 0xFFFD;

/// The code point at `at`, which moves behind it. Invalid UTF-8 (overlong, surrogate, cut, beyond U+10FFFF): U+FFFD,
/// one byte.
inline char32_t next_code_point(std::string_view s, size_t& at) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
    const unsigned char lead = byte(at++);
    if (lead < 0x80) return lead;
    if (lead < 0xC2 || lead > 0xF4) return kReplacement;
    const size_t more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    if (s.size() - at < more) return kReplacement;
    char32_t c = lead & (0x3Fu >> more);
    for (size_t i = 0; i < more; ++i) {
        if ((byte(at + i) & 0xC0) != 0x80) return kReplacement;
        c = c << 6 | (byte(at + i) & 0x3Fu);
    }
    static constexpr std::array<char32_t, 4> kLeast{0, 0x80, 0x800, 0x10000};
    if (c < kLeast[more] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return kReplacement;
    at += more;
    return c;
}

/// It moves a terminal's cursor, turns the direction of writing, or is not to be seen.
constexpr bool acts_on_terminal(char32_t c) {
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0xAD || c == 0x061C || c == 0x180E ||
           (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
           c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB);
}

}  // namespace sealcall
