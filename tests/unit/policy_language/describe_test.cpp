#include "tools/policy/describe.h"

#include "sources.h"
#include "tools/policy/explain.h"

namespace sealcall::policy_language {
namespace {

using namespace test;

TEST(Describe, ARuleIsASentenceFromItsMatchersToItsAnswer) {
    const auto d = compiled(with_rules({"peer = [\"board\", \"sip:x@y.example\"]\ndirection = \"incoming\"\nlabel = "
                                        "\"restricted\"\nlevel = 3\nlab = true\n"
                                        "oldest = \"10m\"\nwhen = \"sat,sun\"\nanswer = \"pin\"\nduring = \"end\"",
                                        "keys = \"any\"\nanswer = \"warn\""},
                                       "[groups]\nboard = [\"a.example\"]\n"));
    EXPECT_EQ(
        describe_rule(d, d.rules.items()[0]),
        "calls from board, sip:x@y.example, label restricted, sat,sun 00:00-24:00, level 3 or better (LAB counts), "
        "checked within 10m: pin; if it falls: end");
    EXPECT_EQ(describe_rule(d, d.rules.items()[1]),
              "calls with anybody, any label, ordinary phones as well: warn; if it falls: mute");
}

TEST(Describe, TwoPoliciesThatDecideAlikeHaveNoDifferences) {
    const auto d = compiled(with_rules({"answer = \"warn\""}));
    EXPECT_TRUE(differences(d, d).empty());
}

TEST(Describe, EveryDifferenceIsSaid) {
    const auto before = compiled(with_rules({"answer = \"warn\"", "level = 4\nanswer = \"allow\""},
                                            "[groups]\nboard = [\"a.example\"]\nold = [\"o.example\"]\n"));
    const auto after = compiled(
        "[policy]\nname = \"Other\"\nunknown_callers = \"refuse\"\nrecheck = \"1m\"\nrekey = "
        "\"5m\"\nkeep_records = \"90d\"\n[levels.2]\nrequire = "
        "[\"no-lab\"]\n"
        "[labels]\norder = [\"a\", \"b\"]\n[groups]\nboard = [\"b.example\"]\nfresh = [\"n.example\"]\n"
        "[lists]\nblock = [\"board\"]\n[limits]\nper_caller = \"1 per 1m\"\n"
        "[[rules]]\nname = \"r2\"\nlevel = 4\nanswer = \"allow\"\n[[rules]]\nname = \"r1\"\nanswer = \"pin\"\n"
        "[[rules]]\nname = \"r3\"\nanswer = \"warn\"\n");
    std::string all;
    for (const auto& d : differences(before, after)) all += d + "\n";
    for (const char* part :
         {"name: was Example Corp, is Other", "requirements of level 2: was none, is no-lab",
          "labels: was public < internal < restricted, is a < b", "group board: was a.example, is b.example",
          "group fresh: is new", "group old: is gone", "blocked: was nobody, is board",
          "unknown callers: was ask, is refuse", "limit for a caller: was none, is 1 per 1m",
          "time between checks: was 5m, is 1m", "time between new keys: was 1h, is 5m",
          "records are kept: was as each phone has it, is 90d or longer", "rule \"r1\": was",
          "rule \"r3\": is new, as number 3", "the order of the rules is another one"})
        EXPECT_NE(all.find(part), std::string::npos) << part << "\nin\n" << all;
}

TEST(Explain, SaysForEachRuleWhyItDoesNotAnswer) {
    const auto d = compiled(
        with_rules({"direction = \"incoming\"\nanswer = \"warn\"", "peer = \"x.example\"\nanswer = \"warn\"",
                    "label = \"public\"\nanswer = \"warn\"", "level = 4\nanswer = \"pin\"", "answer = \"warn\""}));
    Imagined call;
    call.peer = "sip:bob@corp.example";
    call.label = "restricted";
    const Explanation e = explain(d, call);
    EXPECT_EQ(e.decision.action, policy::Action::pin);
    EXPECT_EQ(e.decision.number, 4);
    std::vector<std::string> why;
    for (const auto& r : e.rules) why.push_back(r.why);
    EXPECT_EQ(why, (std::vector<std::string>{"it is about incoming calls only", "it is not about sip:bob@corp.example",
                                             "it is about label public only",
                                             "it asks for level 4, and this is level 2", ""}));
}

TEST(Explain, SaysWhenNoRuleIsAsked) {
    const auto d = compiled(with_rules({"answer = \"warn\""}));
    Imagined call;
    call.label = "cosmic";
    EXPECT_TRUE(explain(d, call).rules.empty());
    EXPECT_EQ(explain(d, call).decision.rule, policy::Rule::label_unknown);
}

}  // namespace
}  // namespace sealcall::policy_language
