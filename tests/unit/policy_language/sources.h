// Policies in TOML for tests.
#pragma once

#include <gtest/gtest.h>

#include "tools/policy/compile.h"

namespace sealcall::policy_language::test {

inline std::string text_of(const std::vector<cli::ConfigProblem>& problems) {
    std::string out;
    for (const auto& p : problems)
        out += std::to_string(p.line) + ":" + std::to_string(p.column) + ": " + p.text + "\n";
    return out;
}

/// The document, or a failed test.
inline policy::Document compiled(const std::string& source) {
    auto outcome = compile_policy(source);
    if (const auto* problems = std::get_if<std::vector<cli::ConfigProblem>>(&outcome)) {
        ADD_FAILURE() << text_of(*problems);
        return {};
    }
    return std::get<Compiled>(outcome).document;
}

inline constexpr const char* kHead = "[policy]\nname = \"Example Corp\"\n";

/// A head and rules, each given by what stands under [[rules]] but name.
inline std::string with_rules(const std::vector<std::string>& rules, const std::string& more = "") {
    std::string out = kHead + more;
    for (size_t i = 0; i < rules.size(); ++i)
        out += "[[rules]]\nname = \"r" + std::to_string(i + 1) + "\"\n" + rules[i] + "\n";
    return out;
}

}  // namespace sealcall::policy_language::test
