#include "attestation/cel.h"

#include <gtest/gtest.h>

#include "sealcall/base/hex.h"
#include "tests/unit/attestation/software_tpm.h"

namespace sealcall::attestation::test {
namespace {

TEST(Cel, HasTheDocumentedBytes) {
    const MeasuredRole role{.role = "ui", .files = {{"f", digest_of(0x11)}}};
    const Digest manifest = sha256(ByteWriter{}.u16(1).bytes(as_bytes("f")).bytes(digest_of(0x11)).view());
    const std::string content =
        "5300000058"
        "0000000002"
        "7569"
        "0100000020" +
        to_hex(digest_of(0x11)) + "0200000020" + to_hex(manifest) +
        "0300000002"
        "0001";
    const Bytes log = *encode_cel(std::span(&role, 1), 13);
    EXPECT_EQ(to_hex(log),
              "0000000008"
              "0000000000000000"
              "0100000001"
              "0d"
              "0300000025"
              "0b00000020" +
                  to_hex(cel_digest(role)) + content);
}

TEST(Cel, ReadsBackWhatItWrote) {
    const auto roles = measured_roles();
    auto records = parse_cel(*encode_cel(roles, 13));
    ASSERT_TRUE(records);
    ASSERT_EQ(records->size(), 2u);
    for (size_t i = 0; i < 2; ++i) {
        const CelRecord& r = (*records)[i];
        EXPECT_EQ(r.number, i);
        EXPECT_EQ(r.pcr, 13);
        EXPECT_EQ(r.role, roles[i].role);
        EXPECT_EQ(r.executable, roles[i].files[0].digest);
        EXPECT_EQ(r.manifest, manifest_digest(roles[i]));
        EXPECT_EQ(r.files, roles[i].files.size());
        EXPECT_EQ(r.digest, cel_digest(roles[i]));
        EXPECT_TRUE(is_honest(r));
    }
    EXPECT_EQ(parse_cel({})->size(), 0u);
}

TEST(Cel, FailsOnEveryTruncationBetweenRecords) {
    const Bytes log = *encode_cel(std::span(&measured_roles()[0], 1), 13);
    for (size_t n = 1; n < log.size(); ++n) EXPECT_FALSE(parse_cel(ByteSpan(log).first(n))) << n;
}

TEST(Cel, NoticesARecordThatLies) {
    const Bytes log = *encode_cel(measured_roles(), 13);
    size_t dishonest = 0, unreadable = 0;
    for (size_t i = 0; i < log.size(); ++i) {
        Bytes b = log;
        b[i] ^= std::byte{0x04};
        auto records = parse_cel(b);
        if (!records) {
            ++unreadable;
            continue;
        }
        const bool fine = std::ranges::all_of(*records, is_honest) &&
                          std::ranges::all_of(*records, [](const CelRecord& r) { return r.pcr == 13; });
        EXPECT_FALSE(fine) << i;
        ++dishonest;
    }
    EXPECT_GT(dishonest, 100u);
    EXPECT_GT(unreadable, 50u);
}

TEST(Cel, CountsRecordsFromZeroWithoutGaps) {
    const auto roles = measured_roles();
    const Bytes first = *encode_cel(std::span(&roles[0], 1), 13);
    EXPECT_FALSE(parse_cel(ByteWriter{}.bytes(first).bytes(first).view())) << "number 0 twice";
    Bytes late = first;
    late[12] = std::byte{1};
    EXPECT_FALSE(parse_cel(late)) << "starts with number 1";
}

TEST(Cel, IsBounded) {
    EXPECT_FALSE(parse_cel(Bytes(kCelMax + 1)));
    const std::vector<MeasuredRole> many(kCelRecordsMax + 1, measured_roles()[0]);
    EXPECT_FALSE(encode_cel(many, 13));
    EXPECT_TRUE(encode_cel(std::span(many).first(kCelRecordsMax), 13));
    MeasuredRole r = measured_roles()[0];
    r.role = std::string(33, 'a');
    EXPECT_FALSE(encode_cel(std::span(&r, 1), 13));
    r = {.role = "ui", .files = {}};
    EXPECT_FALSE(encode_cel(std::span(&r, 1), 13));
    r = {.role = "ui", .files = {{std::string(256, 'a'), {}}}};
    EXPECT_FALSE(encode_cel(std::span(&r, 1), 13));
}

TEST(Cel, RefusesARoleNameThatCouldFoolAScreen) {
    const MeasuredRole r{.role = "ui\x1b[2J", .files = {{"f", {}}}};
    EXPECT_FALSE(parse_cel(*encode_cel(std::span(&r, 1), 13)));
}

TEST(Manifest, DependsOnEveryFileButNotOnTheirOrder) {
    MeasuredRole role = measured_roles()[0];
    role.files.push_back({"libc.so.6", digest_of(7)});
    const Digest whole = manifest_digest(role);
    MeasuredRole swapped = role, other = role, renamed = role, fewer = role;
    std::swap(swapped.files[1], swapped.files[2]);
    other.files[2].digest = digest_of(8);
    renamed.files[2].name = "libc.so.7";
    fewer.files.pop_back();
    EXPECT_EQ(manifest_digest(swapped), whole);
    EXPECT_NE(manifest_digest(other), whole);
    EXPECT_NE(manifest_digest(renamed), whole);
    EXPECT_NE(manifest_digest(fewer), whole);
    // Name and digest cannot run into each other.
    MeasuredRole a{.role = "x", .files = {{"ab", digest_of(1)}}}, b{.role = "x", .files = {{"a", digest_of(1)}}};
    EXPECT_NE(manifest_digest(a), manifest_digest(b));
}

}  // namespace
}  // namespace sealcall::attestation::test
