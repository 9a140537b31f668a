#include "audit_log.h"

#include <gtest/gtest.h>

#include "files.h"

namespace sealcall::cli {
namespace {

/// A log as the enclave writes it.
std::string log_of(int records) {
    std::string out, prev(64, '0');
    for (int i = 0; i < records; ++i) {
        const std::string line =
            R"({"seq":)" + std::to_string(i) +
            R"(,"wall_ms":1700000000000,"event":"decision","peer":"sip:bob@example.com","prev":")" + prev + "\"}";
        prev = to_hex(digest_of(as_bytes(line)));
        out += line + "\n";
    }
    return out;
}

TEST(AuditLog, WholeChainHolds) {
    const AuditReport report = read_audit(log_of(5));
    EXPECT_TRUE(report.holds());
    ASSERT_EQ(report.records.size(), 5u);
    EXPECT_EQ(report.records[4].seq, 4u);
    EXPECT_EQ(report.records[4].fields.dump(), R"({"peer":"sip:bob@example.com"})");
    EXPECT_TRUE(read_audit("").holds());
}

TEST(AuditLog, FindsAChangedRecordAtTheOneThatFollows) {
    std::string log = log_of(5);
    log.replace(log.find("bob"), 3, "eve");
    const AuditReport report = read_audit(log);
    EXPECT_EQ(report.broken_line, 2u);
    EXPECT_EQ(report.records.size(), 1u);
}

TEST(AuditLog, FindsARemovedAndAnAddedRecord) {
    const std::string log = log_of(3);
    const size_t first = log.find('\n') + 1, second = log.find('\n', first) + 1;
    EXPECT_EQ(read_audit(log.substr(0, first) + log.substr(second)).broken_line, 2u);
    EXPECT_TRUE(read_audit(log.substr(first)).continues) << "the beginning is in an older file, or was cut off";
    EXPECT_EQ(read_audit(log.substr(0, second) + log.substr(first)).broken_line, 3u) << "a record twice";
}

TEST(AuditLog, FindsARecordThatChainsButSkipsANumber) {
    const std::string zero(64, '0');
    const std::string first = R"({"seq":0,"wall_ms":1,"event":"a","prev":")" + zero + "\"}";
    const std::string second =
        R"({"seq":2,"wall_ms":1,"event":"a","prev":")" + to_hex(digest_of(as_bytes(first))) + "\"}";
    EXPECT_EQ(read_audit(first + "\n" + second + "\n").broken_line, 2u);
}

TEST(AuditLog, ALineWithoutAnEndIsSaidAndNotCounted) {
    std::string log = log_of(3);
    log.pop_back();
    const AuditReport report = read_audit(log);
    EXPECT_TRUE(report.holds());
    EXPECT_TRUE(report.cut_short);
    EXPECT_EQ(report.records.size(), 2u);
}

TEST(AuditLog, RefusesWhatIsNoRecord) {
    for (const std::string line : {"{}", "[]", "null", "x", R"({"seq":-1,"wall_ms":1,"event":"a","prev":""})",
                                   R"({"seq":"0","wall_ms":1,"event":"a","prev":""})"})
        EXPECT_EQ(read_audit(line + "\n").broken_line, 1u) << line;
    EXPECT_EQ(read_audit(std::string(kAuditLineMax + 1, ' ') + "\n").broken_line, 1u);
}

TEST(AuditLog, TakesOneFormOfARecordAndNoOther) {
    const std::string zero(64, '0'), end = R"(,"prev":")" + zero + "\"}";
    const std::string good =
        R"({"seq":0,"wall_ms":1,"event":"a","peer":"b\u0001\"\\\u007f","lab":true,"reasons":[1,2])" + end;
    EXPECT_TRUE(read_audit(good + "\n").holds()) << read_audit(good + "\n").problem;
    for (const std::string& line :
         {R"({"seq": 0,"wall_ms":1,"event":"a")" + end,              // white space
          R"({"seq":00,"wall_ms":1,"event":"a")" + end,              // no JSON at all
          R"({"wall_ms":1,"seq":0,"event":"a")" + end,               // another order
          R"({"seq":0,"wall_ms":1,"event":"a","x":1,"x":1)" + end,   // a field twice
          R"({"seq":0,"wall_ms":1,"event":"a","x":1.0)" + end,       // another form of a number
          R"({"seq":0,"wall_ms":1,"event":"a","x":-1)" + end,        // no number of ours
          R"({"seq":0,"wall_ms":1,"event":"a","x":null)" + end,      //
          R"({"seq":0,"wall_ms":1,"event":"a","x":{"y":1})" + end,   //
          R"({"seq":0,"wall_ms":1,"event":"a","x":[[1]])" + end,     //
          R"({"seq":0,"wall_ms":1,"event":"a","x":"\u0041")" + end,  // an escape that is not needed
          R"({"seq":0,"wall_ms":1,"event":"a","x":"\n")" + end,      // another escape for the same
          R"({"seq":0,"wall_ms":1,"event":"a","x":"\u001F")" + end,  // upper case
          R"({"seq":0,"wall_ms":1,"event":"a","x":"\/")" + end,      //
          good + " ", " " + good, good + "\r", "\xef\xbb\xbf" + good})
        EXPECT_EQ(read_audit(line + "\n").broken_line, 1u) << line;
}

TEST(AuditLog, OneIsNotMany) {
    EXPECT_EQ(counted(0, "record"), "0 records");
    EXPECT_EQ(counted(1, "record"), "1 record");
    EXPECT_EQ(counted(2, "record stands", "records stand"), "2 records stand");
    EXPECT_EQ(counted(1, "record stands", "records stand"), "1 record stands");
}

TEST(AuditLog, DeepNestingIsRefusedWithoutHarm) {
    const std::string deep = R"({"seq":0,"wall_ms":1,"event":"a","x":)" + std::string(5000, '[') +
                             std::string(5000, ']') + R"(,"prev":")" + std::string(64, '0') + "\"}\n";
    EXPECT_EQ(read_audit(deep).broken_line, 1u);
    EXPECT_NE(read_audit(deep).problem.find("nested"), std::string::npos) << read_audit(deep).problem;
}

}  // namespace
}  // namespace sealcall::cli
