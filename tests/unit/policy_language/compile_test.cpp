// TOML to document: what each setting becomes, and every mistake at its line and column with what was meant.
#include "tools/policy/compile.h"

#include "sources.h"
#include "tools/policy/values.h"

namespace sealcall::policy_language {
namespace {

using namespace test;
using policy::Action;
using rats::Level;

const char* const kWhole = R"([policy]
name = "Example Corp"
unknown_callers = "silent"
downgrade = "pin"
on_fall = "hold"
recheck = "2m"
rekey = "10m"
keep_records = "3650d"
utc_offset = "+01:00"

[levels.2]
require = ["hardware-tpm"]
[levels.3]
require = ["secure-boot", "no-lab"]
oldest = "10m"

[labels]
order = ["open", "closed"]
default = "closed"

[organisations.corp]
domains = ["corp.example", "*.corp.example"]
authority = "Example Corp Root"
verifiers = ["own", "https://v.example"]

[groups]
board = ["sip:Alice@CORP.example", "partner.example"]

[lists]
block = ["spam.example", "board"]
welcome = ["corp"]

[limits]
per_caller = "6 per 1m"
per_organisation = "100 per 1h"
per_origin = "20 per 30s"

[[rules]]
name = "one"
peer = ["board", "sip:dora@other.example"]
direction = "incoming"
label = "closed"
level = 3
lab = true
oldest = "5m"
when = ["mon-fri 08:00-18:00", "sat 22:00-02:00"]
answer = "pin"
during = "end"

[[rules]]
name = "two"
keys = "any"
answer = "warn"
)";

TEST(PolicyCompiler, EverySettingHasItsPlaceInTheDocument) {
    const policy::Document d = compiled(kWhole);
    EXPECT_EQ(d.name.view(), "Example Corp");
    EXPECT_EQ(d.unknown_callers, policy::UnknownCallers::silent);
    EXPECT_EQ(d.downgrade, Action::pin);
    EXPECT_EQ(d.recheck_seconds, 120);
    EXPECT_EQ(d.rekey_seconds, 600);
    EXPECT_EQ(d.keep_days, 3650);
    EXPECT_EQ(d.utc_offset, policy::kOffsetZero + 60);
    EXPECT_EQ(d.levels.items()[0], policy::Requirements{});
    EXPECT_EQ(d.levels.items()[1].facts, policy::kHardwareTpm);
    EXPECT_EQ(d.levels.items()[2],
              (policy::Requirements{.facts = policy::kSecureBoot | policy::kNoLab, .oldest_s = 600}));
    ASSERT_EQ(d.labels.size(), 2U);
    EXPECT_EQ(d.default_label, 1);
    ASSERT_EQ(d.groups.size(), 4U);  // corp, board, the block list's own, the rule's own
    EXPECT_TRUE(d.groups.items()[0].organisation);
    EXPECT_EQ(d.groups.items()[0].authority.view(), "Example Corp Root");
    EXPECT_EQ(d.groups.items()[0].verifiers.items()[0].view(), "");
    std::vector<std::string> names;
    for (const auto& n : d.names) names.push_back(n.text.str());
    EXPECT_EQ(names, (std::vector<std::string>{".corp.example", "corp.example", "partner.example",
                                               "sip:Alice@corp.example", "sip:dora@other.example", "spam.example"}));
    EXPECT_EQ(d.blocked.items(), (std::vector<uint16_t>{1, 2}));
    EXPECT_EQ(d.welcome.items(), (std::vector<uint16_t>{0}));
    EXPECT_EQ(d.per_caller, (policy::Limit{6, 60}));
    EXPECT_EQ(d.per_organisation, (policy::Limit{100, 3600}));
    EXPECT_EQ(d.per_origin, (policy::Limit{20, 30}));
    ASSERT_EQ(d.rules.size(), 2U);
    const auto& one = d.rules.items()[0];
    EXPECT_EQ(one.toward, policy::Toward::incoming);
    EXPECT_EQ(one.groups.items(), (std::vector<uint16_t>{1, 3}));
    EXPECT_EQ(one.labels, 2);
    EXPECT_EQ(one.least, Level::trusted_boot);
    EXPECT_TRUE(one.lab);
    EXPECT_EQ(one.oldest_s, 300U);
    ASSERT_EQ(one.when.size(), 3U);
    EXPECT_EQ(one.when.items()[1], (policy::Window{.days = 32, .from = 1320, .until = 1440}));
    EXPECT_EQ(one.when.items()[2], (policy::Window{.days = 64, .from = 0, .until = 120}));
    EXPECT_EQ(one.answer, Action::pin);
    EXPECT_EQ(one.on_worse, policy::OnWorse::end);
    const auto& two = d.rules.items()[1];
    EXPECT_EQ(two.least, Level::unverified);
    EXPECT_EQ(two.labels, 3);
    EXPECT_EQ(two.on_worse, policy::OnWorse::hold);
    EXPECT_TRUE(policy::read_document(ipc::encode(d)));
}

TEST(PolicyCompiler, TheSameTextAlwaysGivesTheSameBytes) {
    EXPECT_EQ(ipc::encode(compiled(kWhole)), ipc::encode(compiled(kWhole)));
}

TEST(PolicyCompiler, LabelsMayBeGivenAsARange) {
    const auto labels = [](const std::string& how) {
        return compiled(with_rules({how + "\nanswer = \"allow\""})).rules.items()[0].labels;
    };
    EXPECT_EQ(labels(""), 7);
    EXPECT_EQ(labels("label = [\"public\", \"restricted\"]"), 5);
    EXPECT_EQ(labels("label_from = \"internal\""), 6);
    EXPECT_EQ(labels("label_to = \"internal\""), 3);
    EXPECT_EQ(labels("label_from = \"internal\"\nlabel_to = \"internal\""), 2);
}

struct Mistake {
    const char* source;
    uint32_t line, column;
    const char* says;
};

const Mistake kMistakes[] = {
    {"", 1, 1, "Begin with [policy]"},
    {"[policy]\nunknown_callers = \"ask\"\n", 1, 1, "[policy] has no name"},
    {"[policy]\nname = 3\n", 2, 8, "[policy]: name must be text in quotes"},
    {"[policy]\nname = \"a\\u001bb\"\n", 2, 8, "must be text in quotes"},
    {"[policy]\nname = \"x\"\nunkown_callers = \"ask\"\n", 3, 1, "Did you mean \"unknown_callers\"?"},
    {"[policy]\nname = \"x\"\nfoo = 1\n", 3, 1, "These are known: name, unknown_callers"},
    {"[policy]\nname = \"x\"\nunknown_callers = \"aks\"\n", 3, 19, "Did you mean \"ask\"?"},
    {"[policy]\nname = \"x\"\ndowngrade = \"warn\"\n", 3, 13, "must be \"refuse\" or \"pin\""},
    {"[policy]\nname = \"x\"\non_fall = \"stop\"\n", 3, 11, "\"mute\", \"hold\" or \"end\""},
    {"[policy]\nname = \"x\"\nrecheck = \"5s\"\n", 3, 11, "from \"30s\" to \"1h\""},
    {"[policy]\nname = \"x\"\nrekey = \"2h\"\n", 3, 9, "from \"1m\" to \"1h\""},
    {"[policy]\nname = \"x\"\nkeep_records = \"0d\"\n", 3, 16, "from \"1d\" to \"36500d\""},
    {"[policy]\nname = \"x\"\nkeep_records = \"36501d\"\n", 3, 16, "from \"1d\" to \"36500d\""},
    {"[policy]\nname = \"x\"\nkeep_records = \"24h\"\n", 3, 16, "from \"1d\" to \"36500d\""},
    {"[policy]\nname = \"x\"\nutc_offset = \"+25:00\"\n", 3, 14, "offset from UTC like"},
    {"[policy]\nname = \"x\"\n[polices]\n", 3, 2, "There is no setting \"polices\""},
    {"[policy]\nname = \"x\"\n[levels.5]\n", 3, 9, "There is no setting \"5\" in [levels]"},
    {"[policy]\nname = \"x\"\n[levels.3]\nrequire = [\"secureboot\"]\n", 4, 12, "Did you mean \"secure-boot\"?"},
    {"[policy]\nname = \"x\"\n[levels.3]\noldest = \"soon\"\n", 4, 10, "a time like"},
    {"[policy]\nname = \"x\"\n[labels]\norder = []\n", 4, 9, "and not empty"},
    {"[policy]\nname = \"x\"\n[labels]\norder = [\"Secret\"]\n", 4, 10, "must consist of small letters"},
    {"[policy]\nname = \"x\"\n[labels]\norder = [\"a\", \"a\"]\n", 4, 15, "stands there twice"},
    {"[policy]\nname = \"x\"\n[labels]\ndefault = \"pubic\"\n", 4, 11, "Did you mean \"public\"?"},
    {"[policy]\nname = \"x\"\n[organisations]\ncorp = 1\n", 4, 8, "[organisations.corp]"},
    {"[policy]\nname = \"x\"\n[organisations.corp]\n", 3, 16, "has no domains"},
    {"[policy]\nname = \"x\"\n[organisations.corp]\ndomains = [\"http://corp\"]\n", 4, 12, "is no address"},
    {"[policy]\nname = \"x\"\n[organisations.Corp]\ndomains = [\"a.example\"]\n", 3, 16,
     "must consist of small letters"},
    {"[policy]\nname = \"x\"\n[organisations.a]\ndomains = \"a.example\"\n[groups]\na = \"b.example\"\n", 6, 1,
     "an organisation and a group named \"a\""},
    {"[policy]\nname = \"x\"\n[groups]\na = [1]\n", 4, 6, "a list of addresses"},
    {"[policy]\nname = \"x\"\n[groups]\na = [\"sip:bob@corp.example:5061\"]\n", 4, 6, "is no address"},
    {"[policy]\nname = \"x\"\n[groups]\nboard = [\"a.example\"]\n[lists]\nblock = [\"bord\"]\n", 6, 10,
     "Did you mean \"board\"?"},
    {"[policy]\nname = \"x\"\n[lists]\nallow = [\"a.example\"]\n", 4, 1, "There is no setting \"allow\" in [lists]"},
    {"[policy]\nname = \"x\"\n[limits]\nper_caller = \"many\"\n", 4, 14, "a limit like"},
    {"[policy]\nname = \"x\"\n[limits]\nper_caller = \"6 per 2d\"\n", 4, 14, "of at most a day"},
    {"[policy]\nname = \"x\"\n[limits]\nper_caler = \"6 per 1m\"\n", 4, 1, "Did you mean \"per_caller\"?"},
    {"[policy]\nname = \"x\"\n[rules]\nname = \"r\"\n", 3, 1, "each under [[rules]]"},
    {"[policy]\nname = \"x\"\n[[rules]]\nanswer = \"warn\"\n", 3, 1, "rule 1 has no name"},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\n", 3, 1, "rule 1 \"r\" has no answer"},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"alow\"\n", 5, 10, "Did you mean \"allow\"?"},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"warn\"\nwho = \"a.example\"\n", 6, 1,
     "There is no setting \"who\" in rule 1 \"r\""},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"warn\"\npeer = \"bob\"\n", 6, 8,
     "There is no group or organisation \"bob\""},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"warn\"\npeer = \"bob@corp.example\"\n", 6, 8,
     "is no address"},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"warn\"\ndirection = \"in\"\n", 6, 13, "\"incoming\""},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"warn\"\nlabel = \"restrcted\"\n", 6, 9,
     "Did you mean \"restricted\"?"},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"warn\"\nlabel_from = \"secret\"\n", 6, 14,
     "label_from must be"},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"warn\"\nlabel_from = \"restricted\"\nlabel_to = "
     "\"public\"\n",
     6, 14, "is about no label at all"},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"warn\"\nlevel = 5\n", 6, 9, "a number from 0 to 4"},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"warn\"\nlevel = 0\n", 6, 9, "keys = \"any\""},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"warn\"\nkeys = \"any\"\nlevel = 2\n", 7, 9,
     "takes ordinary phones"},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"allow\"\nkeys = \"any\"\n", 5, 10,
     "answer \"warn\" at best"},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"warn\"\nkeys = \"any\"\nlab = true\n", 7, 7,
     "can ask nothing of the evidence"},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"warn\"\nlab = \"yes\"\n", 6, 7, "true or false"},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"warn\"\noldest = \"5\"\n", 6, 10, "a time like"},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"warn\"\nwhen = \"weekdays\"\n", 6, 8, "times like"},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"warn\"\nwhen = \"mon 18:00-18:00\"\n", 6, 8,
     "times like"},
    {"[policy]\nname = \"x\"\n[[rules]]\nname = \"r\"\nanswer = \"warn\"\nduring = \"mut\"\n", 6, 10,
     "Did you mean \"mute\"?"},
    {"[policy]\nname = \"x\"\n[policy]\n", 3, 1, "This is not TOML"},
    {"[policy]\nname = \"x\n", 2, 8, "This is not TOML"},
};

TEST(PolicyCompiler, SaysEveryMistakeAtItsLineAndColumnWithWhatWasMeant) {
    for (const Mistake& m : kMistakes) {
        const auto outcome = compile_policy(m.source);
        const auto* problems = std::get_if<std::vector<cli::ConfigProblem>>(&outcome);
        ASSERT_NE(problems, nullptr) << m.source;
        ASSERT_EQ(problems->size(), 1U) << m.source << text_of(*problems);
        const auto& p = problems->front();
        EXPECT_NE(p.text.find(m.says), std::string::npos) << m.source << p.text;
        if (std::string_view(m.says) == "This is not TOML") continue;  // the place is toml++'s
        EXPECT_EQ(std::pair(p.line, p.column), std::pair(m.line, m.column)) << m.source << p.text;
    }
}

TEST(PolicyCompiler, SaysAllMistakesAtOnceInTheOrderOfTheText) {
    const auto outcome =
        compile_policy("[policy]\nname = 3\n[limits]\nper_caller = 7\n[[rules]]\nname = \"r\"\nlevel = 9\n");
    const auto* problems = std::get_if<std::vector<cli::ConfigProblem>>(&outcome);
    ASSERT_NE(problems, nullptr);
    std::vector<uint32_t> lines;
    for (const auto& p : *problems) lines.push_back(p.line);
    EXPECT_EQ(lines, (std::vector<uint32_t>{2, 4, 5, 7}));
}

TEST(PolicyCompiler, SaysWhatDoesNotFitADocument) {
    std::string many = kHead;
    many += "[groups]\nall = [";
    for (size_t i = 0; i <= policy::kNamesMax; ++i) many += "\"d" + std::to_string(i) + ".example\",";
    const auto outcome = compile_policy(many + "]\n");
    ASSERT_TRUE(std::holds_alternative<std::vector<cli::ConfigProblem>>(outcome));
    EXPECT_NE(std::get<std::vector<cli::ConfigProblem>>(outcome)[0].text.find("at most 2048 addresses"),
              std::string::npos);
    std::string rules = kHead;
    for (size_t i = 0; i <= policy::kRulesMax; ++i) rules += "[[rules]]\nname = \"r\"\nanswer = \"warn\"\n";
    const auto too_many = compile_policy(rules);
    ASSERT_TRUE(std::holds_alternative<std::vector<cli::ConfigProblem>>(too_many));
    EXPECT_EQ(std::get<std::vector<cli::ConfigProblem>>(too_many)[0].line, 3 + 3 * policy::kRulesMax);
    EXPECT_TRUE(
        std::holds_alternative<std::vector<cli::ConfigProblem>>(compile_policy(std::string(kSourceMax + 1, ' '))));
}

TEST(PolicyCompiler, AddressesAreTakenInOneFormOnly) {
    EXPECT_EQ(read_address("sip:Bob@CORP.Example"), "sip:Bob@corp.example");
    EXPECT_EQ(read_address("Corp.Example"), "corp.example");
    EXPECT_EQ(read_address("*.corp.example"), ".corp.example");
    EXPECT_EQ(say_address(".corp.example"), "*.corp.example");
    for (const char* bad : {"", ".", "*.", "*", "sip:", "sip:@a.example", "sip:bob@", "bob@corp.example",
                            "corp.example:5061", "sip:bob@corp.example;transport=tls", "a..example", "corp example",
                            "sip:b ob@corp.example", "*.*.example", "sip:bob@*.example", "\x1b.example"})
        EXPECT_FALSE(read_address(bad)) << bad;
}

TEST(PolicyCompiler, TimesGoOverMidnightAndTheWeekend) {
    using policy::Window;
    EXPECT_EQ(read_when("daily"), (std::vector<Window>{{127, 0, 1440}}));
    EXPECT_EQ(read_when("fri-mon 00:00-24:00"), (std::vector<Window>{{1 | 16 | 32 | 64, 0, 1440}}));
    EXPECT_EQ(read_when("sun 22:00-06:00"), (std::vector<Window>{{64, 1320, 1440}, {1, 0, 360}}));
    EXPECT_EQ(read_when("mon,wed 08:30-24:00"), (std::vector<Window>{{5, 510, 1440}}));
    EXPECT_EQ(read_when("tue 23:00-00:00"), (std::vector<Window>{{2, 1380, 1440}}));
    for (const char* bad : {"", "mo", "mon-", "mon 8-18", "mon 08:00-25:00", "mon 08:00", "mon 08:60-09:00",
                            "mon  08:00-09:00", "mon,,tue", "24:00-08:00", "mon 24:00-08:00", "monday"})
        EXPECT_FALSE(read_when(bad)) << bad;
}

TEST(PolicyCompiler, LimitsAndOffsetsAreRead) {
    EXPECT_EQ(read_limit("6 per 1m"), (policy::Limit{6, 60}));
    for (const char* bad : {"", "6", "0 per 1m", "6 per", "6 per 0m", "-1 per 1m", "70000 per 1m", "6 per 1 minute"})
        EXPECT_FALSE(read_limit(bad)) << bad;
    EXPECT_EQ(read_offset("-14:00"), 0);
    EXPECT_EQ(say_offset(*read_offset("-05:30")), "-05:30");
    EXPECT_EQ(say_offset(*read_offset("+00:00")), "+00:00");
    for (const char* bad : {"", "01:00", "+1:00", "+14:01", "+01:60"}) EXPECT_FALSE(read_offset(bad)) << bad;
}

}  // namespace
}  // namespace sealcall::policy_language
