#include "attestation/foreign/pcr_values.h"

#include "attestation/bounded_json.h"
#include "attestation/logs/algorithms.h"
#include "tests/support/vectors.h"

namespace sealcall::attestation::foreign {
namespace {

PcrFile two_banks() {
    PcrFile f;
    f.selection = {{.hash = kTpmAlgSha256, .pcrs = 0x3ff}, {.hash = kTpmAlgSha1, .pcrs = 0x800000}};
    for (uint8_t i = 0; i < 10; ++i) f.banks[kTpmAlgSha256][i] = Bytes(32, static_cast<std::byte>(i));
    f.banks[kTpmAlgSha1][23] = Bytes(20, std::byte{0xff});
    return f;
}

TEST(PcrBlob, RoundTripsAndRefusesWhatIsNotWhole) {
    const PcrFile f = two_banks();
    const Bytes blob = encode_pcr_blob(f);
    EXPECT_EQ(blob.size(), 132u + 4 + 2 * 532) << "eleven values take two lists";
    auto back = parse_pcr_blob(blob);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->banks, f.banks);
    EXPECT_EQ(back->selection, f.selection);
    for (size_t n = 0; n < blob.size(); n += 7) EXPECT_FALSE(parse_pcr_blob(ByteSpan(blob).first(n))) << n;
    Bytes longer = blob;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(parse_pcr_blob(longer));
    Bytes lists = blob;
    lists[132] = std::byte{0xff};
    EXPECT_EQ(parse_pcr_blob(lists).error().code, Errc::too_large);
}

TEST(PcrTable, ReadsWhatPcrreadPrints) {
    const std::string row(64, 'A');
    auto f = parse_pcr_yaml("  sha256:\n    0 : 0x" + row + "\n    23: 0x" + row + "\n");
    ASSERT_TRUE(f);
    EXPECT_EQ(f->banks.at(kTpmAlgSha256).size(), 2u);
    EXPECT_EQ(f->banks.at(kTpmAlgSha256).at(23), Bytes(32, std::byte{0xaa}));
    EXPECT_FALSE(parse_pcr_yaml("  sha256:\n    0 : 0x" + row + "\n    0 : 0x" + row + "\n")) << "twice";
    EXPECT_FALSE(parse_pcr_yaml("  sha256:\n    24: 0x" + row + "\n"));
    EXPECT_FALSE(parse_pcr_yaml("  sha384:\n    0 : 0x" + row + "\n")) << "of another length";
    EXPECT_FALSE(parse_pcr_yaml("  md5:\n"));
    EXPECT_FALSE(parse_pcr_yaml(""));
}

TEST(PcrTable, ReadsBothFormsOfJson) {
    const std::string row(40, '0');
    for (const std::string& text : std::initializer_list<std::string>{R"({"bank":"sha1","pcrs":{"7":")" + row + "\"}}",
                                                                      R"({"sha1":{"7":")" + row + "\"}}",
                                                                      R"({"pcrs":{"sha1":{"7":"0x)" + row + "\"}}}"}) {
        auto f = parse_pcr_json(text);
        ASSERT_TRUE(f) << text;
        EXPECT_EQ(f->banks.at(kTpmAlgSha1).at(7), Bytes(20));
    }
    for (const std::string& text : std::initializer_list<std::string>{
             R"({"sha1":{"7":")" + row + R"(","7":")" + row + "\"}}", R"({"sha1":{"07x":")" + row + "\"}}",
             R"({"sha1":{"7":7}})", R"({"sha1":[]})", R"([])", R"({})", R"({"md5":{}})", R"({"bank":1,"pcrs":{}})"})
        EXPECT_FALSE(parse_pcr_json(text)) << text;
}

TEST(PcrTable, TakesABareConcatenationOnlyAtItsExactLength) {
    const PcrFile f = two_banks();
    Bytes all;
    for (const auto& s : f.selection)
        for (const auto& [pcr, value] : f.banks.at(s.hash)) all.insert(all.end(), value.begin(), value.end());
    auto back = read_pcr_file(all, f.selection);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->banks, f.banks);
    all.pop_back();
    EXPECT_FALSE(read_pcr_file(all, f.selection));
    EXPECT_FALSE(read_pcr_file({}, f.selection));
}

const std::string kRow32(64, 'a'), kRow20(40, 'B');

/// Without a quote beside it, as `sealcall evidence replay --pcrs` reads it.
Result<PcrFile> read_text(std::string_view text) { return read_pcr_file(as_bytes(text), {}); }

TEST(PcrTable, ReadsPlainLinesByTheSizeOfTheValue) {
    const auto f = read_text("# golden\n---\n7: " + kRow32 + "\nPCR 8: " + kRow20 + "\r\n");
    ASSERT_TRUE(f) << f.error().what;
    EXPECT_EQ(f->banks.at(kTpmAlgSha256).at(7), Bytes(32, std::byte{0xaa}));
    EXPECT_EQ(f->banks.at(kTpmAlgSha1).at(8), Bytes(20, std::byte{0xbb}));
}

TEST(PcrTable, ReadsWhatEventlogPrintsBehindItsEvents) {
    const auto f =
        read_text("---\nversion: 1\nevents:\n- EventNum: 0\n  String: \"\xff: 12\"\npcrs:\n  SHA256:\n    0  : \"0x" +
                  kRow32 + "\"\n  sm3_256:\n    23 : 0x" + kRow32 + "\n");
    ASSERT_TRUE(f) << f.error().what << f.error().detail;
    EXPECT_EQ(f->banks.at(kTpmAlgSha256).size(), 1u);
    EXPECT_TRUE(f->banks.at(logs::algorithm_number("sm3_256").value()).contains(23));
}

TEST(PcrTable, LooksPastWhatStandsBesideExpectedPcrs) {
    const auto f = read_text(R"( {"note":["x",{"y":1}],"expected_pcrs":{"sha256":{"7":")" + kRow32 + "\"}}}\n");
    ASSERT_TRUE(f) << f.error().what;
    EXPECT_EQ(f->banks.at(kTpmAlgSha256).size(), 1u);
}

TEST(PcrTable, RefusesWhatIsNoTable) {
    for (const std::string& text : std::initializer_list<std::string>{
             "", "\n", "hello", "24: " + kRow32, "7: " + kRow32.substr(1), "7: " + kRow32.substr(2),
             "7: " + kRow32 + "\n7: " + kRow32, "sha256:\n7: " + kRow20, "md5:\n7: " + kRow32, "{}", "[1]",
             R"({"sha256":{"7":7}})", R"({"sha256":{}})", "sha256:\n", std::string(kPcrFileMax + 1, '\n')})
        EXPECT_FALSE(read_text(text)) << text.substr(0, 80);
}

TEST(PcrBlob, IsRefusedWhenItsCountsLie) {
    PcrFile f;
    f.selection = {{.hash = kTpmAlgSha256, .pcrs = 0x210}};
    for (uint8_t pcr : {uint8_t{4}, uint8_t{9}}) f.banks[kTpmAlgSha256][pcr] = Bytes(32, static_cast<std::byte>(pcr));
    const Bytes blob = encode_pcr_blob(f);
    ASSERT_EQ(blob.size(), 136u + 532);
    const auto read = read_pcr_file(blob, {});
    ASSERT_TRUE(read);
    EXPECT_EQ(read->banks, f.banks);
    // count of selections; sizeofSelect; one PCR more; lists; digests (more than fit, one more); sizes of a digest
    for (auto [at, value] : std::initializer_list<std::pair<size_t, int>>{
             {0, 17}, {6, 9}, {7, 0x11}, {132, 2}, {136, 9}, {136, 3}, {140, 65}, {140, 31}}) {
        Bytes bad = blob;
        bad[at] = static_cast<std::byte>(value);
        EXPECT_FALSE(read_pcr_file(bad, {})) << at;
    }
    EXPECT_FALSE(read_pcr_file(ByteSpan(blob).first(600), {}));
}

TEST(BoundedJson, StopsAtEveryBoundAndAtDoubledKeys) {
    const JsonBounds b{.bytes = 200, .depth = 3, .values = 10};
    EXPECT_TRUE(parse_bounded_json(R"({"a":[{"b":1}],"c":2.5,"d":null,"e":true,"f":"x"})", b));
    EXPECT_EQ(parse_bounded_json(R"([[[[1]]]])", b).error().code, Errc::too_large);
    EXPECT_EQ(parse_bounded_json("[1,2,3,4,5,6,7,8,9,10]", b).error().code, Errc::too_large);
    EXPECT_EQ(parse_bounded_json(std::string(201, ' '), b).error().code, Errc::too_large);
    EXPECT_EQ(parse_bounded_json(R"({"a":1,"a":1})", b).error().code, Errc::not_canonical);
    EXPECT_EQ(parse_bounded_json(R"({"x":{"a":1,"b":2,"a":1}})", b).error().code, Errc::not_canonical);
    EXPECT_EQ(parse_bounded_json(R"({"a":1} x)", b).error().code, Errc::bad_value);
    EXPECT_EQ(parse_bounded_json("\"\xff\"", b).error().code, Errc::bad_value);
    EXPECT_FALSE(parse_bounded_json("", b));
    EXPECT_FALSE(parse_bounded_json("[1", b));
    const auto nested = parse_bounded_json(R"([{"a":[1,2]},{"a":[3]}])", b);
    ASSERT_TRUE(nested);
    EXPECT_EQ(nested->dump(), R"([{"a":[1,2]},{"a":[3]}])");
}

class KeylimeVectors : public sealcall::test::Vectors {};

TEST_F(KeylimeVectors, QuoteDecodesAndEncodesIdentically) {
    const Bytes text = test::vector_file("keylime_rust-keylime/quotes/test-quote.txt");
    std::string_view line = as_chars(text);
    while (line.ends_with('\n')) line.remove_suffix(1);
    auto quote = parse_keylime_quote(line);
    ASSERT_TRUE(quote) << quote.error().what;
    EXPECT_EQ(encode_keylime_quote(*quote), line);
    auto attest = read_attest(quote->attest);
    ASSERT_TRUE(attest);
    EXPECT_EQ(attest->attest.type, kTpmStAttestQuote);
    auto pcrs = parse_pcr_blob(quote->pcrs);
    ASSERT_TRUE(pcrs) << pcrs.error().what << pcrs.error().detail;
    EXPECT_EQ(encode_pcr_blob(*pcrs), quote->pcrs);
    const auto hash = static_cast<uint16_t>(static_cast<unsigned>(quote->signature[2]) << 8 |
                                            static_cast<unsigned>(quote->signature[3]));
    EXPECT_EQ(*pcr_digest(pcrs->banks, attest->attest.selection, hash), attest->attest.pcr_digest)
        << "the values are the quoted ones";
    EXPECT_FALSE(parse_keylime_quote(line.substr(1)));
    EXPECT_FALSE(parse_keylime_quote(std::string(line) + "A"));
}

}  // namespace
}  // namespace sealcall::attestation::foreign
