// A policy in TOML, and a file of expected decisions: any bytes give a document that phones take, or problems with a
// place and without anything that a terminal would obey.
#include "sealcall/base/check.h"
#include "tools/policy/compile.h"
#include "tools/policy/describe.h"
#include "tools/policy/expected.h"
#include "tools/policy/shadow.h"

using namespace sealcall;
using namespace sealcall::policy_language;

namespace {

void check(const std::vector<cli::ConfigProblem>& problems) {
    CHECK(!problems.empty());
    for (const auto& p : problems) CHECK(p.line >= 1 && !p.text.empty() && p.text.find('\x1b') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto expected = parse_expected(text);
    if (const auto* problems = std::get_if<std::vector<cli::ConfigProblem>>(&expected)) check(*problems);
    const auto outcome = compile_policy(text);
    if (const auto* problems = std::get_if<std::vector<cli::ConfigProblem>>(&outcome)) {
        check(*problems);
        return 0;
    }
    const auto& compiled = std::get<Compiled>(outcome);
    CHECK(policy::read_document(ipc::encode(compiled.document)));
    CHECK(compiled.rules.size() == compiled.document.rules.size());
    for (const auto& shadow : find_shadows(compiled.document)) CHECK(shadow.rule < compiled.rules.size());
    CHECK(differences(compiled.document, compiled.document).empty());
    Expected any;
    (void)run_case(compiled.document, any);
    return 0;
}
