#include <sys/resource.h>

#include <csignal>

#include "tests/unit/audit/log_file.h"

namespace sealcall::audit::test {
namespace {

TEST(Log, WhatItWritesIsCanonicalAndChained) {
    const LogFile file;
    Log log = file.log();
    for (uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(log.append(some_record(i)));
    const auto report = file.report();
    EXPECT_TRUE(report.holds()) << report.problem;
    ASSERT_EQ(report.records.size(), 5u);
    EXPECT_EQ(report.records[4].seq, 4u);
    EXPECT_EQ(report.records[4].number("level"), 4u);
    EXPECT_EQ(report.records.back().digest, log.head());
    EXPECT_EQ(log.next_sequence(), 5u);
}

TEST(Log, EveryTextComesOutAsOneCanonicalLine) {
    const LogFile file;
    Log log = file.log();
    std::string all;
    for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
    for (const std::string& text :
         {all, std::string("a\0b", 3), std::string("\"\\\n\r\t\x7f"), std::string("gr\xc3\xbc\xc3\x9f"),
          std::string("\xc3"), std::string("\xed\xa0\x80"), std::string("\xf4\x90\x80\x80"), std::string("\xc0\x80"),
          std::string("\xf0\x9f\x93\x9e"), std::string(5000, '"')})
        ASSERT_TRUE(log.append(Record("incoming").text("from_hearsay", text)));
    const auto report = file.report();
    EXPECT_TRUE(report.holds()) << report.problem;
    EXPECT_EQ(report.records.size(), 10u);
    EXPECT_EQ(report.records[3].text("from_hearsay"), "gr\xc3\xbc\xc3\x9f");
    EXPECT_EQ(report.records[4].text("from_hearsay"), "?");
    EXPECT_EQ(report.records[8].text("from_hearsay"), "\xf0\x9f\x93\x9e");
    EXPECT_EQ(report.records[9].text("from_hearsay").size(), kTextMax);
}

TEST(Log, NumbersFlagsAndListsComeBackAsTheyWent) {
    const LogFile file;
    Log log = file.log();
    ASSERT_TRUE(log.append(Record("appraised")
                               .number("level", UINT64_MAX)
                               .flag("lab", true)
                               .flag("ordinary", false)
                               .numbers("reasons", std::vector<uint8_t>{1, 30, 200})));
    ASSERT_TRUE(log.append(Record("appraised").numbers("reasons", std::vector<uint8_t>{})));
    const auto report = file.report();
    ASSERT_TRUE(report.holds()) << report.problem;
    EXPECT_EQ(report.records[0].number("level"), UINT64_MAX);
    EXPECT_TRUE(report.records[0].flag("lab"));
    EXPECT_EQ(report.records[0].fields["reasons"].dump(), "[1,30,200]");
    EXPECT_EQ(report.records[1].fields["reasons"].dump(), "[]");
}

TEST(Log, GoesOnWhereAnEarlierOneEnded) {
    const LogFile file;
    for (uint64_t i = 0; i < 3; ++i) {
        Log log = file.log();
        EXPECT_EQ(log.next_sequence(), i);
        ASSERT_TRUE(log.append(some_record(i)));
    }
    EXPECT_TRUE(file.report().holds());
}

TEST(Log, GoesOnInAFileThatBeginsWithTheLastRecordOfAnotherOne) {
    const LogFile first, second;
    Log log = first.log();
    for (uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(log.append(some_record(i)));
    const std::string text = first.text();
    second.replace(text.substr(text.rfind('\n', text.size() - 2) + 1));
    Log next = second.log();
    EXPECT_EQ(next.next_sequence(), 3u);
    EXPECT_EQ(next.head(), log.head());
    ASSERT_TRUE(next.append(some_record(3)));
    const auto report = second.report();
    EXPECT_TRUE(report.holds()) << report.problem;
    EXPECT_TRUE(report.continues);
}

TEST(Log, RefusesAFileThatIsNoLog) {
    const LogFile file;
    file.replace(std::string(3 * kLineMax, 'x'));
    EXPECT_FALSE(Log::create(file.open()));
    EXPECT_EQ(file.text().size(), 3 * kLineMax) << "nothing of it was touched";
}

TEST(Log, ARecordThatIsTooLongIsRefusedAndTheLogGoesOn) {
    const LogFile file;
    Log log = file.log();
    ASSERT_TRUE(log.append(some_record(0)));
    EXPECT_FALSE(log.append(Record("key_sealed").hex("public", Bytes(kLineMax))));
    ASSERT_TRUE(log.append(some_record(1)));
    EXPECT_EQ(file.report().records.size(), 2u);
}

TEST(Log, ADiskThatIsFullInTheMiddleOfARecordLeavesAWholeChainOnceThereIsRoom) {
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    for (rlim_t room = 0; room < 200; room += 7) {
        const LogFile file;
        Log log = file.log();
        ASSERT_TRUE(log.append(some_record(0)));
        const rlimit limit{.rlim_cur = file.text().size() + room, .rlim_max = before.rlim_max};
        ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
        const Status full = log.append(some_record(1));
        const Status again = log.append(some_record(2));
        ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
        EXPECT_FALSE(again);
        ASSERT_TRUE(log.append(some_record(3)));
        const auto report = file.report();
        EXPECT_TRUE(report.holds()) << report.problem << " with room for " << room;
        EXPECT_EQ(report.records.back().number("level"), 3u);
        EXPECT_TRUE(full || report.records.size() <= 3u);
        EXPECT_EQ(report.records.back().digest, log.head());
    }
}

TEST(Log, NoRecordHasAFieldThatIsNotDeclaredForItsEvent) {
    for (const cli::AuditEvent& event : cli::audit_events()) {
        std::istringstream names{std::string(event.fields)};
        for (std::string name; names >> name;)
            EXPECT_TRUE(std::ranges::any_of(kFields, [&](std::string_view of_kind) { return has_word(of_kind, name); }))
                << event.name << " " << name;
    }
    const LogFile file;
    Log log = file.log();
    ASSERT_TRUE(log.append(Record("answered").call(CallId{1}).text("by", "person")));
    ASSERT_TRUE(log.append(Record("answered").call(CallId{1}).text("label", "restricted")));
    ASSERT_TRUE(log.append(Record("danced")));
    const auto report = file.report();
    EXPECT_EQ(cli::beyond_purpose(report.records[0]), "");
    EXPECT_NE(cli::beyond_purpose(report.records[1]), "");
    EXPECT_NE(cli::beyond_purpose(report.records[2]), "");
}

}  // namespace
}  // namespace sealcall::audit::test
