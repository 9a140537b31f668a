#include "tools/sealcall/pcrs_file.h"

#include <gtest/gtest.h>

#include "sealcall/base/hex.h"

namespace sealcall::cli::test {
namespace {

const std::string kA(64, 'a'), kB(40, 'b');

Result<PcrTable> parse(std::string_view text) { return parse_pcrs_file(as_bytes(text)); }

TEST(PcrsFile, ReadsWhatTheToolsPrint) {
    const auto table = parse("  sha1:\n    0 : 0x" + kB + "\n  sha256:\n    0 : 0x" + kA + "\n    10: 0x" + kA + "\n");
    ASSERT_TRUE(table);
    ASSERT_EQ(table->size(), 2u);
    EXPECT_EQ(sealcall::to_hex(table->at(logs::kSha256).at(10).view()), kA);
    EXPECT_EQ(sealcall::to_hex(table->at(logs::kSha1).at(0).view()), kB);
}

TEST(PcrsFile, ReadsPlainLinesByTheSizeOfTheValue) {
    const auto table = parse("# golden\n7: " + kA + "\nPCR 8: " + kB + "\n");
    ASSERT_TRUE(table);
    EXPECT_TRUE(table->at(logs::kSha256).contains(7));
    EXPECT_TRUE(table->at(logs::kSha1).contains(8));
}

TEST(PcrsFile, ReadsJsonInItsThreeForms) {
    for (const std::string& text :
         {"{\"expected_pcrs\":{\"sha256\":{\"7\":\"" + kA + "\"}}}",
          "{\"bank\":\"sha256\",\"pcrs\":{\"7\":\"" + kA + "\"}}", "{\"sha256\":{\"7\":\"" + kA + "\"}}"}) {
        const auto table = parse(text);
        ASSERT_TRUE(table) << text;
        EXPECT_EQ(table->at(logs::kSha256).size(), 1u);
    }
}

/// As `tpm2_quote -o` writes it: PCR 4 and 9 of SHA-256.
Bytes binary() {
    Bytes out(136 + 532);
    out[0] = std::byte{1};
    out[4] = std::byte{0x0b};
    out[6] = std::byte{3};
    out[7] = std::byte{0x10};
    out[8] = std::byte{0x02};
    out[132] = std::byte{1};
    out[136] = std::byte{2};
    for (size_t i : {0u, 1u}) {
        out[140 + 66 * i] = std::byte{32};
        out[142 + 66 * i] = static_cast<std::byte>(0x40 + i);
    }
    return out;
}

TEST(PcrsFile, ReadsWhatQuoteWrites) {
    const auto table = parse_pcrs_file(binary());
    ASSERT_TRUE(table) << table.error().what;
    const auto& bank = table->at(logs::kSha256);
    ASSERT_EQ(bank.size(), 2u);
    EXPECT_EQ(bank.at(4).bytes[0], std::byte{0x40});
    EXPECT_EQ(bank.at(9).bytes[0], std::byte{0x41});
}

TEST(PcrsFile, RefusesBinaryWhoseCountsLie) {
    for (auto [at, value] : std::initializer_list<std::pair<size_t, int>>{
             {0, 17}, {6, 9}, {7, 0x11}, {132, 2}, {136, 9}, {136, 3}, {140, 65}, {140, 31}}) {
        Bytes bad = binary();
        bad[at] = static_cast<std::byte>(value);
        EXPECT_FALSE(parse_pcrs_file(bad)) << at;
    }
    EXPECT_FALSE(parse_pcrs_file(ByteSpan(binary()).first(600)));
}

TEST(PcrsFile, RefusesWhatIsNoTable) {
    for (const std::string& text :
         {std::string(), std::string("hello"), "24: " + kA, "7: " + kA.substr(1), "7: " + kA + "\n7: " + kA,
          "sha256:\n7: " + kB, "md5:\n7: " + kA, std::string("{}"), std::string("[1]"),
          std::string("{\"sha256\":{\"7\":7}}"), std::string("{\"sha256\":[]}"), std::string("sha256:\n")})
        EXPECT_FALSE(parse(text)) << text;
}

}  // namespace
}  // namespace sealcall::cli::test
