// From the TOML that administrators write (docs/policy.md) to the canonical document that phones read, with every
// mistake at its place. Bytes in, values out: no file is touched.
#pragma once

#include <string_view>
#include <variant>
#include <vector>

#include "config.h"
#include "policy/document.h"

namespace sealcall::policy_language {

inline constexpr size_t kSourceMax = 1024 * 1024;  ///< bytes of TOML

struct Place {
    uint32_t line = 0, column = 0;
};

struct Compiled {
    policy::Document document;
    std::vector<Place> rules;  ///< where each rule stands
};

/// The document, which check_document takes; or all problems, in the order of the text.
using CompileOutcome = std::variant<Compiled, std::vector<cli::ConfigProblem>>;
CompileOutcome compile_policy(std::string_view text);

/// Words of the language, in the order of what they stand for.
const std::vector<std::string>& fact_words();     ///< bits of policy::Fact
const std::vector<std::string>& action_words();   ///< policy::Action
const std::vector<std::string>& on_fall_words();  ///< policy::OnWorse

}  // namespace sealcall::policy_language
