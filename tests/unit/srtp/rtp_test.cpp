#include "enclave/srtp/rtp.h"

#include <gtest/gtest.h>

#include "tests/unit/srtp/keys.h"

namespace sealcall::srtp::test {
namespace {

TEST(Rtp, RoundTrips) {
    const Bytes payload(33, std::byte{5});
    const RtpPacket in{true, 111, 65535, 0xfffffff0, 0x01020304, payload};
    const Bytes wire = encode_rtp(in);
    EXPECT_EQ(Bytes(wire.begin(), wire.begin() + 12), hex("80effffffffffff001020304"));
    const auto out = parse_rtp(wire);
    ASSERT_TRUE(out);
    EXPECT_TRUE(out->marker);
    EXPECT_EQ(out->payload_type, 111);
    EXPECT_EQ(out->sequence, 65535);
    EXPECT_EQ(out->timestamp, 0xfffffff0u);
    EXPECT_EQ(out->ssrc, 0x01020304u);
    EXPECT_TRUE(equal_bytes(out->payload, payload));
}

TEST(Rtp, SkipsContributingSourcesExtensionAndPadding) {
    // V=2 P=1 X=1 CC=2; extension of one word; payload aabb; three bytes of padding.
    const Bytes wire = hex("b26f0001 00000002 00000003 11111111 22222222 bede0001 10ff0000 aabb 000003");
    const auto out = parse_rtp(wire);
    ASSERT_TRUE(out) << out.error().what;
    EXPECT_EQ(to_bytes(out->payload), hex("aabb"));
}

TEST(Rtp, RefusesWhatDoesNotAddUp) {
    const Bytes whole = hex("b26f0001 00000002 00000003 11111111 22222222 bede0001 10ff0000 aabb 000003");
    for (size_t size = 0; size < 28; ++size) EXPECT_FALSE(parse_rtp(ByteSpan(whole).first(size))) << size;
    EXPECT_EQ(parse_rtp(hex("406f0001 00000002 00000003 aa")).error().code, Errc::bad_value);    // version 1
    EXPECT_EQ(parse_rtp(hex("a06f0001 00000002 00000003 aa00")).error().code, Errc::bad_value);  // padding of 0
    EXPECT_EQ(parse_rtp(hex("a06f0001 00000002 00000003 aa03")).error().code, Errc::bad_value);  // more than there is
    EXPECT_EQ(parse_rtp(hex("a06f0001 00000002 00000003")).error().code, Errc::truncated);
    EXPECT_EQ(parse_rtp(hex("906f0001 00000002 00000003 bedeffff 00")).error().code, Errc::truncated);
    EXPECT_TRUE(parse_rtp(hex("a06f0001 00000002 00000003 000003"))->payload.empty());
}

TEST(Rtcp, RoundTripsSenderAndReceiverReports) {
    const SenderInfo sender{0x0102030405060708, 960, 5, 400};
    const ReportBlock block{0xcafe, 12, -3, 70000, 55, 0x03040506, 65536};
    for (const bool sends : {true, false})
        for (const bool hears : {true, false})
            for (const size_t length : {1u, 2u, 3u, 4u, 24u, 255u}) {
                const Bytes wire = encode_rtcp(7, sends ? std::optional(sender) : std::nullopt,
                                               hears ? std::optional(block) : std::nullopt, std::string(length, 'x'));
                EXPECT_EQ(wire.size() % 4, 0u);
                const auto out = parse_rtcp(wire);
                ASSERT_TRUE(out) << out.error().what;
                EXPECT_EQ(out->ssrc, 7u);
                EXPECT_EQ(out->sender.has_value(), sends);
                if (sends) {
                    EXPECT_EQ(*out->sender, sender);
                }
                ASSERT_EQ(out->blocks.size(), hears ? 1u : 0u);
                if (hears) {
                    EXPECT_EQ(out->blocks[0], block);
                }
                EXPECT_FALSE(out->bye);
            }
}

TEST(Rtcp, EndsTheSourceDescriptionWithAZeroAtAWordBoundary) {
    // RR without blocks, then SDES: two items' bytes and the name, then 1 to 4 zeros.
    const Bytes wire = encode_rtcp(1, std::nullopt, std::nullopt, "ab");
    EXPECT_EQ(wire, hex("80c90001 00000001 81ca0003 00000001 01026162 00000000"));
    EXPECT_EQ(encode_rtcp(1, std::nullopt, std::nullopt, "a"), hex("80c90001 00000001 81ca0002 00000001 01016100"));
}

TEST(Rtcp, SkipsUnknownPacketsAndSeesBye) {
    const auto out = parse_rtcp(hex("80c90001 00000001  80ff0000  81cd0002 00000001 00000002  81cb0001 00000001"));
    ASSERT_TRUE(out) << out.error().what;
    EXPECT_TRUE(out->bye);
}

TEST(Rtcp, RefusesWhatDoesNotAddUp) {
    EXPECT_FALSE(parse_rtcp({}));
    EXPECT_EQ(parse_rtcp(hex("81ca0003 00000001 01026162 00000000")).error().code,
              Errc::bad_value);                                                     // starts with SDES
    EXPECT_EQ(parse_rtcp(hex("40c90001 00000001")).error().code, Errc::bad_value);  // version 1
    EXPECT_EQ(parse_rtcp(hex("80c90002 00000001")).error().code, Errc::truncated);  // longer than there is
    EXPECT_EQ(parse_rtcp(hex("81c90001 00000001")).error().code, Errc::truncated);  // a block is missing
    EXPECT_EQ(parse_rtcp(hex("80c80001 00000001")).error().code, Errc::truncated);  // no sender info
    EXPECT_EQ(parse_rtcp(hex("80c90001 00000001 80")).error().code, Errc::truncated);
    EXPECT_EQ(parse_rtcp(hex("a0c90001 00000001 81cb0001 00000001")).error().code, Errc::bad_value);  // padding first
    EXPECT_EQ(parse_rtcp(hex("80c90001 00000001 a1cb0002 00000001 00000000")).error().code, Errc::bad_value);
    EXPECT_TRUE(parse_rtcp(hex("80c90001 00000001 a1cb0002 00000001 00000004")));
}

TEST(Rtcp, HoldsTheMostBlocksThatTheFormatAllows) {
    Bytes wire = hex("9fc900bb 00000001");  // 31 blocks: 1 + 31 * 6 words
    wire.resize(4 + 187 * 4);
    EXPECT_EQ(parse_rtcp(wire)->blocks.size(), 31u);
}

}  // namespace
}  // namespace sealcall::srtp::test
