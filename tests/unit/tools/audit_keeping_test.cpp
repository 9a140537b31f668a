// Putting audit files away and dropping old ones, with files as the enclave writes them.
#include "audit_keeping.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "attestation/binding.h"
#include "audit_anchors.h"
#include "paths.h"
#include "problem.h"
#include "temporary_dir.h"

namespace sealcall::cli {
namespace {

using attestation::foreign::Findings;
using attestation::foreign::Verdict;
using test::put;

constexpr uint64_t kDayMs = 24ULL * 3600 * 1000, kBegin = 1700000000000;

/// Appends records to a file, as the enclave does.
class Writer {
  public:
    explicit Writer(std::filesystem::path file) : file_(std::move(file)) {}
    void write(const audit::Record& record, uint64_t wall_ms) {
        const std::string line = record.line(seq_++, wall_ms, to_hex(head_));
        head_ = attestation::sha256(as_bytes(line));
        std::ofstream(file_, std::ios::binary | std::ios::app) << line << "\n";
    }
    [[nodiscard]] Digest head() const { return head_; }
    [[nodiscard]] uint64_t last() const { return seq_ - 1; }

  private:
    std::filesystem::path file_;
    Digest head_{};
    uint64_t seq_ = 0;
};

class AuditKeeping : public ::testing::Test {
  protected:
    AuditKeeping() {
        paths_.profile = "test";
        paths_.state_dir = dir_.path();
    }
    void write_days(int from, int to) {
        for (int day = from; day < to; ++day)
            writer_.write(audit::Record("open").number("level", static_cast<uint64_t>(day)),
                          kBegin + static_cast<uint64_t>(day) * kDayMs);
    }
    [[nodiscard]] AuditTrail trail() const { return read_trail(audit_files(paths_)); }
    Findings checked(std::optional<uint32_t> keep_days = {}) const {
        AuditGround ground;
        ground.keep_days = keep_days;
        Findings out;
        (void)check_anchors(trail(), ground, out);
        return out;
    }

    test::TemporaryDir dir_;
    ProfilePaths paths_;
    Writer writer_{dir_ / "audit.log"};
};

TEST_F(AuditKeeping, ASmallFileStays) {
    write_days(0, 3);
    put_audit_away(paths_, 1 << 20);
    EXPECT_EQ(audit_files(paths_).size(), 1u);
}

TEST_F(AuditKeeping, ALargeFileIsPutAwayAndTheChainGoesOn) {
    for (int i = 0; i < 4; ++i) {
        write_days(10 * i, 10 * i + 10);
        put_audit_away(paths_, 100);
    }
    write_days(40, 42);
    EXPECT_EQ(audit_files(paths_).size(), 5u);
    const AuditTrail all = trail();
    EXPECT_TRUE(all.log.holds()) << all.log.problem;
    EXPECT_EQ(all.log.records.size(), 42u);
    EXPECT_FALSE(all.log.continues);
}

TEST_F(AuditKeeping, AFileWhoseLastRecordIsTornWaitsForTheEnclaveToMendIt) {
    write_days(0, 9);
    std::ofstream(paths_.audit_log(), std::ios::app) << "{\"seq\":";
    put_audit_away(paths_, 100);
    EXPECT_EQ(audit_files(paths_).size(), 1u);
}

TEST_F(AuditKeeping, APowerCutWithinPuttingAwayLosesNothing) {
    write_days(0, 9);
    ASSERT_EQ(::link(paths_.audit_log().c_str(), (dir_ / audit_file_name(8)).c_str()), 0);  // and then the power failed
    EXPECT_TRUE(trail().log.holds());
    EXPECT_EQ(trail().log.records.size(), 9u);
    put_audit_away(paths_, 100);
    write_days(9, 10);
    EXPECT_EQ(audit_files(paths_).size(), 2u);
    EXPECT_TRUE(trail().log.holds()) << trail().log.problem;
    EXPECT_EQ(trail().log.records.size(), 10u);
}

TEST_F(AuditKeeping, AMissingFileInTheMiddleIsFound) {
    for (int i = 0; i < 3; ++i) {
        write_days(10 * i, 10 * i + 10);
        put_audit_away(paths_, 100);
    }
    std::filesystem::remove(audit_files(paths_)[1]);
    EXPECT_FALSE(trail().log.holds());
}

TEST_F(AuditKeeping, OldFilesGoOnlyAfterTheLogSaysSoAndTheTpmSigned) {
    write_days(0, 10);
    put_audit_away(paths_, 100);
    write_days(10, 20);
    put_audit_away(paths_, 100);
    write_days(20, 21);
    const uint64_t now = kBegin + 45 * kDayMs;
    EXPECT_EQ(drop_old_audit(paths_, 0, now).keep_days, 0u);
    const ipc::AuditDrop due = drop_old_audit(paths_, 30, now);
    EXPECT_EQ(due.keep_days, 30u);
    EXPECT_EQ(due.first, 0u);
    EXPECT_EQ(due.last, 9u) << "the second file's newest record is 26 days old";
    EXPECT_EQ(audit_files(paths_).size(), 3u) << "nothing goes before it is recorded";

    const audit::Record dropped =
        audit::Record("dropped").number("first", due.first).number("last", due.last).hex("head", due.head);
    audit::Record whole = dropped;
    writer_.write(whole.number("keep_days", due.keep_days), now);
    EXPECT_EQ(drop_old_audit(paths_, 30, now).last, 9u) << "recorded, not signed";
    EXPECT_EQ(audit_files(paths_).size(), 3u);
    writer_.write(audit::Record("certified").number("of", writer_.last()), now);
    EXPECT_EQ(drop_old_audit(paths_, 30, now).keep_days, 0u);
    EXPECT_EQ(audit_files(paths_).size(), 2u);
    EXPECT_TRUE(trail().log.holds()) << trail().log.problem;
    EXPECT_TRUE(trail().log.continues);
    EXPECT_EQ(checked(30).find("retention")->verdict, Verdict::ok) << checked(30).find("retention")->text;
}

TEST_F(AuditKeeping, AnotherVaultBetweenTwoStartsShows) {
    const auto start = [&](uint64_t made, bool pin) {
        writer_.write(audit::Record("started").flag("pin", pin).number("vault_made", made), kBegin);
    };
    start(3, true);
    start(3, true);
    EXPECT_EQ(checked().find("vault"), nullptr);
    start(9, false);
    const Findings all = checked();
    const auto* found = all.find("vault");
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->verdict, Verdict::note);
    EXPECT_NE(found->text.find("and the PIN with them"), std::string::npos) << found->text;
}

TEST_F(AuditKeeping, TheRuleMayBeTheSignedPolicys) {
    write_days(0, 10);
    const Digest head = writer_.head();
    put_audit_away(paths_, 100);
    std::filesystem::remove(audit_files(paths_)[0]);
    const auto drop = [&](uint64_t last, uint64_t kept, uint64_t wanted) {
        audit::Record dropped = audit::Record("dropped").number("first", 0).number("last", last);
        writer_.write(dropped.hex("head", head).number("keep_days", kept).number("policy_days", wanted),
                      kBegin + 60 * kDayMs);
    };
    drop(9, 40, 30);
    EXPECT_EQ(checked().find("retention")->verdict, Verdict::ok) << checked().find("retention")->text;
    EXPECT_EQ(checked(45).find("retention")->verdict, Verdict::failed) << "the reader wants more";
    drop(12, 20, 30);
    EXPECT_EQ(checked().find("retention")->verdict, Verdict::unknown) << "another one was shorter than the policy";
}

TEST_F(AuditKeeping, TheRuleIsTheReadersNotThePhones) {
    write_days(0, 10);
    const Digest head = writer_.head();
    put_audit_away(paths_, 100);
    std::filesystem::remove(audit_files(paths_)[0]);
    audit::Record dropped = audit::Record("dropped").number("first", 0).number("last", 9);
    writer_.write(dropped.hex("head", head).number("keep_days", 1), kBegin + 12 * kDayMs);
    EXPECT_EQ(checked().find("retention")->verdict, Verdict::unknown) << "nobody said what the enterprise wants";
    EXPECT_EQ(checked(1).find("retention")->verdict, Verdict::ok);
    EXPECT_EQ(checked(30).find("retention")->verdict, Verdict::failed);
    EXPECT_EQ(checked(0).find("retention")->verdict, Verdict::failed) << "for ever";
}

TEST_F(AuditKeeping, AFileThatCannotBeReadDropsNothingAndStopsNobody) {
    write_days(0, 10);
    put_audit_away(paths_, 100);
    std::filesystem::remove(paths_.audit_log());
    std::filesystem::create_directory(paths_.audit_log());
    EXPECT_EQ(drop_old_audit(paths_, 30, kBegin + 90 * kDayMs).keep_days, 0u);
    EXPECT_EQ(audit_files(paths_).size(), 2u);
}

TEST_F(AuditKeeping, AFileOfAnySizeIsReadUpToWhereItIsBroken) {
    write_days(0, 3);
    std::filesystem::resize_file(paths_.audit_log(), uint64_t{1} << 30);  // a hole: no memory, no disk
    const AuditTrail all = trail();
    EXPECT_EQ(all.log.broken_line, 4u);
    EXPECT_EQ(all.log.records.size(), 3u);
}

TEST_F(AuditKeeping, RecordsAreReadWholeWhereverAPartOfTheFileEnds) {
    write_days(0, 2000);  // three parts and more
    ASSERT_GT(std::filesystem::file_size(paths_.audit_log()), 3u * 64 * 1024);
    EXPECT_TRUE(trail().log.holds()) << trail().log.problem;
    EXPECT_EQ(trail().log.records.size(), 2000u);
    std::ofstream(paths_.audit_log(), std::ios::app) << "{\"seq\":";
    EXPECT_TRUE(trail().log.cut_short);
}

TEST_F(AuditKeeping, WhatWasDroppedTooEarlyOrWithoutARecordIsFound) {
    write_days(0, 10);
    const Digest head = writer_.head();
    put_audit_away(paths_, 100);
    write_days(10, 12);
    std::filesystem::remove(audit_files(paths_)[0]);
    EXPECT_EQ(checked().find("retention")->verdict, Verdict::unknown) << "no record says so";
    audit::Record dropped = audit::Record("dropped").number("first", 0).number("last", 9);
    writer_.write(dropped.hex("head", head).number("keep_days", 30), kBegin + 15 * kDayMs);
    EXPECT_EQ(checked().find("retention")->verdict, Verdict::failed) << "6 days are no 30 days";
}

TEST_F(AuditKeeping, AWitnessOfWhatWasDroppedByRuleIsNoAlarm) {
    write_days(0, 5);
    const AuditWitness old{.who = "bob", .head = writer_.head(), .wall_ms = kBegin + 4 * kDayMs};
    write_days(5, 10);
    const Digest head = writer_.head();
    put_audit_away(paths_, 100);
    write_days(10, 12);
    const auto verdict = [&](const AuditWitness& witness) {
        AuditGround ground;
        ground.witnesses = {witness};
        ground.keep_days = 30;
        Findings out;
        (void)check_anchors(trail(), ground, out);
        return out.find("witness")->verdict;
    };
    EXPECT_EQ(verdict(old), Verdict::ok);
    std::filesystem::remove(audit_files(paths_)[0]);
    EXPECT_EQ(verdict(old), Verdict::unknown) << "no record says that older ones were dropped";
    audit::Record dropped = audit::Record("dropped").number("first", 0).number("last", 9);
    writer_.write(dropped.hex("head", head).number("keep_days", 30), kBegin + 45 * kDayMs);
    EXPECT_EQ(verdict(old), Verdict::note);
    EXPECT_EQ(verdict({.who = "bob", .head = old.head, .wall_ms = kBegin + 11 * kDayMs}), Verdict::failed)
        << "records of that day are here";
    EXPECT_EQ(verdict({.who = "bob", .head = old.head}), Verdict::unknown) << "nobody says of when it is";
}

TEST_F(AuditKeeping, RecordsDroppedUnderAForeignHashAreFound) {
    write_days(0, 10);
    put_audit_away(paths_, 100);
    std::filesystem::remove(audit_files(paths_)[0]);
    audit::Record dropped = audit::Record("dropped").number("first", 0).number("last", 9);
    writer_.write(dropped.hex("head", Digest{}).number("keep_days", 1), kBegin + 300 * kDayMs);
    EXPECT_EQ(checked().find("retention")->verdict, Verdict::unknown);
}

}  // namespace
}  // namespace sealcall::cli
