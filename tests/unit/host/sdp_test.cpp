#include "host/sdp/sdp.h"

#include <gtest/gtest.h>

namespace sealcall::host {
namespace {

std::string fingerprint() {
    std::string s = "01";
    for (int i = 1; i < 32; ++i) s += ":ab";
    return s;
}

std::string sdp(const std::string& media, const std::string& attributes) {
    return "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" + media + "\r\n" + attributes;
}

const std::string kGood = "a=rtpmap:111 opus/48000/2\r\na=setup:actpass\r\na=rtcp-mux\r\n";

Result<RemoteSdp> parse(const std::string& s) { return parse_sdp(as_bytes(s)); }

TEST(Sdp, ReadsWhatItWrites) {
    LocalSdp l;
    l.session_id = 42;
    l.fingerprint.fill(std::byte{0x5a});
    l.setup = Setup::active;
    l.direction = Direction::sendonly;
    l.address = "192.0.2.7";
    l.port = 4000;
    l.ice.ufrag = "abcd";
    l.ice.pwd = "0123456789012345678901";
    l.ice.candidates = {"1 1 UDP 2130706431 192.0.2.7 4000 typ host"};
    auto r = parse(build_sdp(l));
    ASSERT_TRUE(r.has_value()) << r.error().what;
    EXPECT_TRUE(r->acceptable());
    EXPECT_EQ(r->fingerprint, l.fingerprint);
    EXPECT_EQ(r->setup, Setup::active);
    EXPECT_EQ(r->direction, Direction::sendonly);
    EXPECT_EQ(r->address, "192.0.2.7");
    EXPECT_EQ(r->port, 4000);
    EXPECT_EQ(r->opus_payload_type, 111);
    EXPECT_TRUE(r->rtcp_mux);
    EXPECT_EQ(r->ice.candidates, l.ice.candidates);
}

TEST(Sdp, AttestedOfferTellsNoAddress) {
    LocalSdp l;
    l.trickle = true;
    const std::string s = build_sdp(l);
    EXPECT_NE(s.find("c=IN IP4 0.0.0.0\r\n"), s.npos);
    EXPECT_NE(s.find("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"), s.npos);
    EXPECT_NE(s.find("a=ice-options:trickle\r\n"), s.npos);
    EXPECT_NE(s.find("cbr=1;usedtx=0"), s.npos);
    EXPECT_EQ(s.find("candidate"), s.npos);
}

TEST(Sdp, TakesFingerprintAndSetupFromTheSessionWhenTheStreamHasNone) {
    auto r = parse("v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\na=fingerprint:SHA-256 " +
                   fingerprint() + "\na=setup:passive\nm=audio 5000 UDP/TLS/RTP/SAVP 96\na=rtpmap:96 OPUS/48000/2\n");
    ASSERT_TRUE(r.has_value());
    EXPECT_TRUE(r->acceptable());
    EXPECT_FALSE(r->feedback);
    EXPECT_EQ(r->setup, Setup::passive);
    EXPECT_EQ(r->opus_payload_type, 96);
}

TEST(Sdp, PlainRtpAndSdesAreNotAcceptable) {
    for (const char* profile : {"RTP/AVP", "RTP/SAVP", "RTP/SAVPF", "RTP/AVPF", "TCP/TLS/RTP/SAVPF"}) {
        auto r = parse(
            sdp(std::string("m=audio 5000 ") + profile + " 111", kGood + "a=fingerprint:sha-256 " + fingerprint()));
        ASSERT_TRUE(r.has_value()) << profile;
        EXPECT_FALSE(r->acceptable()) << profile;
    }
}

TEST(Sdp, WithoutSha256OpusOrPortItIsNotAcceptable) {
    const std::string fp = "a=fingerprint:sha-256 " + fingerprint() + "\r\n";
    EXPECT_FALSE(parse(sdp("m=audio 5000 UDP/TLS/RTP/SAVPF 111", kGood))->acceptable());
    EXPECT_FALSE(
        parse(sdp("m=audio 5000 UDP/TLS/RTP/SAVPF 111", kGood + "a=fingerprint:sha-1 00:11\r\n"))->acceptable());
    EXPECT_FALSE(parse(sdp("m=audio 5000 UDP/TLS/RTP/SAVPF 0", "a=rtpmap:0 PCMU/8000\r\n" + fp))->acceptable());
    EXPECT_FALSE(parse(sdp("m=audio 0 UDP/TLS/RTP/SAVPF 111", kGood + fp))->acceptable());
}

TEST(Sdp, RefusesMalformedDescriptions) {
    const std::string good = sdp("m=audio 5000 UDP/TLS/RTP/SAVPF 111", kGood);
    EXPECT_TRUE(parse(good).has_value());
    EXPECT_FALSE(parse("").has_value());
    EXPECT_FALSE(parse("v=1\r\n").has_value());
    EXPECT_FALSE(parse(good + "x\r\n").has_value());
    EXPECT_FALSE(parse(good + std::string("a=x\0y\r\n", 8)).has_value());
    EXPECT_FALSE(parse(sdp("m=audio 70000 UDP/TLS/RTP/SAVPF 111", "")).has_value());
    EXPECT_FALSE(parse(sdp("m=audio", "")).has_value());
    EXPECT_FALSE(parse(sdp("m=video 5000 RTP/AVP 96", "")).has_value());
    EXPECT_FALSE(parse(good + "a=fingerprint:sha-256 00:11\r\n").has_value());
    EXPECT_FALSE(parse(good + "a=fingerprint:sha-256 " + std::string(95, 'g') + "\r\n").has_value());
    EXPECT_FALSE(parse(good + "a=setup:maybe\r\n").has_value());
    EXPECT_FALSE(parse(good + "a=ice-ufrag:a\r\n").has_value());
    EXPECT_FALSE(parse(good + std::string(kSdpMax, 'a')).has_value());
    std::string many = good;
    for (int i = 0; i < 9; ++i) many += "m=audio 1 RTP/AVP 0\r\n";
    EXPECT_FALSE(parse(many).has_value());
}

TEST(Sdp, EveryPrefixOfADescriptionIsReadWithoutHarm) {
    const std::string good = sdp("m=audio 5000 UDP/TLS/RTP/SAVPF 111",
                                 kGood + "a=fingerprint:sha-256 " + fingerprint() + "\r\na=ice-ufrag:abcd\r\n");
    size_t accepted = 0;
    for (size_t n = 0; n <= good.size(); ++n) accepted += parse(good.substr(0, n)).has_value();
    EXPECT_GT(accepted, 0u);
    EXPECT_LT(accepted, good.size() / 2);
}

TEST(Sdp, AnswerHasAsManyStreamsAsTheOffer) {
    auto offer = parse(sdp("m=video 6000 RTP/AVP 96\r\nm=audio 5000 UDP/TLS/RTP/SAVPF 111\r\n" + kGood +
                               "a=fingerprint:sha-256 " + fingerprint() + "\r\nm=text 7000 RTP/AVP 98",
                           ""));
    ASSERT_TRUE(offer.has_value());
    EXPECT_EQ(offer->audio_index, 1u);
    LocalSdp answer;
    mirror_media_lines(*offer, answer);
    const std::string s = build_sdp(answer);
    EXPECT_LT(s.find("m=video 0 RTP/AVP 96"), s.find("m=audio 9"));
    EXPECT_GT(s.find("m=text 0 RTP/AVP 98"), s.find("m=audio 9"));
    EXPECT_NE(s.find("m=text 0"), s.npos);
}

TEST(Sdp, DirectionsAnswerEachOther) {
    using enum Direction;
    EXPECT_EQ(answer_direction(sendrecv, sendrecv), sendrecv);
    EXPECT_EQ(answer_direction(sendonly, sendrecv), recvonly);
    EXPECT_EQ(answer_direction(recvonly, sendrecv), sendonly);
    EXPECT_EQ(answer_direction(inactive, sendrecv), inactive);
    EXPECT_EQ(answer_direction(sendrecv, inactive), inactive);
    EXPECT_EQ(answer_direction(sendonly, sendonly), inactive);
    EXPECT_TRUE(is_hold(inactive));
    EXPECT_TRUE(is_hold(sendonly));
    EXPECT_FALSE(is_hold(recvonly));
}

}  // namespace
}  // namespace sealcall::host
