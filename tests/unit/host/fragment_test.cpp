#include "host/ice/fragment.h"

#include <gtest/gtest.h>

namespace sealcall::host {
namespace {

const std::string kHead = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n";

TEST(Fragment, ReadsWhatItWrites) {
    IceDescription d;
    d.ufrag = "abcd";
    d.pwd = "0123456789012345678901";
    d.end_of_candidates = true;
    d.candidates = {"1 1 UDP 2130706431 192.0.2.1 5000 typ host",
                    "2 1 udp 1694498815 2001:db8::1 5001 typ srflx raddr 10.0.0.1 rport 9"};
    auto r = parse_fragment(encode_fragment(d));
    ASSERT_TRUE(r.has_value());
    EXPECT_EQ(*r, d);
}

TEST(Fragment, NeedsCredentials) {
    EXPECT_FALSE(parse_fragment("").has_value());
    EXPECT_FALSE(parse_fragment("a=ice-ufrag:abcd\r\n").has_value());
    EXPECT_FALSE(parse_fragment("a=ice-ufrag:abc\r\na=ice-pwd:0123456789012345678901\r\n").has_value());
    EXPECT_FALSE(parse_fragment("a=ice-ufrag:abcd\r\na=ice-pwd:short\r\n").has_value());
    EXPECT_FALSE(parse_fragment("a=ice-ufrag:ab:d\r\na=ice-pwd:0123456789012345678901\r\n").has_value());
    EXPECT_TRUE(parse_fragment(kHead).has_value());
}

TEST(Fragment, KeepsSixteenCandidatesAndNoMore) {
    std::string s = kHead;
    for (int i = 0; i < 40; ++i) s += "a=candidate:1 1 UDP 1 192.0.2.1 " + std::to_string(1000 + i) + " typ host\r\n";
    auto r = parse_fragment(s);
    ASSERT_TRUE(r.has_value());
    EXPECT_EQ(r->candidates.size(), kCandidatesMax);
}

TEST(Fragment, PassesOverCandidatesThatItCannotUse) {
    for (const char* bad :
         {"1 1 TCP 1 192.0.2.1 9 typ host tcptype active", "1 1 UDP 1 host.example 5000 typ host",
          "1 3 UDP 1 192.0.2.1 5000 typ host", "1 1 UDP 1 192.0.2.1 0 typ host", "1 1 UDP 1 192.0.2.1 99999 typ host",
          "1 1 UDP 1 192.0.2.1 5000 typ other", "1 1 UDP 0 192.0.2.1 5000 typ host", "", "1 1 UDP 1 192.0.2.1 5000"}) {
        auto r = parse_fragment(kHead + "a=candidate:" + bad + "\r\n");
        ASSERT_TRUE(r.has_value()) << bad;
        EXPECT_TRUE(r->candidates.empty()) << bad;
    }
}

TEST(Fragment, RefusesForeignLinesAndOversize) {
    EXPECT_FALSE(parse_fragment(kHead + "nonsense\r\n").has_value());
    EXPECT_FALSE(parse_fragment(kHead + "c=IN IP4 0.0.0.0\r\n").has_value());
    EXPECT_FALSE(parse_fragment(kHead + std::string(kFragmentMax, 'a')).has_value());
    EXPECT_TRUE(parse_fragment("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n" + kHead).has_value());
}

}  // namespace
}  // namespace sealcall::host
