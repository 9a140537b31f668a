#include "host/ui/text.h"

#include <algorithm>
#include <array>

namespace sealcall::ui {
namespace {

struct Range {
    char32_t first, last;
};

template <size_t N>
bool in_ranges(const std::array<Range, N>& ranges, char32_t c) {
    return std::ranges::any_of(ranges, [c](Range r) { return c >= r.first && c <= r.last; });
}

// What never goes to a screen: it moves the cursor, turns the direction of writing, is invisible, or means nothing.
constexpr std::array<Range, 20> kNotShown{{
    {0x00, 0x1F},         // C0, escape among them
    {0x7F, 0x9F},         // DEL, C1: 0x9B is a one-byte CSI
    {0xAD, 0xAD},         // soft hyphen
    {0x034F, 0x034F},     // combining grapheme joiner
    {0x061C, 0x061C},     // Arabic letter mark
    {0x115F, 0x1160},     // Hangul fillers
    {0x17B4, 0x17B5},     // invisible Khmer vowels
    {0x180B, 0x180F},     // Mongolian separators
    {0x200B, 0x200F},     // zero width, direction marks
    {0x2028, 0x202E},     // line and paragraph separators, bidirectional embeddings and overrides
    {0x2060, 0x206F},     // word joiner, isolates, deprecated format characters
    {0x2800, 0x2800},     // blank Braille pattern
    {0x3164, 0x3164},     // Hangul filler
    {0xD800, 0xF8FF},     // surrogates, private use
    {0xFDD0, 0xFDEF},     // not characters
    {0xFE00, 0xFE0F},     // variation selectors
    {0xFEFF, 0xFEFF},     // byte order mark
    {0xFFA0, 0xFFA0},     // halfwidth Hangul filler
    {0xFFF0, 0xFFFB},     // interlinear annotation
    {0xE0000, 0x10FFFF},  // tags, variation selectors, private planes
}};

constexpr std::array<Range, 25> kCombining{{
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x0610, 0x061A}, {0x064B, 0x065F},
    {0x0670, 0x0670}, {0x06D6, 0x06DC}, {0x06DF, 0x06E4}, {0x0711, 0x0711}, {0x0730, 0x074A},
    {0x0816, 0x082D}, {0x08D3, 0x0902}, {0x093C, 0x093C}, {0x0941, 0x0948}, {0x094D, 0x094D},
    {0x0E31, 0x0E31}, {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x0EB1, 0x0EB1}, {0x0EB4, 0x0ECD},
    {0x0F71, 0x0F84}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF}, {0xFE20, 0xFE2F},
}};

constexpr std::array<Range, 13> kWide{{
    {0x1100, 0x115E},
    {0x231A, 0x231B},
    {0x23E9, 0x23F3},
    {0x2E80, 0x303E},
    {0x3041, 0x33FF},
    {0x3400, 0x4DBF},
    {0x4E00, 0xA4CF},
    {0xA960, 0xA97F},
    {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},
    {0xFE30, 0xFE6F},
    {0xFF01, 0xFF60},
    {0x1F300, 0x1FAFF},
}};

bool is_wide(char32_t c) {
    return in_ranges(kWide, c) || (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x20000 && c <= 0x3FFFD);
}

bool is_noncharacter(char32_t c) { return (c & 0xFFFE) == 0xFFFE; }

std::string_view ellipsis(Charset charset) { return charset == Charset::unicode ? "\xE2\x80\xA6" : "..."; }

/// The longest beginning of `s` that fits, in bytes.
size_t fitting(std::string_view s, size_t columns) {
    size_t used = 0, at = 0;
    while (at < s.size()) {
        size_t next = at;
        size_t w = columns_of(next_code_point(s, next));
        if (used + w > columns) break;
        used += w;
        at = next;
    }
    return at;
}

}  // namespace

void append_utf8(std::string& out, char32_t c) {
    const auto put = [&](char32_t b) { out.push_back(static_cast<char>(b)); };
    if (c < 0x80) {
        put(c);
    } else if (c < 0x800) {
        put(0xC0 | c >> 6);
        put(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        put(0xE0 | c >> 12);
        put(0x80 | (c >> 6 & 0x3F));
        put(0x80 | (c & 0x3F));
    } else {
        put(0xF0 | c >> 18);
        put(0x80 | (c >> 12 & 0x3F));
        put(0x80 | (c >> 6 & 0x3F));
        put(0x80 | (c & 0x3F));
    }
}

size_t columns_of(char32_t c) { return in_ranges(kCombining, c) ? 0 : is_wide(c) ? 2 : 1; }

size_t columns_of(std::string_view s) {
    size_t n = 0;
    for (size_t at = 0; at < s.size();) n += columns_of(next_code_point(s, at));
    return n;
}

std::string printable(std::string_view s, Charset charset) {
    static constexpr size_t kMarksPerLetter = 2;
    std::string out;
    out.reserve(s.size());
    size_t marks = kMarksPerLetter;  // a mark without a letter before it would join what we wrote ourselves
    for (size_t at = 0; at < s.size();) {
        char32_t c = next_code_point(s, at);
        const bool mark = columns_of(c) == 0;
        if (in_ranges(kNotShown, c) || is_noncharacter(c) || (mark && marks >= kMarksPerLetter)) c = kReplacement;
        marks = mark ? marks + 1 : 0;
        if (charset == Charset::ascii && c >= 0x80) c = '?';
        append_utf8(out, c);
    }
    return out;
}

std::string cut(std::string_view s, size_t columns, Charset charset) {
    if (fitting(s, columns) == s.size()) return std::string(s);
    const std::string_view tail = ellipsis(charset);
    const size_t tail_columns = columns_of(tail);
    if (columns <= tail_columns) return std::string(s.substr(0, fitting(s, columns)));
    return std::string(s.substr(0, fitting(s, columns - tail_columns))).append(tail);
}

std::string says(std::string_view claim, size_t columns, Charset charset) {
    std::string text = printable(claim, charset);
    std::string quoted;
    for (size_t at = 0; at < text.size();) {
        char32_t c = next_code_point(text, at);
        const bool quote = c == '"' || c == 0xAB || c == 0xBB || (c >= 0x201C && c <= 0x201F) || c == 0x2033 ||
                           c == 0x2036 || (c >= 0x275D && c <= 0x275E) || (c >= 0x301D && c <= 0x301F) || c == 0xFF02 ||
                           c == 0x02BA || c == 0x02DD || c == 0x02EE;
        append_utf8(quoted, quote ? U'\'' : c);
    }
    static constexpr std::string_view kBefore = "says: \"";
    const size_t frame = kBefore.size() + 1;
    return std::string(kBefore).append(cut(quoted, columns > frame ? columns - frame : 1, charset)).append("\"");
}

std::vector<std::string> wrap(std::string_view s, size_t columns) {
    columns = std::max<size_t>(columns, 2);  // one wide character must fit
    std::vector<std::string> lines;
    while (!s.empty()) {
        size_t n = fitting(s, columns);
        if (n < s.size()) {
            const size_t space = s.substr(0, n + 1).rfind(' ');
            if (space != std::string_view::npos && space > 0) n = space;
        }
        lines.emplace_back(s.substr(0, n));
        s.remove_prefix(n);
        while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
    }
    if (lines.empty()) lines.emplace_back();
    return lines;
}

std::string pad(std::string_view s, size_t columns) {
    std::string out(s);
    const size_t have = columns_of(s);
    if (have < columns) out.append(columns - have, ' ');
    return out;
}

}  // namespace sealcall::ui
