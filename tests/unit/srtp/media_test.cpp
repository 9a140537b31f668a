#include "enclave/srtp/media.h"

#include <gtest/gtest.h>

#include <set>

#include "enclave/srtp/rtp.h"
#include "tests/unit/srtp/keys.h"

namespace sealcall::srtp::test {
namespace {

constexpr BootInstant kStart{std::chrono::hours(5)};
constexpr Millis kFrame{20};

struct Talk {
    SrtpProfile profile = SrtpProfile::aead_aes_128_gcm;
    std::unique_ptr<Media> a = std::move(*Media::create(keys(profile, Side::first), 111));
    std::unique_ptr<Media> b = std::move(*Media::create(keys(profile, Side::second), 111));
    BootInstant now = kStart;
    uint32_t timestamp = 1000;

    Bytes next(size_t size = 80) {
        now += kFrame;
        timestamp += 960;
        return *a->send(Bytes(size, std::byte{0x42}), timestamp, now);
    }
    static ipc::MediaStats stats(const Media& media) {
        ipc::MediaStats out;
        media.fill(out);
        return out;
    }
};

TEST(Media, CarriesFramesWithRisingNumbers) {
    Talk t;
    std::optional<uint16_t> last;
    for (int i = 0; i < 100; ++i) {
        const auto got = t.b->receive(t.next(), t.now);
        ASSERT_TRUE(got);
        ASSERT_TRUE(got->has_value());
        EXPECT_EQ((*got)->opus, Bytes(80, std::byte{0x42}));
        EXPECT_EQ((*got)->timestamp, t.timestamp);
        if (last) {
            EXPECT_EQ((*got)->sequence, static_cast<uint16_t>(*last + 1));
        }
        if (!last) {
            EXPECT_LT((*got)->sequence, 0x8000);
        }
        last = (*got)->sequence;
    }
    const auto s = Talk::stats(*t.b);
    EXPECT_EQ(s.received, 100u);
    EXPECT_EQ(s.lost, 0u);
    EXPECT_EQ(s.rejected, 0u);
    EXPECT_EQ(s.jitter_us, 0u);
    EXPECT_EQ(s.srtp_profile.view(), "AEAD_AES_128_GCM");
    EXPECT_EQ(Talk::stats(*t.a).sent, 100u);
}

TEST(Media, OnlyTheFirstPacketHasAMarker) {
    Talk t;
    EXPECT_EQ(t.next()[1], std::byte{0x80 | 111});
    EXPECT_EQ(t.next()[1], std::byte{111});
}

TEST(Media, EveryContextHasAnotherSsrcAndStart) {
    std::set<uint32_t> ssrcs;
    for (int i = 0; i < 50; ++i) ssrcs.insert(Talk().a->send_ssrc());
    EXPECT_EQ(ssrcs.size(), 50u);
}

TEST(Media, PlainRtpNeverPasses) {
    Talk t;
    ASSERT_TRUE(t.b->receive(t.next(), t.now));
    for (const size_t size : {0u, 1u, 20u, 80u, 160u, 1300u}) {
        EXPECT_FALSE(t.b->receive(rtp_packet(9, t.a->send_ssrc(), size), t.now));
        EXPECT_FALSE(t.b->receive(rtp_packet(10, 0x7777, size), t.now));
    }
    EXPECT_EQ(Talk::stats(*t.b).rejected, 12u);
    EXPECT_EQ(Talk::stats(*t.b).received, 1u);
}

TEST(Media, WhatItSendsIsNeverPlain) {
    Talk t;
    const Bytes opus(200, std::byte{0x42});
    const Bytes sent = *t.a->send(opus, 0, t.now);
    EXPECT_EQ(std::ranges::search(sent, Bytes(8, std::byte{0x42})).size(), 0u);
}

TEST(Media, CountsReplayedTamperedForeignAndMalformedPackets) {
    Talk t;
    const Bytes packet = t.next();
    ASSERT_TRUE(t.b->receive(packet, t.now));
    EXPECT_EQ(t.b->receive(packet, t.now).error().code, Errc::replayed_packet);
    Bytes tampered = t.next();
    tampered[30] ^= std::byte{1};
    EXPECT_EQ(t.b->receive(tampered, t.now).error().code, Errc::not_authentic);
    EXPECT_FALSE(t.b->receive({}, t.now));
    EXPECT_FALSE(t.b->receive(Bytes(1, std::byte{0x80}), t.now));
    EXPECT_FALSE(t.b->receive(Bytes(60, std::byte{22}), t.now));
    EXPECT_FALSE(t.b->receive(Bytes(1501, std::byte{0x80}), t.now));
    EXPECT_EQ(Talk::stats(*t.b).rejected, 6u);
}

TEST(Media, AnotherPayloadTypeIsRejectedButNotTakenForLoss) {
    Talk t;
    ASSERT_TRUE(t.b->receive(t.next(), t.now));
    // The same keys and SSRC with type 101, as an ordinary phone's DTMF; one number follows the other.
    auto dtmf = std::move(*Media::create(keys(t.profile, Side::first), 101));
    auto fresh = std::move(*Media::create(keys(t.profile, Side::second), 111));
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(fresh->receive(*dtmf->send(Bytes(4), 0, t.now), t.now).error().code, Errc::bad_value);
    EXPECT_EQ(Talk::stats(*fresh).rejected, 5u);
    EXPECT_EQ(Talk::stats(*fresh).received, 5u);
    EXPECT_EQ(Talk::stats(*fresh).lost, 0u);
}

TEST(Media, CountsLossAndForgivesLatePackets) {
    Talk t;
    std::vector<Bytes> late;
    for (int i = 0; i < 100; ++i) {
        Bytes packet = t.next();
        if (i % 10 == 5) {
            late.push_back(std::move(packet));
            continue;
        }
        ASSERT_TRUE(t.b->receive(packet, t.now));
    }
    EXPECT_EQ(Talk::stats(*t.b).lost, 10u);
    for (const Bytes& packet : late) ASSERT_TRUE(t.b->receive(packet, t.now));
    EXPECT_EQ(Talk::stats(*t.b).lost, 0u);
}

TEST(Media, CountsLossAcrossTheWrapOfTheNumber) {
    Talk t;
    uint32_t delivered = 0;
    const uint32_t total = 70000;
    for (uint32_t i = 0; i < total; ++i) {
        const Bytes packet = t.next(1);
        if (i % 7 == 3) continue;
        ASSERT_TRUE(t.b->receive(packet, t.now)) << i;
        ++delivered;
    }
    EXPECT_EQ(Talk::stats(*t.b).received, delivered);
    EXPECT_EQ(Talk::stats(*t.b).lost, total - delivered);
}

TEST(Media, JitterFollowsRfc3550) {
    Talk t;
    // Every second packet comes 10 ms late: |D| is 10 ms each time, and the estimate goes there.
    for (int i = 0; i < 400; ++i) {
        const Bytes packet = t.next();
        ASSERT_TRUE(t.b->receive(packet, t.now + (i % 2 == 0 ? Millis(0) : Millis(10))));
    }
    EXPECT_NEAR(Talk::stats(*t.b).jitter_us, 10000.0, 200.0);
}

TEST(Media, AWildTimestampCannotPoisonTheJitterForLong) {
    Talk t;
    ASSERT_TRUE(t.b->receive(t.next(), t.now));
    t.timestamp += 0x7fffffff;
    ASSERT_TRUE(t.b->receive(t.next(), t.now));
    EXPECT_LE(Talk::stats(*t.b).jitter_us, 1'000'000u / 16);
}

TEST(Media, ReportsTellThePeerItsLoss) {
    Talk t;
    EXPECT_FALSE(t.b->rtcp_due(t.now)->has_value());  // starts the clock
    const BootInstant first = t.b->next_rtcp();
    EXPECT_EQ(first, t.now + Millis(2500));
    for (int i = 0; i < 130; ++i) {
        const Bytes packet = t.next();
        if (i % 13 != 7) {
            ASSERT_TRUE(t.b->receive(packet, t.now));
        }
    }
    ASSERT_GE(t.now, first);
    const auto report = t.b->rtcp_due(t.now);
    ASSERT_TRUE(report && report->has_value());
    EXPECT_EQ(t.b->next_rtcp(), t.now + Millis(5000));
    EXPECT_FALSE(t.b->rtcp_due(t.now + Millis(4999))->has_value());
    const auto got = t.a->receive(**report, t.now);
    ASSERT_TRUE(got);
    EXPECT_FALSE(got->has_value());
    EXPECT_EQ(Talk::stats(*t.a).peer_reported_lost, 10u);
    EXPECT_EQ(Talk::stats(*t.a).rejected, 0u);
    EXPECT_EQ(t.a->receive(**report, t.now).error().code, Errc::replayed_packet);
}

TEST(Media, SenderReportsCountPacketsAndOctets) {
    Talk t;
    // Decrypted by a session of its own that holds the peer's keys.
    auto peer = std::move(*SrtpSession::create(keys(t.profile, Side::second), 1));
    EXPECT_FALSE(t.a->rtcp_due(t.now)->has_value());
    for (int i = 0; i < 200; ++i) (void)t.next();
    Bytes packet = **t.a->rtcp_due(t.now + Millis(10));
    const size_t size = peer->unprotect_rtcp(packet).value();
    const auto rtcp = parse_rtcp(ByteSpan(packet).first(size));
    ASSERT_TRUE(rtcp && rtcp->sender);
    EXPECT_EQ(rtcp->ssrc, t.a->send_ssrc());
    EXPECT_EQ(rtcp->sender->packets, 200u);
    EXPECT_EQ(rtcp->sender->octets, 200u * 80);
    EXPECT_EQ(rtcp->sender->rtp_timestamp, t.timestamp + 480);  // 10 ms after the last frame
    EXPECT_TRUE(rtcp->blocks.empty());
    // Nothing sent since: a receiver report.
    Bytes second = **t.a->rtcp_due(t.now + Millis(6000));
    const size_t second_size = peer->unprotect_rtcp(second).value();
    EXPECT_FALSE(parse_rtcp(ByteSpan(second).first(second_size))->sender);
}

TEST(Media, SourceNamesAreRandomPerContext) {
    const auto cname = [] {
        Talk t;
        auto peer = std::move(*SrtpSession::create(keys(t.profile, Side::second), 1));
        (void)t.a->rtcp_due(t.now);
        Bytes packet = **t.a->rtcp_due(t.now + Millis(5000));
        const size_t size = peer->unprotect_rtcp(packet).value();
        return Bytes(packet.begin() + static_cast<std::ptrdiff_t>(size) - 28,
                     packet.begin() + static_cast<std::ptrdiff_t>(size));
    };
    EXPECT_NE(cname(), cname());
}

TEST(Media, BoundsWhatItSends) {
    Talk t;
    EXPECT_EQ(t.a->send({}, 0, t.now).error().code, Errc::bad_value);
    EXPECT_EQ(t.a->send(Bytes(1276), 0, t.now).error().code, Errc::bad_value);
    EXPECT_TRUE(t.a->send(Bytes(1275), 0, t.now));
    EXPECT_EQ(Media::create(keys(t.profile, Side::first), 128).error().code, Errc::bad_value);
    EXPECT_EQ(Media::create(keys(t.profile, Side::first), 72).error().code, Errc::bad_value);  // looks like RTCP
}

TEST(Media, WorksWithTheProfileOfOrdinaryPhones) {
    Talk t{.profile = SrtpProfile::aes128_cm_sha1_80};
    const auto got = t.b->receive(t.next(), t.now);
    ASSERT_TRUE(got && got->has_value());
    EXPECT_EQ(Talk::stats(*t.b).srtp_profile.view(), "AES_CM_128_HMAC_SHA1_80");
}

}  // namespace
}  // namespace sealcall::srtp::test
