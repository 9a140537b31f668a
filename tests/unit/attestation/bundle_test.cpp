// The signed bundle as the enclave opens it: only the pinned signer's, only whole, only in order, never an older one.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/attestation/bundles.h"

namespace sealcall::attestation::test {
namespace {

using rats::Bundle;
using rats::ReferenceKind;

Errc error_of(const Bundle& b, uint64_t oldest = 0) {
    const Bytes bytes = signed_bundle(b);
    auto set = open_bytes(bytes, oldest);
    return set ? Errc{} : set.error().code;
}

TEST(Bundle, OpensWhatTheAuthoritySignedAndFindsByPcrAndDigest) {
    const Bytes bytes = signed_bundle(small_bundle());
    auto set = open_bytes(bytes, 7);
    ASSERT_TRUE(set) << set.error().what;
    EXPECT_EQ(set->head().version, 7u);
    EXPECT_EQ(set->head().authority.view(), "Example Corp");
    EXPECT_EQ(set->references(), 3u);
    EXPECT_EQ(set->runtime(), 1u);
    ASSERT_TRUE(set->find(4, digest_of(1)));
    EXPECT_EQ(set->find(4, digest_of(1))->id, 11u);
    EXPECT_EQ(set->find(4, digest_of(2))->kind, ReferenceKind::forbidden);
    EXPECT_EQ(set->find(7, digest_of(1))->id, 13u);
    EXPECT_EQ(set->find(10, digest_of(5))->id, 14u);
    EXPECT_TRUE(set->revoked(digest_of(1)));
    EXPECT_TRUE(set->revoked(digest_of(2)));
    ASSERT_NE(set->partner("https://b.example"), nullptr);
    EXPECT_EQ(set->partner("https://b.example")->at_most, rats::Level::measured);
}

TEST(Bundle, DoesNotFindWhatIsNotThere) {
    const Bytes bytes = signed_bundle(small_bundle());
    auto set = open_bytes(bytes);
    ASSERT_TRUE(set);
    EXPECT_FALSE(set->find(4, digest_of(3)));
    EXPECT_FALSE(set->find(5, digest_of(1))) << "approved for another PCR";
    EXPECT_FALSE(set->find(4, digest_of(5))) << "a program's hash is not a boot loader's";
    EXPECT_FALSE(set->find(10, digest_of(1)));
    EXPECT_FALSE(set->revoked(digest_of(3)));
    EXPECT_EQ(set->partner("https://c.example"), nullptr);
    EXPECT_EQ(set->partner(""), nullptr);
    const Bytes nothing = signed_bundle(empty_bundle());
    auto empty = open_bytes(nothing);
    ASSERT_TRUE(empty);
    EXPECT_FALSE(empty->find(4, digest_of(1)));
    EXPECT_FALSE(empty->find(10, Digest{}));
    EXPECT_FALSE(empty->revoked(Digest{}));
}

TEST(Bundle, RefusesAnotherSigner) {
    const Bytes other = *sign_bundle(small_bundle(), keys().other_authority.get());
    auto set = open_bytes(other);
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().code, Errc::bad_signature);
}

TEST(Bundle, RefusesAPinnedKeyThatIsNone) {
    const Bytes bytes = signed_bundle(small_bundle());
    for (const Bytes& key : {Bytes{}, Bytes(91), to_bytes(ByteSpan(bundle_key()).first(90)), keys().authority_root}) {
        auto set = ReferenceSet::open(bytes, key, 0);
        ASSERT_FALSE(set);
        EXPECT_EQ(set.error().code, Errc::bad_key);
    }
}

TEST(Bundle, RefusesASignatureForAnotherPurpose) {
    // The same key signs certificates: without the context a signed body could be taken from elsewhere.
    const Bytes body = ipc::encode(small_bundle());
    std::array<std::byte, 128> der{};
    size_t n = der.size();
    MdCtxPtr ctx(EVP_MD_CTX_new());
    ASSERT_EQ(EVP_DigestSignInit(ctx.get(), nullptr, EVP_sha256(), nullptr, keys().authority.get()), 1);
    ASSERT_EQ(EVP_DigestSign(ctx.get(), as_u8(der.data()), &n, as_u8(body.data()), body.size()), 1);
    rats::SignedBundle s;
    s.body = BoundedBytes<rats::kBundleMax>(body);
    s.signature = BoundedBytes<128>(ByteSpan(der).first(n));
    const Bytes bytes = ipc::encode(s);
    auto set = open_bytes(bytes);
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().code, Errc::bad_signature);
}

TEST(Bundle, RefusesEveryTruncationAndEveryTrailingByte) {
    Bytes bytes = signed_bundle(small_bundle());
    for (size_t n = 0; n < bytes.size(); ++n) EXPECT_FALSE(open_bytes(ByteSpan(bytes).first(n))) << n;
    bytes.push_back(std::byte{0});
    auto set = open_bytes(bytes);
    ASSERT_FALSE(set);
    EXPECT_EQ(set.error().code, Errc::trailing_bytes);
}

TEST(Bundle, RefusesEveryChangedByte) {
    const Bytes bytes = signed_bundle(small_bundle());
    for (size_t i = 0; i < bytes.size(); ++i) {
        Bytes changed = bytes;
        changed[i] ^= std::byte{0x01};
        EXPECT_FALSE(open_bytes(changed)) << i;
    }
}

TEST(Bundle, RefusesSizesThatLie) {
    Bytes bytes = signed_bundle(small_bundle());
    for (auto size : {std::byte{0x00}, std::byte{0x01}, std::byte{0xff}}) {
        bytes[0] = size;
        bytes[1] = std::byte{0xff};
        EXPECT_FALSE(open_bytes(bytes));
    }
}

TEST(Bundle, RefusesTheSignersOwnMistakes) {
    const std::vector<std::pair<const char*, std::function<void(Bundle&)>>> mistakes{
        {"format", [](Bundle& b) { b.format = 3; }},
        {"no version", [](Bundle& b) { b.version = 0; }},
        {"no name", [](Bundle& b) { b.authority = {}; }},
        {"ends before it begins", [](Bundle& b) { b.next_update_ms = b.issued_ms; }},
        {"lives for ever", [](Bundle& b) { b.next_update_ms = b.issued_ms + rats::kBundleLifeMax + 1; }},
        {"never ends", [](Bundle& b) { b.next_update_ms = UINT64_MAX; }},
        {"no anchors", [](Bundle& b) { b.anchors = {}; }},
        {"boot PCR 10", [](Bundle& b) { b.boot_pcrs = 1u << 10; }},
        {"boot PCR 24", [](Bundle& b) { b.boot_pcrs = 1u << 24; }},
        {"reference without id", [](Bundle& b) { (void)b.references.push(reference(9, digest_of(1), 0)); }},
        {"reference for PCR 24", [](Bundle& b) { (void)b.references.push(reference(24, digest_of(1))); }},
        {"runtime in boot list", [](Bundle& b) { (void)b.references.push(reference(10, digest_of(1))); }},
        {"boot in runtime list", [](Bundle& b) { (void)b.runtime.push(reference(11, digest_of(1))); }},
        {"unsorted PCRs", [](Bundle& b) { (void)b.references.push(reference(0, digest_of(1))); }},
        {"unsorted digests", [](Bundle& b) { (void)b.references.push(reference(7, digest_of(0))); }},
        {"a pair twice", [](Bundle& b) { (void)b.references.push(reference(7, digest_of(1), 99)); }},
        {"approved and forbidden",
         [](Bundle& b) { (void)b.runtime.push(reference(10, digest_of(5), 15, ReferenceKind::forbidden)); }},
        {"unsorted revocations", [](Bundle& b) { (void)b.revoked.push(digest_of(0)); }},
        {"revoked twice", [](Bundle& b) { (void)b.revoked.push(digest_of(2)); }},
        {"unsorted partners", [](Bundle& b) { (void)b.partners.push(partner("https://0.example")); }},
        {"partner twice", [](Bundle& b) { (void)b.partners.push(partner("https://b.example")); }},
        {"partner without a key",
         [](Bundle& b) {
             auto p = partner("https://z.example");
             p.key = {};
             (void)b.partners.push(p);
         }},
        {"partner without a domain",
         [](Bundle& b) {
             auto p = partner("https://z.example");
             p.domain = {};
             (void)b.partners.push(p);
         }},
        {"partner without a profile", [](Bundle& b) {
             auto p = partner("https://z.example");
             p.profile = {};
             (void)b.partners.push(p);
         }}};
    for (const auto& [what, make] : mistakes) {
        Bundle b = small_bundle();
        make(b);
        const Errc e = error_of(b);
        EXPECT_TRUE(e == Errc::bad_value || e == Errc::not_canonical) << what << " " << static_cast<int>(e);
    }
}

TEST(Bundle, RefusesMoreEntriesThanTheLimit) {
    // BoundedList cannot hold them: the count is written by hand into a bundle that is signed all the same.
    const auto with_counted = [](uint16_t count) {
        const Bundle b = empty_bundle();
        Bytes body = ipc::encode(b);
        body.resize(body.size() - 10);  // three empty lists, no policy
        ByteWriter w;
        w.bytes(body).u16(count);
        for (uint32_t i = 0; i < count; ++i) {
            Digest d{};
            for (int k = 0; k < 4; ++k) d[k] = static_cast<std::byte>(i >> (24 - 8 * k));
            w.bytes(ipc::encode(reference(4, d, i + 1)));
        }
        w.u16(0).u16(0).u32(0);
        ByteWriter message;
        message.bytes(as_bytes(rats::kBundleContext)).bytes(w.view());
        std::array<std::byte, 128> der{};
        size_t n = der.size();
        MdCtxPtr ctx(EVP_MD_CTX_new());
        CHECK(EVP_DigestSignInit(ctx.get(), nullptr, EVP_sha256(), nullptr, keys().authority.get()) == 1);
        CHECK(EVP_DigestSign(ctx.get(), as_u8(der.data()), &n, as_u8(message.view().data()), message.size()) == 1);
        rats::SignedBundle s;
        s.body = BoundedBytes<rats::kBundleMax>(w.view());
        s.signature = BoundedBytes<128>(ByteSpan(der).first(n));
        return ipc::encode(s);
    };
    const Bytes most = with_counted(60000);
    auto set = open_bytes(most);
    ASSERT_TRUE(set) << set.error().what;
    EXPECT_EQ(set->references(), 60000u);
    EXPECT_TRUE(set->find(4, Digest{}));
    const Bytes more = with_counted(60001);
    auto too_many = open_bytes(more);
    ASSERT_FALSE(too_many);
    EXPECT_EQ(too_many.error().code, Errc::too_large);
}

TEST(Bundle, NeverGoesBackToAnOlderVersion) {
    EXPECT_EQ(error_of(small_bundle(), 7), Errc{});
    EXPECT_EQ(error_of(small_bundle(), 8), Errc::bundle_rolled_back);
    EXPECT_EQ(error_of(small_bundle(), UINT64_MAX), Errc::bundle_rolled_back);
}

TEST(Bundle, TellsStaleAndAWrongClockApartAndKeepsItsRevocations) {
    const Bytes bytes = signed_bundle(small_bundle());
    auto set = open_bytes(bytes);
    ASSERT_TRUE(set);
    const Bundle b = small_bundle();
    EXPECT_TRUE(set->in_time(kNow));
    EXPECT_TRUE(set->in_time(b.issued_ms - rats::kBundleSkew));
    EXPECT_EQ(set->in_time(b.issued_ms - rats::kBundleSkew - 1).error().code, Errc::clock_wrong);
    EXPECT_EQ(set->in_time(0).error().code, Errc::clock_wrong);
    EXPECT_TRUE(set->in_time(b.next_update_ms - 1));
    EXPECT_EQ(set->in_time(b.next_update_ms).error().code, Errc::bundle_stale);
    EXPECT_EQ(set->in_time(UINT64_MAX).error().code, Errc::bundle_stale) << "an overflow is no excuse";
    EXPECT_TRUE(set->revoked(digest_of(1))) << "waiting for the bundle to grow old must not help a struck off device";
}

TEST(Bundle, EverySortedBundleOpensAndFindsExactlyItsOwn) {
    std::mt19937 random(20261121);  // the same each run: a failure can be repeated
    for (int round = 0; round < 20; ++round) {
        Bundle b = empty_bundle();
        std::vector<rats::Reference> in;
        for (uint32_t i = 0; i < 200; ++i) {
            Digest d{};
            for (auto& byte : d) byte = static_cast<std::byte>(random() % 3);  // close to each other, some equal
            auto pcr = static_cast<uint8_t>(random() % 24);
            in.push_back(reference(pcr, d, i + 1, static_cast<ReferenceKind>(random() % 4)));
            ASSERT_TRUE((pcr == 10 ? b.runtime.push(in.back()) : b.references.push(in.back())));
            ASSERT_TRUE(b.revoked.push(d));
        }
        const Bytes bytes = signed_bundle(sorted_bundle(b));
        auto set = open_bytes(bytes);
        ASSERT_TRUE(set) << set.error().what;
        for (const auto& r : in) {
            ASSERT_TRUE(set->find(r.pcr, r.digest));
            if (r.kind == ReferenceKind::forbidden) {
                EXPECT_EQ(set->find(r.pcr, r.digest)->kind, ReferenceKind::forbidden);
            }
            EXPECT_TRUE(set->revoked(r.digest));
            Digest other = r.digest;
            other[random() % 32] ^= std::byte{0x80};
            EXPECT_FALSE(set->find(r.pcr, other));
            EXPECT_FALSE(set->revoked(other));
        }
    }
}

TEST(Bundle, HoldsExactlyWhatTheWholeStructureHolds) {
    // The enclave reads the body piece by piece: this is what fails when the structure changes and it does not.
    const Bundle b = small_bundle();
    const Bytes bytes = signed_bundle(b);
    auto whole = ipc::decode<rats::SignedBundle>(bytes);
    ASSERT_TRUE(whole);
    auto body = ipc::decode<Bundle>(whole->body.view());
    ASSERT_TRUE(body);
    EXPECT_EQ(*body, b);
    auto set = open_bytes(bytes);
    ASSERT_TRUE(set);
    EXPECT_EQ(set->head().anchors, b.anchors);
    EXPECT_EQ(set->head().revoked, b.revoked);
    EXPECT_EQ(set->head().boot_pcrs, b.boot_pcrs);
    EXPECT_EQ(set->head().issued_ms, b.issued_ms);
    EXPECT_EQ(set->head().next_update_ms, b.next_update_ms);
    EXPECT_EQ(set->partners(), b.partners.items());
}

}  // namespace
}  // namespace sealcall::attestation::test
