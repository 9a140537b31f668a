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
    EXPECT_EQ(report.records[4].rest, R"({"peer":"sip:bob@example.com"})");
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
    EXPECT_EQ(read_audit(log.substr(first)).broken_line, 1u) << "the beginning was cut off";
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

}  // namespace
}  // namespace sealcall::cli
