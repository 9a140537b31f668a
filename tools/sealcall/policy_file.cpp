#include "policy_file.h"

#include "attestation/bundle.h"
#include "authority_bundle.h"
#include "files.h"
#include "problem.h"
#include "sealcall/base/time.h"
#include "set_up.h"
#include "store.h"
#include "tools/policy/describe.h"
#include "tools/policy/shadow.h"

namespace sealcall::cli {
namespace fs = std::filesystem;
namespace pl = policy_language;

void throw_mistakes(const std::string& what, const fs::path& file, const std::vector<ConfigProblem>& problems) {
    std::string text =
        what + " has " +
        (problems.size() == 1 ? std::string("a mistake:") : std::to_string(problems.size()) + " mistakes:");
    for (const auto& p : problems)
        text += "\n  " + file.string() + ":" + std::to_string(p.line) + ":" + std::to_string(p.column) + ": " + p.text;
    throw Problem(text, "Correct the file; docs/policy.md describes the language.", exit_status::kUsage);
}

PolicyFile load_policy(const fs::path& file) {
    const auto content = read_file(file, pl::kSourceMax);
    if (!content) throw Problem("There is no policy " + file.string() + ".", "", exit_status::kUsage);
    // A compiled policy begins with its format, a byte that no text begins with.
    if (!content->empty() && static_cast<unsigned char>(content->front()) < '\t') {
        auto document = policy::read_document(as_bytes(*content));
        if (!document)
            throw Problem("The compiled policy " + file.string() + " is damaged: " + document.error().what + ".",
                          "Compile it again: sealcall policy compile FILE.toml", exit_status::kUsage);
        return {.document = std::move(*document), .rules = {}, .warnings_file = file.string()};
    }
    auto outcome = pl::compile_policy(*content);
    if (const auto* problems = std::get_if<std::vector<ConfigProblem>>(&outcome))
        throw_mistakes("The policy", file, *problems);
    auto& compiled = std::get<pl::Compiled>(outcome);
    return {
        .document = std::move(compiled.document), .rules = std::move(compiled.rules), .warnings_file = file.string()};
}

InstalledPolicy installed_policy(const Context& context) {
    const auto enrolment = context.store.enrolment();
    if (!enrolment)
        throw Problem(
            "The profile " + context.paths().profile + " is not enrolled, so it has no administrator's policy.",
            "sealcall enroll, or name a file with --policy.", exit_status::kNotSetUp);
    InstalledPolicy out;
    const auto content = read_file(context.paths().bundle(), authority::kSignedBundleMax);
    if (!content) {
        if (!enrolment->bundle_signer.empty()) out.trouble = "the bundle is gone";
        return out;
    }
    const auto set = attestation::ReferenceSet::open(as_bytes(*content), bundle_signer_of(*enrolment).view(), 0);
    if (!set) {
        out.trouble = bundle_sentence(set.error());
        return out;
    }
    out.authority = set->head().authority.str();
    out.version = set->head().version;
    out.issued_ms = set->head().issued_ms;
    out.next_update_ms = set->head().next_update_ms;
    if (const Status in_time = set->in_time(wall_ms()); !in_time) out.trouble = bundle_sentence(in_time.error());
    if (set->policy().empty()) return out;
    out.canonical = to_bytes(set->policy());
    auto document = policy::read_document(set->policy());
    if (document)
        out.document = std::move(*document);
    else
        out.trouble = "its policy is in a form that this sealcall does not know";
    return out;
}

std::string rule_title(const policy::Document& document, size_t index) {
    return "rule " + std::to_string(index + 1) + " \"" + printable(document.rules.items()[index].name.view(), 96) +
           "\"";
}

std::vector<PolicyWarning> warnings_of(const PolicyFile& file) {
    std::vector<PolicyWarning> out;
    if (file.document.rules.empty())
        out.push_back({.rule = {}, .place = {}, .text = "There are no rules, so every call is refused."});
    for (const auto& shadow : pl::find_shadows(file.document)) {
        std::string by;
        for (size_t i : shadow.by) by += (by.empty() ? "" : ", ") + rule_title(file.document, i);
        std::string text = rule_title(file.document, shadow.rule);
        text[0] = 'R';
        switch (shadow.kind) {
            case pl::Shadow::Kind::unreachable:
                text += " can never answer: " + by + " takes every call that it could answer.";
                break;
            case pl::Shadow::Kind::bounded:
                text += " can never give its answer: " + by +
                        " is about the same calls and answers more strictly, and to prove less never gives more.";
                break;
            case pl::Shadow::Kind::blocked:
                text += " can never answer: everybody whom it names is on the block list.";
                break;
        }
        out.push_back({.rule = shadow.rule,
                       .place = shadow.rule < file.rules.size() ? file.rules[shadow.rule] : pl::Place{},
                       .text = std::move(text)});
    }
    return out;
}

}  // namespace sealcall::cli
