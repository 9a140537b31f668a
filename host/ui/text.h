// Text that may reach a person's screen. Everything that others wrote (names, URIs, labels, error texts) passes through
// `printable`: it can change neither the terminal nor the order or look of what stands around it.
// Trusts nothing; no locale, no allocation beyond the result.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "sealcall/base/utf8.h"

namespace sealcall::ui {

enum class Charset { ascii, unicode };

void append_utf8(std::string& out, char32_t c);

/// Columns of a terminal that one code point takes: 0 (combining), 1 or 2 (East Asian wide, pictures).
size_t columns_of(char32_t c);
size_t columns_of(std::string_view s);

/// Replaces control characters, bidirectional overrides, invisible and private characters, invalid UTF-8 and piles of
/// combining marks by U+FFFD; with Charset::ascii everything that is not ASCII by '?'.
std::string printable(std::string_view s, Charset charset);

/// At most `columns` wide; what was cut shows as an ellipsis. Expects printable text.
std::string cut(std::string_view s, size_t columns, Charset charset);

/// `says: "..."`: what the network merely claims. Quotes inside become apostrophes, so that the claim cannot seem to
/// end.
std::string says(std::string_view claim, size_t columns, Charset charset);

/// Breaks between words into lines of at most `columns`; a longer word is broken where it must be.
std::vector<std::string> wrap(std::string_view s, size_t columns);

/// Pads with spaces to `columns`.
std::string pad(std::string_view s, size_t columns);

}  // namespace sealcall::ui
