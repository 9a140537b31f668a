#include "attestation/logs/cel_log.h"

#include <openssl/evp.h>

#include "attestation/logs/event_data.h"
#include "sealcall/base/hex.h"
#include "tests/support/vectors.h"
#include "tools/sealcall/cel_json.h"

namespace sealcall::logs::test {
namespace {

using namespace std::literals;

Bytes element(uint8_t tag, ByteSpan value) {
    ByteWriter w;
    w.u8(tag).u32(static_cast<uint32_t>(value.size())).bytes(value);
    return w.take();
}

Bytes number(uint8_t tag, uint64_t v) {
    ByteWriter w;
    w.u64(v);
    return element(tag, w.view());
}

/// A pcclient_std record with an honest SHA-256 digest.
Bytes record(uint64_t n, uint8_t pcr, uint32_t type, std::string_view data) {
    ByteWriter t, out;
    t.u32(type);
    out.bytes(number(0, n)).bytes(element(1, std::array{static_cast<std::byte>(pcr)}));
    out.bytes(element(3, element(0x0b, Hasher(kSha256).hash(as_bytes(data)).view())));
    Bytes content = element(0, t.view());
    const Bytes second = element(1, as_bytes(data));
    content.insert(content.end(), second.begin(), second.end());
    out.bytes(element(5, content));
    return out.take();
}

Bytes two_records() {
    Bytes out = record(7, 8, event_type::kIpl, "one");
    const Bytes second = record(8, 8, event_type::kNoAction, "two");
    out.insert(out.end(), second.begin(), second.end());
    return out;
}

std::vector<BankReplay> empty_bank() {
    BankReplay bank{.algorithm = kSha256, .pcrs = {}};
    for (PcrValue& pcr : bank.pcrs) pcr.value.size = 32;
    return {bank};
}

TEST(CelLog, RecordsExtendTheirPcrs) {
    const auto log = parse_cel_tlv(two_records());
    ASSERT_TRUE(log) << log.error().what;
    ASSERT_EQ(log->events.size(), 2u);
    Hasher hasher(kSha256);
    EXPECT_TRUE(log->events[0].proven(hasher));
    auto banks = empty_bank();
    extend_banks(*log, banks);
    std::array<std::byte, 32> value{};
    hasher.extend(value.data(), hasher.hash(as_bytes("one")).view());
    EXPECT_TRUE(equal_bytes(banks[0].pcrs[8].value.view(), value)) << "EV_NO_ACTION extends nothing";
}

TEST(CelLog, BecomesABootLogWithTheSameReplay) {
    const auto cel = parse_cel_tlv(two_records());
    auto banks = empty_bank();
    extend_banks(*cel, banks);
    const Bytes raw = *to_event_log(*cel);
    const auto log = parse_event_log(raw);
    ASSERT_TRUE(log);
    EXPECT_EQ(replay_bank(*log, kSha256).pcrs[8].value, banks[0].pcrs[8].value);
    EXPECT_EQ(log->events[1].type, event_type::kIpl);
}

TEST(CelLog, TruncationsAndWrongNumbersAreErrors) {
    const Bytes raw = two_records();
    const size_t first = record(7, 8, event_type::kIpl, "one").size();
    for (size_t n = 1; n < raw.size(); ++n)
        EXPECT_EQ(parse_cel_tlv(ByteSpan(raw).first(n)).has_value(), n == first) << n;
    Bytes gap = record(7, 8, event_type::kIpl, "one");
    const Bytes later = record(9, 8, event_type::kIpl, "one");
    gap.insert(gap.end(), later.begin(), later.end());
    EXPECT_FALSE(parse_cel_tlv(gap));
    EXPECT_FALSE(parse_cel_tlv(record(0, 24, event_type::kIpl, "one")));
    EXPECT_TRUE(parse_cel_tlv({}));
}

TEST(CelLog, FlippedBitsAreErrorsOrUnprovenOrAnotherPlace) {
    const Bytes raw = record(0, 8, event_type::kIpl, "one");
    Hasher hasher(kSha256);
    for (size_t at = 0; at < raw.size(); ++at)
        for (unsigned bit = 0; bit < 8; ++bit) {
            Bytes changed = raw;
            changed[at] ^= static_cast<std::byte>(1U << bit);
            const auto log = parse_cel_tlv(changed);
            if (!log || !log->events[0].proven(hasher)) continue;
            const CelEvent& e = log->events[0];
            EXPECT_TRUE(e.number != 0 || e.kind != CelRegister::pcr || e.index != 8 || e.type != event_type::kIpl)
                << at;
        }
}

TEST(CelJson, ArraysLinesAndSequencesAreRead) {
    const std::string digest = sealcall::to_hex(Hasher(kSha256).hash(as_bytes("enter-initrd")).view());
    const std::string one = R"({"pcr":11,"digests":[{"hashAlg":"sha256","digest":")" + digest +
                            R"("}],"content_type":"systemd","content":{"string":"enter-initrd","bootId":"x"}})";
    for (const std::string& text :
         {"[" + one + "," + one + "]", one + "\n" + one + "\n", "\x1e" + one + "\n\x1e" + one + "\n"}) {
        ASSERT_TRUE(cli::is_cel_json(as_bytes(text)));
        const auto log = cli::parse_cel_json(as_bytes(text));
        ASSERT_TRUE(log) << text;
        ASSERT_EQ(log->events.size(), 2u);
        Hasher hasher(kSha256);
        EXPECT_TRUE(log->events[1].proven(hasher));
        EXPECT_EQ(log->events[1].text, "enter-initrd");
        EXPECT_EQ(log->events[1].index, 11u);
    }
    EXPECT_FALSE(cli::is_cel_json(two_records()));
}

TEST(CelJson, WhatIsNoRecordIsRefused) {
    const std::string digests = R"("digests":[{"hashAlg":"sha256","digest":")" + std::string(64, '0') + "\"}]";
    for (const std::string& text :
         {"[{" + digests + "}]", "[{\"pcr\":24," + digests + "}]", "[{\"pcr\":1,\"nv_index\":2," + digests + "}]",
          std::string("[{\"pcr\":1}]"), std::string("[{\"pcr\":1,\"digests\":[]}]"), std::string("[1]"),
          std::string("{"), "[{\"recnum\":1,\"pcr\":1," + digests + "},{\"recnum\":3,\"pcr\":1," + digests + "}]",
          "{\"pcr\":-1," + digests + "}",
          std::string("[{\"pcr\":1,\"digests\":[{\"hashAlg\":\"sha256\",\"digest\":\"00\"}]}]"),
          std::string(100000, '[')})
        EXPECT_FALSE(cli::parse_cel_json(as_bytes(text))) << text.substr(0, 200);
}

using CelVectors = sealcall::test::Vectors;
using sealcall::test::vector_file;

TEST_F(CelVectors, GooglesContainerLogIsReadAndEachRecordIsProven) {
    const Bytes text = vector_file("google_go-tpm-tools/cel/cel.b64");
    std::string joined;
    for (char c : as_chars(text))
        if (c != '\n' && c != '\r') joined += c;
    Bytes raw(joined.size());
    const int n = EVP_DecodeBlock(as_u8(raw.data()), reinterpret_cast<const unsigned char*>(joined.data()),
                                  static_cast<int>(joined.size()));
    ASSERT_GT(n, 0);
    raw.resize(static_cast<size_t>(n) - static_cast<size_t>(std::ranges::count(joined, '=')));
    const auto log = parse_cel_tlv(raw);
    ASSERT_TRUE(log) << log.error().what << " " << log.error().detail;
    EXPECT_GT(log->events.size(), 5u);
    Hasher hasher(kSha384);
    for (const CelEvent& e : log->events) {
        EXPECT_EQ(e.kind, CelRegister::runtime_register);
        EXPECT_EQ(e.content_type, "cos");
        EXPECT_TRUE(e.proven(hasher)) << e.number << " " << e.text;
    }
}

}  // namespace
}  // namespace sealcall::logs::test
