#include "enclave/srtp/session.h"

#include <gtest/gtest.h>

#include "tests/unit/srtp/keys.h"
#include "tests/unit/srtp/reference.h"

namespace sealcall::srtp::test {
namespace {

constexpr uint32_t kSsrcA = 0xdecafbad, kSsrcB = 0x12345678;

class Srtp : public testing::TestWithParam<SrtpProfile> {
  protected:
    std::unique_ptr<SrtpSession> a = std::move(*SrtpSession::create(keys(GetParam(), Side::first), kSsrcA));
    std::unique_ptr<SrtpSession> b = std::move(*SrtpSession::create(keys(GetParam(), Side::second), kSsrcB));
};
INSTANTIATE_TEST_SUITE_P(Profiles, Srtp,
                         testing::Values(SrtpProfile::aead_aes_128_gcm, SrtpProfile::aes128_cm_sha1_80));

TEST_P(Srtp, CarriesBothDirections) {
    const Bytes plain = rtp_packet(1, kSsrcA), back = rtp_packet(9, kSsrcB);
    Bytes there = *protect(*a, plain), again = *protect(*b, back);
    EXPECT_EQ(there.size(), plain.size() + (GetParam() == SrtpProfile::aead_aes_128_gcm ? 16 : 10));
    EXPECT_FALSE(equal_bytes(ByteSpan(there).subspan(12, 40), ByteSpan(plain).subspan(12)));
    const size_t n = b->unprotect_rtp(there).value();
    EXPECT_TRUE(equal_bytes(ByteSpan(there).first(n), plain));
    const size_t m = a->unprotect_rtp(again).value();
    EXPECT_TRUE(equal_bytes(ByteSpan(again).first(m), back));
}

TEST_P(Srtp, EqualsTheRfcByteForByteAcrossTheRollover) {
    const auto k = keys(GetParam(), Side::first);
    const Bytes key = open(k.send_key), salt = open(k.send_salt);
    // In steps that SRTP may take: half of the number space at most.
    for (const uint64_t index : {uint64_t{3}, uint64_t{30000}, uint64_t{60000}, uint64_t{65535}, uint64_t{65536},
                                 uint64_t{65537}, uint64_t{90000}, uint64_t{120000}, uint64_t{131072}}) {
        const Bytes plain = rtp_packet(static_cast<uint16_t>(index), kSsrcA);
        const Bytes expected = GetParam() == SrtpProfile::aead_aes_128_gcm
                                   ? protect_gcm(key, salt, plain, kSsrcA, index)
                                   : protect_counter_mode(key, salt, plain, kSsrcA, index);
        Bytes got = *protect(*a, plain);
        EXPECT_EQ(got, expected) << index;
        EXPECT_EQ(b->unprotect_rtp(got).value(), plain.size());
    }
}

TEST_P(Srtp, RejectsReplayedPackets) {
    const Bytes packet = *protect(*a, rtp_packet(5, kSsrcA));
    Bytes first = packet, second = packet;
    ASSERT_TRUE(b->unprotect_rtp(first));
    EXPECT_EQ(b->unprotect_rtp(second).error().code, Errc::replayed_packet);
}

TEST_P(Srtp, AcceptsReorderingInsideTheWindowAndNothingOlder) {
    std::vector<Bytes> packets;
    for (uint16_t i = 0; i < 600; ++i) packets.push_back(*protect(*a, rtp_packet(i, kSsrcA)));
    const auto deliver = [&](size_t i) {
        Bytes copy = packets[i];
        return b->unprotect_rtp(copy);
    };
    ASSERT_TRUE(deliver(599));
    EXPECT_TRUE(deliver(599 - 128));
    EXPECT_TRUE(deliver(598));
    EXPECT_EQ(deliver(598).error().code, Errc::replayed_packet);
    EXPECT_TRUE(deliver(599 - 200));
    EXPECT_EQ(deliver(100).error().code, Errc::replayed_packet);
}

TEST_P(Srtp, RejectsEveryFlippedBit) {
    const Bytes packet = *protect(*a, rtp_packet(7, kSsrcA, 20));
    for (size_t bit = 0; bit < packet.size() * 8; ++bit) {
        Bytes copy = packet;
        copy[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
        EXPECT_FALSE(b->unprotect_rtp(copy)) << bit;
    }
    Bytes untouched = packet;
    EXPECT_TRUE(b->unprotect_rtp(untouched));
}

TEST_P(Srtp, RejectsPlainTruncatedAndForeignPackets) {
    Bytes plain = rtp_packet(1, kSsrcA, 160);
    EXPECT_EQ(b->unprotect_rtp(plain).error().code, Errc::not_authentic);
    const Bytes packet = *protect(*a, rtp_packet(2, kSsrcA));
    for (size_t size = 0; size < packet.size(); ++size) {
        Bytes cut(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size));
        EXPECT_FALSE(b->unprotect_rtp(cut)) << size;
    }
    auto stranger = std::move(*SrtpSession::create(keys(GetParam(), Side::first, 2), kSsrcA));
    Bytes foreign = *protect(*stranger, rtp_packet(3, kSsrcA));
    EXPECT_EQ(b->unprotect_rtp(foreign).error().code, Errc::not_authentic);
    Bytes reflected = *protect(*b, rtp_packet(4, kSsrcB));  // our own packet, sent back
    EXPECT_EQ(b->unprotect_rtp(reflected).error().code, Errc::not_authentic);
}

TEST_P(Srtp, TheFirstAuthenticSsrcIsThePeersForGood) {
    // A second sender with the same keys and another SSRC: authentic by the keys, and still refused.
    auto other = std::move(*SrtpSession::create(keys(GetParam(), Side::first), 0x1111));
    Bytes forged = rtp_packet(1, 0x9999, 60);
    EXPECT_FALSE(b->unprotect_rtp(forged));  // what is not authentic does not take the place
    Bytes first = *protect(*a, rtp_packet(1, kSsrcA));
    ASSERT_TRUE(b->unprotect_rtp(first));
    Bytes second = *protect(*other, rtp_packet(2, 0x1111));
    EXPECT_EQ(b->unprotect_rtp(second).error().code, Errc::not_authentic);
    Bytes third = *protect(*a, rtp_packet(3, kSsrcA));
    EXPECT_TRUE(b->unprotect_rtp(third));
}

TEST_P(Srtp, ProtectsOnlyItsOwnSsrcAndOnlyWithRoom) {
    EXPECT_EQ(protect(*a, rtp_packet(1, kSsrcB)).error().code, Errc::srtp_failed);
    Bytes tight = rtp_packet(1, kSsrcA);
    EXPECT_EQ(a->protect_rtp(tight, tight.size()).error().code, Errc::too_large);
    EXPECT_EQ(a->protect_rtp(tight, 11).error().code, Errc::truncated);
    EXPECT_EQ(a->protect_rtp(tight, tight.size() + 1).error().code, Errc::too_large);
    // The same number twice would be the same key stream twice.
    ASSERT_TRUE(protect(*a, rtp_packet(5, kSsrcA)));
    EXPECT_FALSE(protect(*a, rtp_packet(5, kSsrcA)));
}

TEST_P(Srtp, RtcpIsEncryptedAuthenticatedAndNotReplayed) {
    Bytes report = hex("80c90001 decafbad");
    report.resize(40 + SrtpSession::kTrailerMax);
    report[3] = std::byte{9};
    const Bytes plain(report.begin(), report.begin() + 40);
    const size_t size = a->protect_rtcp(report, 40).value();
    report.resize(size);
    EXPECT_FALSE(equal_bytes(ByteSpan(report).subspan(8, 32), ByteSpan(plain).subspan(8)));
    Bytes copy = report, bad = report;
    bad[9] ^= std::byte{1};
    EXPECT_EQ(b->unprotect_rtcp(bad).error().code, Errc::not_authentic);
    const size_t back = b->unprotect_rtcp(report).value();
    EXPECT_TRUE(equal_bytes(ByteSpan(report).first(back), plain));
    EXPECT_EQ(b->unprotect_rtcp(copy).error().code, Errc::replayed_packet);
    Bytes naked = plain;
    EXPECT_FALSE(b->unprotect_rtcp(naked));
}

TEST_P(Srtp, ArgumentKeysAreGoneAfterwards) {
    auto k = keys(GetParam(), Side::first);
    auto session = SrtpSession::create(std::move(k), 1);
    ASSERT_TRUE(session);
    EXPECT_EQ(open(k.send_key), Bytes(16));
    EXPECT_EQ(open(k.receive_salt), Bytes(14));
}

TEST(SrtpSession, NeedsAProfile) {
    EXPECT_EQ(SrtpSession::create(keys(SrtpProfile::none, Side::first), 1).error().code, Errc::bad_value);
}

// The reference itself, against the vectors of the RFCs.
TEST(Reference, DerivesTheKeysOfRfc3711B3) {
    const Bytes key = hex("E1F97A0D3E018BE0D64FA32C06DE4139"), salt = hex("0EC675AD498AFEEBB6960B3AABE6");
    EXPECT_EQ(session_key(key, salt, 0, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
    EXPECT_EQ(session_key(key, salt, 2, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
    EXPECT_EQ(session_key(key, salt, 1, 20), hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
}

TEST(Reference, MakesTheKeyStreamOfRfc3711B2) {
    const Bytes stream =
        aes_counter(hex("2B7E151628AED2A6ABF7158809CF4F3C"), hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000"), Bytes(32));
    EXPECT_EQ(stream, hex("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB"));
}

TEST(Reference, SealsThePacketOfRfc7714Section16) {
    const Bytes packet =
        hex("8040f17b8041f8d35501a0b2 47616c6c696120657374206f6d6e697320646976697361 20696e207061727465732074726573");
    const Bytes expected =
        hex("8040f17b8041f8d35501a0b2 f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
            "899d7f27beb16a9152cf765ee4390cce");
    EXPECT_EQ(protect_gcm_session(hex("000102030405060708090a0b0c0d0e0f"), hex("517569642070726f2071756f"), packet,
                                  0x5501a0b2, 0xf17b),
              expected);
}

}  // namespace
}  // namespace sealcall::srtp::test
