#include "attestation/logs/ima.h"

#include "sealcall/base/hex.h"
#include "tests/support/vectors.h"

namespace sealcall::logs::test {
namespace {

using namespace std::literals;

Bytes entry(std::string_view name, std::string_view content = "x") {
    return encode_ima_binary(ImaTemplate::ima_ng,
                             encode_ima_ng(kSha256, Hasher(kSha256).hash(as_bytes(content)).view(), name));
}

Bytes join(std::initializer_list<Bytes> parts) {
    Bytes out;
    for (const Bytes& p : parts) out.insert(out.end(), p.begin(), p.end());
    return out;
}

std::string ascii_of(std::string_view form, ByteSpan data, std::string_view words) {
    return "10 " + sealcall::to_hex(Hasher(kSha1).hash(data).view()) + " " + std::string(form) + " " +
           std::string(words) + "\n";
}

AnyDigest extend_all(uint16_t bank, const std::vector<AnyDigest>& digests) {
    Hasher hasher(bank);
    AnyDigest out;
    out.size = static_cast<uint8_t>(hasher.size());
    for (const AnyDigest& d : digests) hasher.extend(out.bytes.data(), d.view());
    return out;
}

TEST(Ima, BothFormsOfOneListAreTheSame) {
    const AnyDigest hash = Hasher(kSha256).hash(as_bytes("x"));
    const Bytes data = encode_ima_ng(kSha256, hash.view(), "/usr/bin/a file");
    const Bytes binary = encode_ima_binary(ImaTemplate::ima_ng, data);
    const std::string ascii = ascii_of("ima-ng", data, "sha256:" + sealcall::to_hex(hash.view()) + " /usr/bin/a file");
    for (const ByteSpan list : {ByteSpan(binary), as_bytes(ascii)}) {
        size_t seen = 0;
        ASSERT_TRUE(visit_ima_list(list, [&](const ImaEntry& e) {
            EXPECT_EQ(e.name, "/usr/bin/a file");
            EXPECT_TRUE(equal_bytes(e.data, data));
            EXPECT_TRUE(equal_bytes(e.file_hash, hash.view()));
            EXPECT_TRUE(ImaHashCheck().is_honest(e));
            ++seen;
            return true;
        }));
        EXPECT_EQ(seen, 1u);
    }
    EXPECT_EQ(summarize_ima(binary)->sha256, summarize_ima(as_bytes(ascii))->sha256);
}

TEST(Ima, SignaturesAndBuffersAreTheLastField) {
    const AnyDigest hash = Hasher(kSha256).hash(as_bytes("x"));
    const std::string words = "sha256:" + sealcall::to_hex(hash.view()) + " /bin/with blank";
    const auto with = [&](std::string_view extra) {
        Bytes data = encode_ima_ng(kSha256, hash.view(), "/bin/with blank");
        for (size_t i = 0; i < 4; ++i) data.push_back(static_cast<std::byte>(extra.size() >> (8 * i)));
        const Bytes tail = to_bytes(as_bytes(extra));
        data.insert(data.end(), tail.begin(), tail.end());
        return data;
    };
    for (const std::string& list :
         {ascii_of("ima-sig", with("\x03\x02"), words + " 0302"), ascii_of("ima-sig", with(""), words + " "),
          ascii_of("ima-buf", with("ab"), words + " 6162")}) {
        const auto sum = summarize_ima(as_bytes(list));
        ASSERT_TRUE(sum) << list;
        EXPECT_EQ(sum->entries, 1u);
        EXPECT_EQ(sum->dishonest, 0u) << list;
    }
    const auto binary = summarize_ima(encode_ima_binary(ImaTemplate::ima_sig, with("\x03\x02")));
    ASSERT_TRUE(binary);
    EXPECT_EQ(binary->dishonest, 0u);
    EXPECT_FALSE(summarize_ima(encode_ima_binary(ImaTemplate::ima_ng, with("")))) << "a field too many";
}

TEST(Ima, OldTemplateHashesThePaddedName) {
    Bytes data(20 + 256);
    const AnyDigest hash = Hasher(kSha1).hash(as_bytes("x"));
    std::ranges::copy(hash.view(), data.begin());
    std::ranges::copy(as_bytes("/init"), data.begin() + 20);
    const std::string list = ascii_of("ima", data, sealcall::to_hex(hash.view()) + " /init");
    EXPECT_EQ(summarize_ima(as_bytes(list))->dishonest, 0u);
    Bytes binary;
    const auto put = [&binary](ByteSpan b) { binary.insert(binary.end(), b.begin(), b.end()); };
    put(as_bytes("\x0a\0\0\0"sv));
    put(Hasher(kSha1).hash(data).view());
    put(as_bytes("\3\0\0\0ima"sv));
    put(hash.view());
    put(as_bytes("\5\0\0\0/init"sv));
    const auto sum = summarize_ima(binary);
    ASSERT_TRUE(sum);
    EXPECT_EQ(sum->dishonest, 0u);
    EXPECT_EQ(sum->sha1, summarize_ima(as_bytes(list))->sha1);
}

TEST(Ima, SecondVersionsOfTemplatesNameTheKindOfDigest) {
    const AnyDigest hash = Hasher(kSha256).hash(as_bytes("x"));
    for (const char* kind : {"ima", "verity"}) {
        const std::string digest = std::string(kind) + ":sha256:";
        Bytes data;
        const auto field = [&](std::initializer_list<ByteSpan> parts) {
            size_t size = 0;
            for (ByteSpan p : parts) size += p.size();
            for (size_t i = 0; i < 4; ++i) data.push_back(static_cast<std::byte>(size >> (8 * i)));
            for (ByteSpan p : parts) data.insert(data.end(), p.begin(), p.end());
        };
        field({as_bytes(digest), as_bytes("\0"sv), hash.view()});
        field({as_bytes("/a\0"sv)});
        const std::string list = ascii_of("ima-ngv2", data, digest + sealcall::to_hex(hash.view()) + " /a");
        size_t seen = 0;
        ASSERT_TRUE(visit_ima_ascii(as_bytes(list), [&](const ImaEntry& e) {
            EXPECT_EQ(e.verity, std::string_view(kind) == "verity");
            EXPECT_TRUE(ImaHashCheck().is_honest(e));
            return ++seen > 0;
        }));
        EXPECT_EQ(seen, 1u);
    }
}

TEST(Ima, ViolationsExtendOnesAndAreNeverHonest) {
    Bytes violation = entry("/tmp/open");
    std::fill_n(violation.begin() + 4, 20, std::byte{0});
    const auto sum = summarize_ima(violation);
    ASSERT_TRUE(sum);
    EXPECT_EQ(sum->violations, 1u);
    AnyDigest ones;
    ones.size = 20;
    std::fill_n(ones.bytes.begin(), 20, std::byte{0xff});
    EXPECT_EQ(sum->sha1, extend_all(kSha1, {ones}));
    ones.size = 32;
    std::fill_n(ones.bytes.begin(), 32, std::byte{0xff});
    EXPECT_EQ(sum->sha256, extend_all(kSha256, {ones}));
    EXPECT_EQ(sum->sha256_padded, sum->sha256);
}

TEST(Ima, Sha256BankKnowsTwoRulesAndSaysWhichFits) {
    const Bytes data = encode_ima_ng(kSha256, Hasher(kSha256).hash(as_bytes("x")).view(), "/a");
    const Bytes list = encode_ima_binary(ImaTemplate::ima_ng, data);
    AnyDigest padded = Hasher(kSha1).hash(data);
    padded.size = 32;
    const AnyDigest by_old = extend_all(kSha256, {padded}), by_new = extend_all(kSha256, {Hasher(kSha256).hash(data)});
    EXPECT_EQ(summarize_ima(list)->sha256_padded, by_old);
    EXPECT_EQ(summarize_ima(list)->sha256, by_new);
    EXPECT_EQ((*find_ima_prefix(list, kSha256, by_old.view()))->rule, ImaRule::padded_sha1);
    EXPECT_EQ((*find_ima_prefix(list, kSha256, by_new.view()))->rule, ImaRule::bank_hash);
}

TEST(Ima, PrefixOfAGrowingListIsFound) {
    const Bytes a = entry("/a"), b = entry("/b"), c = entry("/c");
    const Bytes list = join({a, b, c});
    const auto two = summarize_ima(join({a, b}))->sha256;
    const auto found = find_ima_prefix(list, kSha256, two.view());
    ASSERT_TRUE(found && *found);
    EXPECT_EQ((*found)->entries, 2u);
    EXPECT_EQ((*find_ima_prefix(list, kSha256, AnyDigest{.bytes = {}, .size = 32}.view()))->entries, 0u);
    EXPECT_FALSE(*find_ima_prefix(join({b, a}), kSha256, two.view())) << "another order is another value";
    EXPECT_FALSE(*find_ima_prefix(join({a, a, b}), kSha256, two.view()));
}

TEST(Ima, PrefixIsFoundThoughWhatFollowsIsCutOff) {
    const Bytes a = entry("/a"), b = entry("/b"), list = join({a, b});
    const auto one = summarize_ima(a)->sha256, two = summarize_ima(list)->sha256;
    for (size_t n = a.size(); n < list.size(); ++n) {
        const auto found = find_ima_prefix(ByteSpan(list).first(n), kSha256, one.view());
        ASSERT_TRUE(found && *found) << n;
        EXPECT_EQ((*found)->entries, 1u) << n;
        const auto missing = find_ima_prefix(ByteSpan(list).first(n), kSha256, two.view());
        EXPECT_FALSE(missing && *missing) << n;
    }
}

TEST(Ima, EveryPrefixOfALongListIsTheOneThatIsFound) {
    std::vector<Bytes> parts;
    Bytes list;
    for (int i = 0; i < 40; ++i) {
        const Bytes next = entry("/usr/bin/program" + std::string(static_cast<size_t>(i) * 5, 'x'));
        list.insert(list.end(), next.begin(), next.end());
        parts.push_back(list);
    }
    for (size_t i = 0; i < parts.size(); ++i)
        EXPECT_EQ((*find_ima_prefix(list, kSha256, summarize_ima(parts[i])->sha256.view()))->entries, i + 1);
}

TEST(Ima, ChangedEntriesAreDishonest) {
    Bytes list = entry("/usr/bin/bash");
    list[list.size() - 3] ^= std::byte{1};
    const auto sum = summarize_ima(list);
    ASSERT_TRUE(sum);
    EXPECT_EQ(sum->dishonest, 1u);
    EXPECT_EQ(sum->first_dishonest, 0u);
}

TEST(Ima, EveryTruncationIsAnErrorOrAShorterList) {
    const Bytes a = entry("/a"), list = join({a, entry("/b")});
    for (size_t n = 1; n < list.size(); ++n) {
        const auto sum = summarize_ima(ByteSpan(list).first(n));
        EXPECT_EQ(sum.has_value(), n == a.size()) << n;
        EXPECT_TRUE(sum || sum.error().code == Errc::truncated) << n;
    }
}

TEST(Ima, FlippedBitsNeverGiveTheSameListAnotherMeaning) {
    const Bytes list = join({entry("/a"), entry("/b")});
    const auto whole = *summarize_ima(list);
    for (size_t at = 0; at < list.size(); ++at)
        for (unsigned bit = 0; bit < 8; ++bit) {
            Bytes changed = list;
            changed[at] ^= static_cast<std::byte>(1U << bit);
            const auto sum = summarize_ima(changed);
            if (!sum) continue;
            EXPECT_TRUE(sum->dishonest > 0 || !(sum->sha1 == whole.sha1)) << at << "." << bit;
        }
}

TEST(Ima, SizesThatLieAreErrors) {
    Bytes list = entry("/a");
    for (size_t at : {24u, 34u, 38u}) {  // template name, data, first field
        Bytes bad = list;
        std::fill_n(bad.begin() + static_cast<std::ptrdiff_t>(at), 4, std::byte{0x7f});
        EXPECT_FALSE(summarize_ima(bad)) << at;
    }
}

TEST(Ima, BootAggregateHasTwoRules) {
    std::vector<AnyDigest> pcrs(10);
    for (size_t i = 0; i < 10; ++i) pcrs[i] = Hasher(kSha256).hash(as_bytes(std::to_string(i)));
    Bytes eight, ten;
    for (size_t i = 0; i < 10; ++i)
        for (Bytes* all : {&eight, &ten})
            if (all == &ten || i < 8) all->insert(all->end(), pcrs[i].bytes.begin(), pcrs[i].bytes.begin() + 32);
    EXPECT_EQ(boot_aggregate(kSha256, pcrs, BootAggregateRule::pcr_0_to_7), Hasher(kSha256).hash(eight));
    EXPECT_EQ(boot_aggregate(kSha256, pcrs, BootAggregateRule::pcr_0_to_9), Hasher(kSha256).hash(ten));
    const Bytes list = encode_ima_binary(ImaTemplate::ima_ng,
                                         encode_ima_ng(kSha256, Hasher(kSha256).hash(ten).view(), "boot_aggregate"));
    const auto sum = summarize_ima(list);
    ASSERT_TRUE(sum && sum->boot_aggregate);
    EXPECT_EQ(*sum->boot_aggregate, Hasher(kSha256).hash(ten));
}

TEST(Ima, AsciiThatIsNoListIsRefused) {
    for (const char* text : {"this-is-an-invalid-ima-log-file", "10", "10 zz",
                             "99 "
                             "1d8d532d463c9f8c205d0df7787669a85f93e260 ima-ng sha1:00 x",
                             "10 1d8d532d463c9f8c205d0df7787669a85f93e260 ima-xx sha1:00 x", "\n",
                             "10 1d8d532d463c9f8c205d0df7787669a85f93e260 ima-ng sha1:00 boot_aggregate"})
        EXPECT_FALSE(visit_ima_ascii(as_bytes(text), [](const ImaEntry&) { return true; })) << text;
}

using ImaVectors = sealcall::test::Vectors;
using sealcall::test::vector_file;

TEST_F(ImaVectors, KeylimesRealListIsHonestAndReplays) {
    const Bytes list = vector_file("keylime_rust-keylime/ima/ascii_runtime_measurements");
    const auto sum = summarize_ima(list);
    ASSERT_TRUE(sum) << sum.error().what << sum.error().detail;
    EXPECT_EQ(sum->entries, 826u);
    EXPECT_EQ(sum->dishonest, 0u);
    EXPECT_EQ(sealcall::to_hex(sum->sha1.view()), "82231c67a69da98dc5b3aa10f6343d33109225fc");
    ASSERT_TRUE(sum->boot_aggregate);
    EXPECT_EQ(*sum->boot_aggregate, (AnyDigest{.bytes = {}, .size = 20})) << "the kernel had no TPM at that time";
}

TEST_F(ImaVectors, KeylimesSmallFilesAreAsItStates) {
    EXPECT_EQ(summarize_ima(vector_file("keylime_rust-keylime/ima/ima_log.txt"))->entries, 1u);
    EXPECT_EQ(summarize_ima(vector_file("keylime_rust-keylime/ima/empty_ima_log.txt"))->entries, 0u);
    EXPECT_FALSE(summarize_ima(vector_file("keylime_rust-keylime/ima/invalid_ima_log.txt")));
}

}  // namespace
}  // namespace sealcall::logs::test
