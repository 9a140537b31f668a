// Rules that can never answer are found; and what is found is true of every call that is tried.
#include "tools/policy/shadow.h"

#include <random>

#include "policy/decide.h"
#include "sources.h"

namespace sealcall::policy_language {
namespace {

using namespace test;
using Kind = Shadow::Kind;

/// "2 unreachable by 1" and so on, from 1.
std::vector<std::string> found(const std::vector<std::string>& rules, const std::string& more = "") {
    std::vector<std::string> out;
    for (const auto& s : find_shadows(compiled(with_rules(rules, more)))) {
        std::string text = std::to_string(s.rule + 1);
        text += s.kind == Kind::unreachable ? " unreachable" : s.kind == Kind::bounded ? " bounded" : " blocked";
        for (size_t by : s.by) text += " " + std::to_string(by + 1);
        out.push_back(text);
    }
    return out;
}

using Found = std::vector<std::string>;

const std::string kGroups =
    "[groups]\nboard = [\"sip:a@c.example\", \"sip:b@c.example\"]\ncorp = [\"c.example\", \"*.c.example\"]\n";

TEST(Shadows, ARuleForEverybodyTakesAllThatFollows) {
    EXPECT_EQ(found({"answer = \"warn\"", "level = 3\nanswer = \"refuse\""}), (Found{"2 unreachable 1"}));
    EXPECT_EQ(found({"level = 3\nanswer = \"allow\"", "level = 1\nanswer = \"warn\""}), Found{});
}

TEST(Shadows, DirectionsLabelsAndPeersAreCoveredTogether) {
    EXPECT_EQ(found({"direction = \"incoming\"\nanswer = \"warn\"", "direction = \"outgoing\"\nanswer = \"warn\"",
                     "level = 2\nanswer = \"warn\""}),
              (Found{"3 unreachable 1 2"}));
    EXPECT_EQ(found({"label = [\"public\", \"internal\"]\nanswer = \"warn\"",
                     "label_from = \"internal\"\nanswer = \"warn\"", "answer = \"warn\""}),
              (Found{"3 unreachable 1 2"}));
    EXPECT_EQ(found({"peer = \"board\"\nanswer = \"warn\"", "peer = \"corp\"\nanswer = \"warn\"",
                     "peer = [\"board\", \"corp\"]\nanswer = \"warn\""},
                    kGroups),
              (Found{"3 unreachable 1 2"}));
}

TEST(Shadows, ADomainHoldsItsPeopleAndTheDomainsBelow) {
    EXPECT_EQ(found({"peer = \"corp\"\nanswer = \"warn\"", "peer = \"board\"\nanswer = \"warn\"",
                     "peer = \"*.x.c.example\"\nanswer = \"warn\"", "peer = \"sip:z@y.c.example\"\nanswer = \"warn\"",
                     "peer = \"d.example\"\nanswer = \"warn\""},
                    kGroups),
              (Found{"2 unreachable 1", "3 unreachable 1", "4 unreachable 1"}));
    EXPECT_EQ(found({"peer = \"board\"\nanswer = \"warn\"", "peer = \"corp\"\nanswer = \"warn\""}, kGroups), Found{});
    EXPECT_EQ(found({"peer = \"*.c.example\"\nanswer = \"warn\"", "peer = \"c.example\"\nanswer = \"warn\""}), Found{});
}

TEST(Shadows, AnOrganisationThatAsksWhoVouchesTakesOnlyItself) {
    const std::string org = "[organisations.o]\ndomains = \"c.example\"\nauthority = \"A\"\n";
    EXPECT_EQ(found({"peer = \"o\"\nanswer = \"warn\"", "peer = \"c.example\"\nanswer = \"warn\""}, org), Found{});
    EXPECT_EQ(found({"peer = \"o\"\nanswer = \"warn\"", "peer = \"o\"\nlevel = 4\nanswer = \"warn\""}, org),
              (Found{"2 unreachable 1"}));
}

TEST(Shadows, EvidenceAndTimesMustBeCoveredToo) {
    EXPECT_EQ(found({"level = 2\nanswer = \"warn\"", "level = 2\nlab = true\nanswer = \"warn\""}), Found{});
    EXPECT_EQ(found({"oldest = \"5m\"\nanswer = \"warn\"", "oldest = \"10m\"\nanswer = \"warn\"",
                     "oldest = \"1m\"\nanswer = \"warn\""}),
              (Found{"3 unreachable 1"}));
    EXPECT_EQ(found({"when = \"mon-fri 08:00-18:00\"\nanswer = \"warn\"",
                     "when = \"tue 09:00-10:00\"\nanswer = \"warn\"", "when = \"tue 07:00-10:00\"\nanswer = \"warn\""}),
              (Found{"2 unreachable 1"}));
    EXPECT_EQ(found({"level = 1\nanswer = \"warn\"", "keys = \"any\"\nanswer = \"warn\""}), Found{});
}

TEST(Shadows, AStricterAnswerForMoreProofBoundsALaterOne) {
    EXPECT_EQ(found({"level = 3\nanswer = \"warn\"", "level = 1\nanswer = \"allow\""}), (Found{"2 bounded 1"}));
    EXPECT_EQ(found({"level = 3\npeer = \"board\"\nanswer = \"warn\"", "level = 1\nanswer = \"allow\""}, kGroups),
              Found{});
}

TEST(Shadows, RulesForWhoIsBlockedAreFound) {
    EXPECT_EQ(found({"peer = \"board\"\nanswer = \"warn\""}, kGroups + "[lists]\nblock = \"board\"\n"),
              (Found{"1 blocked"}));
}

TEST(Shadows, WhatIsFoundIsTrueOfEveryCall) {
    std::mt19937 random(20261121);
    const auto below = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
    const char* const kPeers[] = {"", "peer = \"board\"\n", "peer = \"corp\"\n", "peer = \"sip:a@c.example\"\n",
                                  "peer = \"d.example\"\n"};
    const char* const kLabels[] = {"", "label = \"public\"\n", "label_from = \"internal\"\n"};
    const char* const kDirections[] = {"", "direction = \"incoming\"\n", "direction = \"outgoing\"\n"};
    const char* const kProofs[] = {"", "level = 2\n", "level = 3\nlab = true\n", "oldest = \"1m\"\n",
                                   "keys = \"any\"\n"};
    const char* const kAnswers[] = {"refuse", "pin", "receive-only", "warn"};
    int shadows = 0;
    for (int round = 0; round < 400; ++round) {
        std::vector<std::string> rules;
        for (uint32_t i = 2 + below(4); i > 0; --i)
            rules.push_back(std::string(kPeers[below(5)]) + kLabels[below(3)] + kDirections[below(3)] +
                            kProofs[below(5)] + "answer = \"" + kAnswers[below(4)] + "\"");
        const policy::Document d = compiled(with_rules(rules, kGroups));
        for (const auto& s : find_shadows(d)) {
            ++shadows;
            for (int call = 0; call < 200; ++call) {
                const char* const kWho[] = {"sip:a@c.example", "sip:q@c.example", "sip:a@x.c.example",
                                            "sip:x@d.example", "sip:x@e.example"};
                rats::AttestationResult result;
                policy::CallContext c{.direction = static_cast<policy::Direction>(below(2)), .peer = kWho[below(5)]};
                c.label = policy::kBuiltInLabels[below(3)];
                c.ordinary = below(4) == 0;
                result.level = c.ordinary ? rats::Level::unverified : static_cast<rats::Level>(2 + below(4));
                result.lab = !c.ordinary && below(3) == 0;
                c.evidence_age_ms = below(2) * 120'000;
                const auto decided = policy::decide(result, c, d);
                if (decided.number != s.rule + 1) continue;
                // It never answers. One that is unreachable may still bound who proves less than the rules before it
                // ask.
                EXPECT_EQ(decided.rule, policy::Rule::document_bound);
                EXPECT_EQ(s.kind, Kind::unreachable);
            }
        }
    }
    EXPECT_GT(shadows, 100);
}

}  // namespace
}  // namespace sealcall::policy_language
