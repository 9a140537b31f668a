#include "safe_toml.h"
#include "text_hints.h"

#include <algorithm>

namespace sealcall::cli {
namespace {

bool breaks_an_assertion(std::string_view text) {
    try {
        (void)toml::parse(text);
    } catch (const TomlAssertion&) {
        return true;
    } catch (const toml::parse_error&) {
    }
    return false;
}

/// The line, from 1, that toml++ could not even refuse: the shortest run of whole lines that makes it stop the same
/// way.
uint32_t line_of_assertion(std::string_view text) {
    std::vector<size_t> ends;  // of each line, newline included
    for (size_t at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
        ends.push_back(at + 1);
    const auto first =
        std::ranges::partition_point(ends, [&](size_t end) { return !breaks_an_assertion(text.substr(0, end)); });
    return static_cast<uint32_t>(first - ends.begin()) + 1;
}

}  // namespace

std::variant<toml::table, ConfigProblem> parse_toml(std::string_view text) {
    try {
        return toml::table(toml::parse(text));
    } catch (const TomlAssertion&) {
        return ConfigProblem{line_of_assertion(text), 1,
                             "This is not TOML: a character stands where a name or value should begin."};
    } catch (const toml::parse_error& error) {
        const toml::source_position at = error.source().begin;
        return ConfigProblem{std::max(at.line, 1U), std::max(at.column, 1U),
                             "This is not TOML: " + harmless(error.description().substr(0, 200)) + "."};
    }
}

}  // namespace sealcall::cli
