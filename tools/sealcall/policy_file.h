// Policies as the commands take them: TOML, compiled, or out of the profile's bundle. Throws Problem.
#pragma once

#include <filesystem>
#include <optional>

#include "commands.h"
#include "tools/policy/compile.h"

namespace sealcall::cli {

struct PolicyFile {
    policy::Document document;
    std::vector<policy_language::Place> rules;  ///< empty: it was compiled before
    std::string warnings_file;                  ///< name for messages
};

/// All mistakes in one Problem, each with file, line and column.
PolicyFile load_policy(const std::filesystem::path& file);
[[noreturn]] void throw_mistakes(const std::string& what, const std::filesystem::path& file,
                                 const std::vector<ConfigProblem>& problems);

/// What the profile's bundle brings; nothing: the authority gives no policy.
struct InstalledPolicy {
    std::optional<policy::Document> document;
    Bytes canonical;
    std::string authority;
    uint64_t version = 0, issued_ms = 0, next_update_ms = 0;
    std::string trouble;  ///< why the bundle does not count now; empty: it does
};
InstalledPolicy installed_policy(const Context& context);

struct PolicyWarning {
    std::optional<size_t> rule;  ///< index; nothing: the policy as a whole
    policy_language::Place place;
    std::string text;
};
std::vector<PolicyWarning> warnings_of(const PolicyFile& file);

/// "rule 3 "board"".
std::string rule_title(const policy::Document& document, size_t index);

}  // namespace sealcall::cli
