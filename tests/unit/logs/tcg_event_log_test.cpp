#include "attestation/logs/tcg_event_log.h"

#include <gtest/gtest.h>

#include "attestation/logs/bank_replay.h"
#include "tests/unit/logs/new_log.h"

namespace sealcall::logs::test {
namespace {

Bytes small_log() {
    return *encode_event_log(kBanks, std::vector{event(0, event_type::kSCrtmVersion, "1.0"),
                                                 event(0, event_type::kNoAction, "StartupLocality\0\3"sv),
                                                 event(7, event_type::kSeparator, "\0\0\0\0"sv)});
}

void put_u32(Bytes& log, size_t at, uint32_t v) {
    for (size_t i = 0; i < 4; ++i) log.at(at + i) = static_cast<std::byte>(v >> (8 * i));
}

TEST(TcgEventLog, WrittenLogReadsBack) {
    const Bytes raw = small_log();
    const auto log = parse_event_log(raw);
    ASSERT_TRUE(log);
    EXPECT_EQ(log->form, LogForm::crypto_agile);
    EXPECT_EQ(log->algorithms, kBanks);
    ASSERT_EQ(log->events.size(), 4u);
    EXPECT_EQ(as_chars(log->events[1].data), "1.0");
    for (const LogAlgorithm& a : kBanks)
        EXPECT_TRUE(
            equal_bytes(log->digest_of(log->events[1], a.number), Hasher(a.number).hash(as_bytes("1.0")).view()));
}

TEST(TcgEventLog, EmptyLogIsReadAndProvesNothing) {
    const auto log = parse_event_log({});
    ASSERT_TRUE(log);
    EXPECT_EQ(log->form, LogForm::empty);
    EXPECT_TRUE(replay_all(*log).empty());
}

TEST(TcgEventLog, EveryTruncationIsAnErrorOrAShorterLog) {
    const Bytes raw = small_log();
    const auto whole = parse_event_log(raw);
    std::vector<size_t> ends;
    for (const LogEvent& e : whole->events) ends.push_back(e.offset);
    for (size_t n = 1; n < raw.size(); ++n) {
        const auto cut = parse_event_log(ByteSpan(raw).first(n));
        if (std::ranges::find(ends, n) != ends.end()) {
            ASSERT_TRUE(cut) << n;
            EXPECT_LT(cut->events.size(), whole->events.size());
        } else {
            ASSERT_FALSE(cut) << n;
            EXPECT_EQ(cut.error().code, Errc::truncated) << n;
        }
    }
}

TEST(TcgEventLog, EveryFlippedBitIsAnErrorOrAnotherLog) {
    const Bytes raw = small_log();
    const auto whole = parse_event_log(raw);
    const auto banks = replay_all(*whole);
    for (size_t at = whole->events[1].offset; at < raw.size(); ++at)
        for (unsigned bit = 0; bit < 8; ++bit) {
            Bytes changed = raw;
            changed[at] ^= static_cast<std::byte>(1U << bit);
            const auto log = parse_event_log(changed);
            if (!log || replay_all(*log) != banks) continue;
            // The replay is the same: only event data or an event's type can have changed.
            ASSERT_EQ(log->events.size(), whole->events.size()) << at;
            size_t differ = 0;
            for (size_t i = 0; i < log->events.size(); ++i) {
                EXPECT_TRUE(!whole->events[i].extends() ||
                            equal_bytes(log->events[i].digests, whole->events[i].digests));
                differ += log->events[i].pcr != whole->events[i].pcr || log->events[i].type != whole->events[i].type ||
                          !equal_bytes(log->events[i].digests, whole->events[i].digests) ||
                          !equal_bytes(log->events[i].data, whole->events[i].data);
            }
            EXPECT_EQ(differ, 1u) << at;
        }
}

TEST(TcgEventLog, DoubledAndReorderedEventsReplayOtherwise) {
    const auto a = event(4, event_type::kEfiAction, "a"), b = event(4, event_type::kEfiAction, "b");
    const auto replay = [](const std::vector<NewEvent>& events) {
        const Bytes raw = *encode_event_log(kBanks, events);
        return replay_bank(*parse_event_log(raw), kSha256).pcrs[4].value;
    };
    EXPECT_FALSE(replay({a, b}) == replay({b, a}));
    EXPECT_FALSE(replay({a, b}) == replay({a, a, b}));
    const Bytes doubled = *encode_event_log(kBanks, std::vector{a, a});
    EXPECT_EQ(parse_event_log(doubled)->warnings.count, 1u);
}

TEST(TcgEventLog, SizesThatLieAreTruncated) {
    Bytes raw = small_log();
    const auto log = parse_event_log(raw);
    const size_t size_at = log->events[1].offset + 12 + log->events[1].digests.size();
    put_u32(raw, size_at, 1'200'000'000);
    const auto lied = parse_event_log(raw);
    ASSERT_FALSE(lied);
    EXPECT_EQ(lied.error().code, Errc::truncated);
}

TEST(TcgEventLog, MoreAlgorithmsThanFitAreRefused) {
    Bytes raw = small_log();
    put_u32(raw, 32 + 24, 1'000'000);  // number of algorithms in the header
    const auto log = parse_event_log(raw);
    ASSERT_FALSE(log);
    EXPECT_EQ(log.error().code, Errc::too_large);
    raw = small_log();
    put_u32(raw, parse_event_log(small_log())->events[1].offset + 8, 0x7fffffff);
    EXPECT_EQ(parse_event_log(raw).error().code, Errc::bad_value);
}

TEST(TcgEventLog, LogsOverTheLimitAreRefusedUnread) {
    const Bytes huge(kBootLogMax + 1);
    EXPECT_EQ(parse_event_log(huge).error().code, Errc::too_large);
}

TEST(TcgEventLog, ManyNearPaddingsAreReadInOnePass) {
    // Events without digests are 16 zero bytes each and look like padding until the very last byte.
    const std::vector<LogAlgorithm> one{{kSha256, 32}};
    Bytes raw = *encode_event_log(one, {});
    raw.resize(raw.size() + 16 * (kBootEventsMax - 2));
    raw.push_back(std::byte{1});
    raw.insert(raw.end(), 15, std::byte{0});
    EXPECT_EQ(parse_event_log(raw)->events.size(), kBootEventsMax);
}

TEST(TcgEventLog, PaddingEndsALog) {
    const auto banks = replay_all(*parse_event_log(small_log()));
    for (std::byte fill : {std::byte{0xff}, std::byte{0}}) {
        Bytes padded = small_log();
        padded.insert(padded.end(), 1000, fill);
        const auto log = parse_event_log(padded);
        ASSERT_TRUE(log);
        EXPECT_EQ(replay_all(*log), banks);
        EXPECT_EQ(log->warnings.count, 1u + 1u) << "padding, and StartupLocality after an extension";
    }
}

TEST(TcgEventLog, NoActionNeverExtends) {
    const Bytes with = small_log();
    const Bytes without = *encode_event_log(kBanks, std::vector{event(0, event_type::kSCrtmVersion, "1.0"),
                                                                event(7, event_type::kSeparator, "\0\0\0\0"sv)});
    const auto a = replay_bank(*parse_event_log(with), kSha256), b = replay_bank(*parse_event_log(without), kSha256);
    EXPECT_EQ(a.pcrs[7], b.pcrs[7]);
    EXPECT_FALSE(a.pcrs[0] == b.pcrs[0]) << "the locality changes what PCR 0 begins with";
    EXPECT_EQ(a.pcrs[0].events, 1u);
}

TEST(TcgEventLog, StartupLocalityBeginsPcr0) {
    const Bytes raw = *encode_event_log(kBanks, std::vector{event(0, event_type::kNoAction, "StartupLocality\0\3"sv),
                                                            event(0, event_type::kSCrtmVersion, "1.0")});
    const auto log = parse_event_log(raw);
    ASSERT_TRUE(log);
    EXPECT_EQ(log->startup_locality, 3);
    std::array<std::byte, 32> value{};
    value.back() = std::byte{3};
    Hasher hasher(kSha256);
    hasher.extend(value.data(), hasher.hash(as_bytes("1.0")).view());
    EXPECT_TRUE(equal_bytes(replay_bank(*log, kSha256).pcrs[0].value.view(), value));
    for (std::string_view wrong : {"StartupLocality\0"sv, "StartupLocality\0\5"sv, "StartupLocality\0\3\0"sv}) {
        const Bytes bad = *encode_event_log(kBanks, std::vector{event(0, event_type::kNoAction, wrong)});
        EXPECT_FALSE(parse_event_log(bad)) << wrong.size();
    }
}

TEST(TcgEventLog, PcrsBeyondTheLastAreRefused) {
    const Bytes raw = *encode_event_log(kBanks, std::vector{event(24, event_type::kAction, "x")});
    EXPECT_EQ(parse_event_log(raw).error().code, Errc::bad_value);
    const Bytes info = *encode_event_log(kBanks, std::vector{event(0xffffffff, event_type::kNoAction, "x")});
    EXPECT_TRUE(parse_event_log(info)) << "information may name no PCR at all";
}

TEST(BankReplay, DynamicPcrsBeginAtOnesUntilTheyAreLaunched) {
    const Bytes raw = *encode_event_log(kBanks, std::vector{event(17, event_type::kEventTag, "x")});
    const auto bank = replay_bank(*parse_event_log(raw), kSha256);
    for (uint32_t pcr = 18; pcr <= 22; ++pcr)
        EXPECT_EQ(bank.pcrs[pcr].value.bytes[0], std::byte{0}) << "a launch sets all of them: " << pcr;
    const auto without = replay_bank(*parse_event_log({}), kSha256);
    for (uint32_t pcr = 17; pcr <= 22; ++pcr) EXPECT_EQ(without.pcrs[pcr].value.bytes[31], std::byte{0xff});
    std::array<std::byte, 32> value{};
    Hasher hasher(kSha256);
    hasher.extend(value.data(), hasher.hash(as_bytes("x")).view());
    EXPECT_TRUE(equal_bytes(bank.pcrs[17].value.view(), value));
}

TEST(BankReplay, MissingDigestMakesTheValueUnknown) {
    const std::vector<LogAlgorithm> two{{kSha256, 32}, {kSha384, 48}};
    NewEvent e{.pcr = 4, .type = event_type::kAction, .digests = {}, .data = {}};
    e.digests = {Hasher(kSha256).hash({}), Hasher(kSha384).hash({})};
    Bytes raw = *encode_event_log(two, std::vector{e});
    const size_t at = parse_event_log(raw)->events[1].offset;
    put_u32(raw, at + 8, 1);
    raw.erase(raw.begin() + static_cast<std::ptrdiff_t>(at + 12 + 34),
              raw.begin() + static_cast<std::ptrdiff_t>(at + 12 + 34 + 50));
    const auto log = parse_event_log(raw);
    ASSERT_TRUE(log);
    EXPECT_TRUE(replay_bank(*log, kSha256).pcrs[4].complete);
    EXPECT_FALSE(replay_bank(*log, kSha384).pcrs[4].complete);
}

}  // namespace
}  // namespace sealcall::logs::test
