// One decision about a policy of 1 000 rules: the worst case, in which every rule is looked at and none matches until
// the last, and a document with all its addresses in use.
#include "policy/decide.h"
#include "tests/bench/microbench.h"
#include "tests/unit/policy/documents.h"

namespace sealcall::bench {
namespace {

using namespace policy;
using policy::test::list;

/// 999 rules about groups that the peer is in, for times that are not now, and one that answers.
Document large_document() {
    Document d = policy::test::empty_document();
    std::vector<Group> groups = d.groups.items();
    while (groups.size() < 512) groups.push_back(policy::test::group(("g" + std::to_string(groups.size())).c_str()));
    d.groups = list<Group, kGroupsMax>(groups);
    std::vector<uint16_t> in(16);
    for (uint16_t i = 0; i < in.size(); ++i) in[i] = static_cast<uint16_t>(100 + i);
    std::vector<Name> names = d.names.items();
    for (int i = 0; names.size() < 1024; ++i)
        names.push_back(policy::test::name("sip:u" + std::to_string(10000 + i) + "@corp.example", in));
    std::ranges::sort(names, {}, [](const Name& n) { return n.text.view(); });
    d.names = list<Name, kNamesMax>(names);
    std::vector<uint16_t> of_rule;
    for (uint16_t g = 300; g < 315; ++g) of_rule.push_back(g);
    of_rule.insert(of_rule.begin(), 115);  // the last that the peer is in, before 15 that it is not
    std::vector<Window> when;
    for (uint16_t i = 0; i < 16; ++i) when.push_back({.days = 1, .from = i, .until = static_cast<uint16_t>(i + 1)});
    DocumentRule r = policy::test::rule("a rule that is not for now", Action::warn);
    r.groups = list<uint16_t, 16>(of_rule);
    r.when = list<Window, 16>(when);
    for (int i = 0; i < 999; ++i) CHECK(d.rules.push(r));
    CHECK(d.rules.push(policy::test::rule("the last one", Action::allow)));
    CHECK(check_document(d).has_value());
    return d;
}

void decision_of_1000_rules(benchmark::State& state) {
    static const Document document = large_document();
    const auto result = policy::test::proven(rats::Level::measured);
    CallContext context = policy::test::from("sip:u11000@corp.example", "restricted");
    context.wall_ms = 1'795'392'000'000ULL + 12 * 3600 * 1000;  // a Monday at noon: every window is tried
    if (decide(result, context, document).number != 1000) state.SkipWithError("another rule decided");
    for (auto _ : state) benchmark::DoNotOptimize(decide(result, context, document));
}

void reading_of_1000_rules(benchmark::State& state) {
    const Bytes bytes = ipc::encode(large_document());
    for (auto _ : state)
        if (failed(state, read_document(bytes))) break;
}

}  // namespace

void register_policy() {
    benchmark::RegisterBenchmark("policy/decide_1000_rules", decision_of_1000_rules)->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark("policy/read_1000_rules", reading_of_1000_rules)->Unit(benchmark::kMicrosecond);
}

}  // namespace sealcall::bench
