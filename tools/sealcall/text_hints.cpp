#include "text_hints.h"

#include <algorithm>
#include <numeric>

namespace sealcall::cli {
namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), size_t{0});
    for (size_t i = 0; i < a.size(); ++i) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.size(); ++j) {
            const size_t above = row[j + 1];
            row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row.back();
}

}  // namespace

std::string nearest(std::string_view given, const std::vector<std::string>& words) {
    std::string best;
    size_t best_distance = std::max<size_t>(2, std::min<size_t>(given.size(), 32) / 3) + 1;
    for (const auto& candidate : words) {
        const size_t distance = edit_distance(given.substr(0, 32), candidate);
        if (distance < best_distance) {
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string harmless(std::string_view text) {
    std::string out;
    for (char c : text) out += static_cast<unsigned char>(c) < ' ' || c == 127 ? '?' : c;
    return out;
}

std::string shown(std::string_view name) {
    const std::string out = harmless(name.substr(0, 40));
    return "\"" + out + (name.size() > 40 ? "...\"" : "\"");
}

}  // namespace sealcall::cli
