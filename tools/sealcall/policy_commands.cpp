// `sealcall policy check`, `compile`, `test` and `diff`: on files, without a phone.
#include <iostream>

#include "files.h"
#include "policy_file.h"
#include "problem.h"
#include "tools/policy/describe.h"
#include "tools/policy/expected.h"

namespace sealcall::cli {
namespace {

namespace fs = std::filesystem;
namespace pl = policy_language;

nlohmann::json json_of(const std::vector<ConfigProblem>& problems) {
    auto out = nlohmann::json::array();
    for (const auto& p : problems) out.push_back({{"line", p.line}, {"column", p.column}, {"text", p.text}});
    return out;
}

/// For programs a mistake is a value, not a sentence to take apart.
bool print_mistakes_as_json(const fs::path& file) {
    const auto content = read_file(file, pl::kSourceMax);
    if (!content || content->empty() || static_cast<unsigned char>(content->front()) < '\t') return false;
    const auto outcome = pl::compile_policy(*content);
    const auto* problems = std::get_if<std::vector<ConfigProblem>>(&outcome);
    if (problems == nullptr) return false;
    print_json({{"ok", false}, {"problems", json_of(*problems)}, {"warnings", nlohmann::json::array()}});
    return true;
}

void print_warnings(const PolicyFile& policy, const std::vector<PolicyWarning>& warnings) {
    for (const auto& w : warnings) {
        std::cout << policy.warnings_file << ":";
        if (w.place.line != 0) std::cout << w.place.line << ":" << w.place.column << ":";
        std::cout << " warning: " << w.text << "\n";
    }
}

/// In a file of expected decisions `policy` is a name, and there are cases.
bool is_policy(const std::string& content) {
    if (!content.empty() && static_cast<unsigned char>(content.front()) < '\t')
        return policy::read_document(as_bytes(content)).has_value();
    const auto outcome = pl::compile_policy(content);
    return std::holds_alternative<pl::Compiled>(outcome);
}

}  // namespace

int run_policy_check(const Context& context) {
    const PolicyOptions& o = context.options.policy;
    if (context.json() && print_mistakes_as_json(o.file)) return exit_status::kUsage;
    const PolicyFile policy = load_policy(o.file);
    const auto warnings = warnings_of(policy);
    const bool ok = warnings.empty() || !o.strict;
    const size_t size = ipc::encode(policy.document).size();
    if (context.json()) {
        auto list = nlohmann::json::array();
        for (const auto& w : warnings)
            list.push_back({{"rule", w.rule ? nlohmann::json(*w.rule + 1) : nullptr},
                            {"line", w.place.line},
                            {"column", w.place.column},
                            {"text", w.text}});
        print_json({{"ok", ok},
                    {"name", policy.document.name.str()},
                    {"rules", policy.document.rules.size()},
                    {"addresses", policy.document.names.size()},
                    {"bytes", size},
                    {"problems", nlohmann::json::array()},
                    {"warnings", list}});
    } else {
        print_warnings(policy, warnings);
        std::cout << printable(policy.document.name.view(), 128) << ": " << policy.document.rules.size() << " rules, "
                  << policy.document.names.size() << " addresses, " << size << " bytes compiled. "
                  << (warnings.empty() ? "Nothing is wrong with it." : "It can be signed; look at the warnings first.")
                  << "\n";
    }
    return ok ? exit_status::kOk : exit_status::kDoesNotHold;
}

int run_policy_compile(const Context& context) {
    const PolicyOptions& o = context.options.policy;
    const PolicyFile policy = load_policy(o.file);
    fs::path out = o.out;
    if (out.empty()) out = fs::path(o.file).replace_extension(".bin");
    if (out == fs::path(o.file))
        throw Problem("The compiled policy would replace the policy itself.", "Give --out.", exit_status::kUsage);
    const Bytes bytes = ipc::encode(policy.document);
    write_file(out, bytes, 0644);
    if (context.json())
        print_json(
            {{"ok", true}, {"file", out.string()}, {"bytes", bytes.size()}, {"sha256", to_hex(digest_of(bytes))}});
    else
        std::cout << "Wrote " << out.string() << ", " << bytes.size() << " bytes, SHA-256 " << to_hex(digest_of(bytes))
                  << ".\n";
    return exit_status::kOk;
}

int run_policy_test(const Context& context) {
    const PolicyOptions& o = context.options.policy;
    const auto content = read_file(o.file, pl::kSourceMax);
    if (!content) throw Problem("There is no file " + o.file + ".", "", exit_status::kUsage);
    const auto outcome = pl::parse_expected(*content);
    if (std::holds_alternative<std::vector<ConfigProblem>>(outcome) && is_policy(*content))
        throw Problem(o.file + " is a policy, and no file of expected decisions.",
                      "Name the file with the [[case]]s: sealcall policy test EXPECTED.toml --policy " + o.file,
                      exit_status::kUsage);
    if (const auto* problems = std::get_if<std::vector<ConfigProblem>>(&outcome))
        throw_mistakes("The file of expected decisions", o.file, *problems);
    const auto& expected = std::get<pl::ExpectedFile>(outcome);
    if (o.second.empty() && expected.policy.empty())
        throw Problem("The file names no policy.", "Begin it with policy = \"policy.toml\", or give --policy.",
                      exit_status::kUsage);
    const PolicyFile policy =
        load_policy(o.second.empty() ? fs::path(o.file).parent_path() / expected.policy : fs::path(o.second));
    auto cases = nlohmann::json::array();
    size_t failed = 0, number = 0;
    for (const auto& c : expected.cases) {
        const std::string wrong = pl::run_case(policy.document, c);
        const std::string name = c.name.empty() ? "case " + std::to_string(++number) : (++number, c.name);
        cases.push_back({{"name", name}, {"line", c.line}, {"ok", wrong.empty()}, {"text", wrong}});
        if (wrong.empty()) continue;
        ++failed;
        if (!context.json())
            std::cout << o.file << ":" << c.line << ": " << printable(name, 128) << ": " << wrong << "\n";
    }
    if (context.json())
        print_json({{"ok", failed == 0}, {"failed", failed}, {"cases", cases}});
    else
        std::cout << expected.cases.size() - failed << " of " << expected.cases.size()
                  << " decisions are as expected.\n";
    return failed == 0 ? exit_status::kOk : exit_status::kFailed;
}

int run_policy_diff(const Context& context) {
    const PolicyOptions& o = context.options.policy;
    const auto differences = pl::differences(load_policy(o.file).document, load_policy(o.second).document);
    if (context.json()) {
        print_json({{"ok", true}, {"same", differences.empty()}, {"differences", differences}});
    } else {
        for (const auto& d : differences) std::cout << printable(d, 4096) << "\n";
        if (differences.empty()) std::cout << "They decide alike.\n";
    }
    return differences.empty() ? exit_status::kOk : exit_status::kDoesNotHold;
}

}  // namespace sealcall::cli
