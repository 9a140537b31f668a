// Policies in words: one rule, and what is different between two documents.
#pragma once

#include <string>
#include <vector>

#include "policy/document.h"

namespace sealcall::policy_language {

/// "incoming calls from "board", label "restricted", level 3 or better: allow; ..."
std::string describe_rule(const policy::Document& document, const policy::DocumentRule& rule);
std::string say_labels(const policy::Document& document, uint16_t labels);
std::string say_group(const policy::Document& document, uint16_t group);
/// "3" or "0" to "4".
std::string say_level(rats::Level level);

/// One sentence for each difference; nothing: they decide alike.
std::vector<std::string> differences(const policy::Document& before, const policy::Document& after);

}  // namespace sealcall::policy_language
