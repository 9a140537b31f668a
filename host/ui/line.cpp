#include "host/ui/line.h"

#include <algorithm>

namespace sealcall::ui {
namespace {

const char* sequence(Style s) {
    switch (s) {
        case Style::plain:
            return "";
        case Style::strong:
            return "\x1b[1m";
        case Style::quiet:
            return "\x1b[2m";
        case Style::red:
            return "\x1b[1;31m";
        case Style::grey:
            return "\x1b[90m";
        case Style::blue:
            return "\x1b[34m";
        case Style::amber:
            return "\x1b[33m";
        case Style::green:
            return "\x1b[32m";
    }
    return "";
}

/// `line` cut to `columns`, with an ellipsis in the piece that did not fit.
Line fit(const Line& line, size_t columns, Charset charset) {
    Line out;
    size_t used = 0;
    for (const Span& s : line) {
        const size_t w = columns_of(s.text);
        if (used + w <= columns) {
            out.push_back(s);
            used += w;
            continue;
        }
        if (columns > used) out.push_back({cut(s.text, columns - used, charset), s.style});
        break;
    }
    return out;
}

}  // namespace

std::string paint(const Line& line, const Look& look) {
    Line safe;
    for (const Span& s : line) safe.push_back({printable(s.text, look.charset), s.style});
    std::string out;
    for (const Span& s : fit(safe, look.columns, look.charset)) {
        const bool coloured = look.colour && s.style != Style::plain;
        if (coloured) out.append(sequence(s.style));
        out.append(s.text);
        if (coloured) out.append("\x1b[0m");
    }
    return out;
}

std::string plain_text(const Line& line) {
    std::string out;
    for (const Span& s : line) out.append(s.text);
    return out;
}

size_t columns_of(const Line& line) {
    size_t n = 0;
    for (const Span& s : line) n += columns_of(s.text);
    return n;
}

Line spread(Line left, Line right, const Look& look) {
    const size_t right_columns = columns_of(right);
    const size_t room = look.columns > right_columns + 2 ? look.columns - right_columns - 2 : 0;
    if (right.empty() || room < look.columns / 3) return left;  // too narrow for both: the left one matters more
    Line out = fit(left, room, look.charset);
    out.push_back({std::string(look.columns - right_columns - columns_of(out), ' ')});
    out.insert(out.end(), right.begin(), right.end());
    return out;
}

void add_wrapped(Lines& out, Line first, std::string_view sentence, size_t indent, Style style, const Look& look) {
    const size_t start = columns_of(first);
    indent = std::min(indent, look.columns / 2);
    const std::string text = printable(sentence, look.charset);
    const auto all = wrap(text, look.columns > start ? look.columns - start : 2);
    first.push_back({all.front(), style});
    out.push_back(std::move(first));
    if (all.size() == 1) return;
    std::string rest = text.substr(all.front().size());
    rest.erase(0, rest.find_first_not_of(' '));
    for (std::string& s : wrap(rest, look.columns - indent)) {
        out.push_back({{std::string(indent, ' ')}, {std::move(s), style}});
    }
}

}  // namespace sealcall::ui
