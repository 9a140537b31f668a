// A line of the screen as pieces with a meaning, and how a meaning becomes colour. Only `paint` makes escape sequences.
#pragma once

#include <string>
#include <vector>

#include "host/ui/text.h"

namespace sealcall::ui {

enum class Style { plain, strong, quiet, red, grey, blue, amber, green };

struct Span {
    std::string text;
    Style style = Style::plain;
    bool operator==(const Span&) const = default;
};
using Line = std::vector<Span>;
using Lines = std::vector<Line>;

/// How and when we look: everything that a view needs besides the model.
struct Look {
    bool colour = false;
    Charset charset = Charset::ascii;
    size_t columns = 80;
    uint64_t now_wall_ms = 0;
    uint64_t now_us = 0;  ///< CLOCK_BOOTTIME
};

/// The line as text for the terminal, cut to `look.columns`. Control characters that are left in a span are replaced
/// here once more: whatever a view forgets, no byte of others can move the cursor.
std::string paint(const Line& line, const Look& look);

/// The same without colour and without cutting.
std::string plain_text(const Line& line);

size_t columns_of(const Line& line);

/// `left`, then spaces, then `right` at the edge; `left` is cut when both do not fit.
Line spread(Line left, Line right, const Look& look);

/// A sentence broken over as many lines as it needs: `first` before it, later lines indented by `indent` columns.
void add_wrapped(Lines& out, Line first, std::string_view sentence, size_t indent, Style style, const Look& look);

}  // namespace sealcall::ui
