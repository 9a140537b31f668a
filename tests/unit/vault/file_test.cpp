// The vault's file: what is whole, what is authentic, and what a stop in the middle of a write leaves.
#include <gtest/gtest.h>

#include "tests/unit/vault/vault_file.h"

namespace sealcall::vault::test {
namespace {

Secret<32> key_of(uint8_t fill) {
    Secret<32> k;
    std::ranges::fill(k.reveal(SecretAccess{}), static_cast<std::byte>(fill));
    return k;
}

File sealed(uint64_t version) {
    Head head;
    head.counter = 3;
    head.key_public = BoundedBytes<512>(as_bytes("pub"));
    return seal(std::move(head), version, key_of(1), some_content()).value();
}

TEST(VaultFileTest, GivesBackWhatWasSealed) {
    const File file = sealed(5);
    EXPECT_EQ(parse_place(encode_place(file)).value(), file);
    const auto content = open(file, key_of(1));
    ASSERT_TRUE(content);
    EXPECT_EQ(content->items, some_content().items);
}

TEST(VaultFileTest, HoldsNothingInTheClear) {
    const Bytes place = encode_place(sealed(5));
    for (std::string_view secret : {"sip password", "alice", "bob@example.com"})
        EXPECT_EQ(as_chars(place).find(secret), std::string_view::npos) << secret;
}

TEST(VaultFileTest, SameContentNeverLooksTheSame) { EXPECT_NE(sealed(5).sealed, sealed(5).sealed); }

TEST(VaultFileTest, OpensWithItsOwnKeyOnly) {
    const auto content = open(sealed(5), key_of(2));
    ASSERT_FALSE(content);
    EXPECT_EQ(content.error().code, Errc::not_authentic);
}

TEST(VaultFileTest, NoBitOfHeadOrContentMayChange) {
    const File good = sealed(5);
    const Bytes body = ipc::encode(good);
    for (size_t at = 0; at < body.size(); ++at) {
        Bytes bad = body;
        bad[at] ^= std::byte{0x10};
        const auto file = ipc::decode<File>(bad);
        const bool opens = file && open(*file, key_of(1));
        EXPECT_FALSE(opens) << at;
    }
}

File sealed_once(ByteSpan place) { return parse_place(place).value(); }

TEST(VaultFileTest, PlaceMustBeWhole) {
    const Bytes place = encode_place(sealed(5));
    Bytes longer = place;
    longer.push_back(std::byte{7});  // what an older, longer version left behind it
    EXPECT_EQ(parse_place(longer).value(), sealed_once(place));
    for (size_t n = 0; n < place.size(); n += 7) EXPECT_FALSE(parse_place(ByteSpan(place).first(n))) << n;
    for (size_t at = 0; at < place.size(); at += 3) {
        Bytes bad = place;
        bad[at] ^= std::byte{1};
        EXPECT_FALSE(parse_place(bad)) << at;
    }
}

TEST(VaultFileTest, VersionsTakeTurnsAndTheNewestIsRead) {
    const VaultFile disk;
    EXPECT_EQ(read_newest(disk.fd()).value().head.version, 0U);
    for (uint64_t version = 8; version < 12; ++version) {
        ASSERT_TRUE(write_place(disk.fd(), sealed(version)));
        EXPECT_EQ(read_newest(disk.fd()).value().head.version, version);
    }
}

TEST(VaultFileTest, WriteThatWasCutOffAnywhereLeavesTheVersionBefore) {
    const VaultFile disk;
    ASSERT_TRUE(write_place(disk.fd(), sealed(8)));
    ASSERT_TRUE(write_place(disk.fd(), sealed(9)));
    const Bytes before = disk.bytes();
    ASSERT_TRUE(write_place(disk.fd(), sealed(10)));
    const Bytes after = disk.bytes();
    for (size_t cut = 0; cut < encode_place(sealed(10)).size(); cut += 5) {
        Bytes torn = before;
        std::copy_n(after.begin(), cut, torn.begin());
        disk.put(torn);
        const auto newest = read_newest(disk.fd());
        ASSERT_TRUE(newest) << cut;
        EXPECT_EQ(newest->head.version, 9U) << cut;
    }
}

TEST(VaultFileTest, RubbishIsNotTakenForAnEmptyFile) {
    const VaultFile disk;
    for (std::string_view rubbish :
         {std::string_view("this is no vault, and it is not empty either"), std::string_view("\0", 1)}) {
        disk.put(as_bytes(rubbish));
        EXPECT_FALSE(read_newest(disk.fd()));
    }
}

TEST(VaultContent, ForgetsTheOldestOfItsKindWhenItIsFull) {
    Content c = some_content();
    ipc::VaultItem call = contact("");
    call.kind = ipc::VaultKind::call;
    for (int i = 0; i < 300; ++i) {
        call.name = BoundedString<256>(std::to_string(i));
        ASSERT_TRUE(c.put(call));
    }
    const auto* first = c.find(ipc::VaultKind::call, [](auto) { return true; });
    ASSERT_TRUE(first != nullptr);
    EXPECT_EQ(first->name.view(), "45");
    EXPECT_EQ(contacts(c), 1U);
    c.forget(ipc::VaultKind::call, "");
    EXPECT_EQ(c.items, some_content().items);
}

TEST(VaultFileTest, FullOneStillFits) {
    Content c;
    const std::string most(576, 'u');
    for (int i = 0; i < 600; ++i)
        for (const auto kind :
             {ipc::VaultKind::login, ipc::VaultKind::contact, ipc::VaultKind::call, ipc::VaultKind::peer}) {
            ipc::VaultItem item = contact(std::to_string(i) + most.substr(0, 250), most);
            item.kind = kind;
            EXPECT_EQ(c.put(item).has_value(), kind != ipc::VaultKind::contact || i < 512) << i;
        }
    ASSERT_EQ(c.items.size(), 1U + 512 + 255 + 255);
    const VaultFile disk;
    for (const uint64_t version : {1, 2}) ASSERT_TRUE(write_place(disk.fd(), seal({}, version, key_of(1), c).value()));
    const auto back = open(read_newest(disk.fd()).value(), key_of(1));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->items, c.items);
}

}  // namespace
}  // namespace sealcall::vault::test
