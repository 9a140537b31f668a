#include "tools/policy/expected.h"

#include "sources.h"

namespace sealcall::policy_language {
namespace {

using namespace test;

ExpectedFile parsed(const std::string& text) {
    auto outcome = parse_expected(text);
    if (const auto* problems = std::get_if<std::vector<cli::ConfigProblem>>(&outcome)) {
        ADD_FAILURE() << text_of(*problems);
        return {};
    }
    return std::get<ExpectedFile>(outcome);
}

TEST(Expected, ACaseDescribesACallAndItsDecision) {
    const auto file = parsed(
        "policy = \"p.toml\"\n[[case]]\nname = \"n\"\npeer = \"sip:bob@corp.example\"\ndirection = \"incoming\"\n"
        "label = \"restricted\"\nlevel = 3\nlab = true\nsoftware_tpm = true\nage = \"5m\"\nat = 2026-11-23T08:30:00Z\n"
        "lacks = [\"secure-boot\"]\nknown = true\nauthority = \"A\"\nverifier = \"v\"\n"
        "expect = \"receive-only\"\nrule = \"r\"\nduring = \"end\"\nsilent = false\n");
    EXPECT_EQ(file.policy, "p.toml");
    ASSERT_EQ(file.cases.size(), 1U);
    const Expected& e = file.cases[0];
    EXPECT_EQ(e.line, 2U);
    EXPECT_EQ(e.call.level, rats::Level::trusted_boot);
    EXPECT_EQ(e.call.age_s, 300U);
    EXPECT_EQ(e.call.wall_ms, (1'795'392'000ULL + 8 * 3600 + 1800) * 1000);
    EXPECT_EQ(e.answer, policy::Action::receive_only);
    EXPECT_EQ(e.during, policy::OnWorse::end);
    const auto reasons = e.call.result().reasons.items();
    EXPECT_EQ(std::ranges::count(reasons, rats::Reason::secure_boot_on), 0);
    EXPECT_EQ(std::ranges::count(reasons, rats::Reason::boot_approved), 1);
}

TEST(Expected, TimesWithAnOffsetAndLeapDaysAreUnderstood) {
    const auto at = [](const std::string& time) {
        return parsed("[[case]]\npeer = \"sip:b@c.example\"\nexpect = \"warn\"\nat = " + time + "\n")
            .cases.at(0)
            .call.wall_ms;
    };
    EXPECT_EQ(at("1970-01-01T00:00:00Z"), 0U);
    EXPECT_EQ(at("2026-11-23T01:00:00+01:00"), 1'795'392'000'000ULL);
    EXPECT_EQ(at("2024-02-29T12:00:00Z"), 1'709'208'000'000ULL);
    EXPECT_EQ(at("2000-03-01T00:00:00Z"), 951'868'800'000ULL);
}

TEST(Expected, WhatIsNotAsExpectedIsSaid) {
    const auto d = compiled(with_rules({"level = 2\nanswer = \"warn\""}));
    const auto run = [&](const std::string& text) {
        return run_case(d, parsed("[[case]]\npeer = \"sip:b@c.example\"\n" + text).cases.at(0));
    };
    EXPECT_EQ(run("expect = \"warn\"\nrule = \"r1\"\nduring = \"mute\"\n"), "");
    EXPECT_NE(run("expect = \"allow\"\n").find("the answer is warn, not allow"), std::string::npos);
    EXPECT_NE(run("expect = \"warn\"\nrule = \"r2\"\n").find("the rule is \"r1\", not \"r2\""), std::string::npos);
    EXPECT_NE(run("level = 1\nexpect = \"warn\"\n").find("the answer is refuse, not warn"), std::string::npos);
    EXPECT_EQ(run("level = -1\nexpect = \"refuse\"\n"), "");
    EXPECT_EQ(run("ordinary = true\nexpect = \"refuse\"\n"), "");
}

TEST(Expected, MistakesHaveTheirPlace) {
    const std::tuple<const char*, uint32_t, const char*> mistakes[] = {
        {"", 1, "no [[case]]"},
        {"[[case]]\nexpect = \"warn\"\n", 1, "has no peer"},
        {"[[case]]\npeer = \"sip:b@c.example\"\n", 1, "expects nothing"},
        {"[[case]]\npeer = \"bob\"\nexpect = \"warn\"\n", 2, "sip:NAME@DOMAIN"},
        {"[[case]]\npeer = \"sip:b@c\"\nexpect = \"wran\"\n", 3, "Did you mean \"warn\"?"},
        {"[[case]]\npeer = \"sip:b@c\"\nexpect = \"warn\"\nlevl = 3\n", 4, "Did you mean \"level\"?"},
        {"[[case]]\npeer = \"sip:b@c\"\nexpect = \"warn\"\nat = \"now\"\n", 4, "a time in UTC"},
        {"[[case]]\npeer = \"sip:b@c\"\nexpect = \"warn\"\nordinary = true\nlevel = 1\n", 5, "leave it out"},
        {"[[case]]\npeer = \"sip:b@c\"\nexpect = \"warn\"\nlacks = [\"x\"]\n", 4, "There is no fact"},
    };
    for (const auto& [text, line, says] : mistakes) {
        const auto outcome = parse_expected(text);
        const auto* problems = std::get_if<std::vector<cli::ConfigProblem>>(&outcome);
        ASSERT_NE(problems, nullptr) << text;
        EXPECT_EQ(problems->front().line, line) << text << text_of(*problems);
        EXPECT_NE(problems->front().text.find(says), std::string::npos) << text << text_of(*problems);
    }
}

}  // namespace
}  // namespace sealcall::policy_language
