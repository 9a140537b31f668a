// A file of expected decisions: what `sealcall policy test` runs.
#pragma once

#include <string_view>
#include <variant>

#include "config.h"
#include "explain.h"

namespace sealcall::policy_language {

struct Expected {
    std::string name;
    Imagined call;
    policy::Action answer{};
    std::optional<std::string> rule;  ///< its name
    std::optional<policy::OnWorse> during;
    std::optional<bool> silent;
    uint32_t line = 0;
};

struct ExpectedFile {
    std::string policy;  ///< the policy's file, relative to this one; empty: given otherwise
    std::vector<Expected> cases;
};

using ExpectedOutcome = std::variant<ExpectedFile, std::vector<cli::ConfigProblem>>;
ExpectedOutcome parse_expected(std::string_view text);

/// What is not as expected, in a sentence; empty: all is.
std::string run_case(const policy::Document& document, const Expected& expected);

}  // namespace sealcall::policy_language
