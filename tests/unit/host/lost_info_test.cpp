// What the host does when a proxy loses, delays or reorders requests: a connection that breaks says nothing to either
// side.
#include "tests/unit/host/peer_call.h"

namespace sealcall::testing {
namespace {

using namespace std::chrono_literals;

constexpr const char* kPackage = "Info-Package: sealcall-attest\r\n";
constexpr SessionId kSession = CallingPeer::kSession;

std::string numbered(uint8_t n) { return std::string(3, '\0') + static_cast<char>(n) + "tls" + std::to_string(n); }

void send_body(HostProcess& host, uint8_t n) {
    host.send(ipc::ChannelOut{.session = kSession, .body = body_of<rats::kInfoBodyMax>(numbered(n))});
}

uint32_t cseq(const SipMessage& m) { return static_cast<uint32_t>(std::stoul(m.header("CSeq"))); }

/// Attested, PRACK done.
void begin(CallingPeer& p) {
    ASSERT_NO_FATAL_FAILURE(p.attest());
    p.prack();
}

TEST(LostInfo, IsSentAgainInANewTransactionAndTheCallGoesOn) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(begin(p));
    send_body(p.host, 0);
    const SipMessage lost = p.peer.expect("INFO");
    const SipMessage again = p.peer.read(kWait);
    ASSERT_EQ(again.method(), "INFO");
    EXPECT_EQ(again.body(), lost.body());
    EXPECT_GT(cseq(again), cseq(lost));
    EXPECT_NE(again.header("Via"), lost.header("Via"));
    p.peer.write(SipPeer::response(again, 200, ""));
    EXPECT_TRUE(p.peer.read(3500ms).empty());
    // The answer to the first one, late: what overtook it counts.
    p.peer.write(SipPeer::response(lost, 500, ""));
    p.host.expect_silence(100ms);
    send_body(p.host, 1);
    EXPECT_EQ(p.peer.expect("INFO").body(), numbered(1));
}

TEST(LostInfo, RefusedForItsPlaceInTheOrderIsSentAgain) {
    for (int status : {500, 503}) {
        CallingPeer p;
        ASSERT_NO_FATAL_FAILURE(begin(p));
        send_body(p.host, 0);
        p.peer.write(SipPeer::response(p.peer.expect("INFO"), status, ""));
        const SipMessage again = p.peer.read(1400ms);
        ASSERT_EQ(again.method(), "INFO");
        EXPECT_EQ(again.body(), numbered(0));
        p.peer.write(SipPeer::response(again, 200, ""));
        p.host.expect_silence(100ms);
    }
}

TEST(LostInfo, RefusedForAnyOtherReasonEndsTheLegAtOnce) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(begin(p));
    send_body(p.host, 0);
    p.peer.write(SipPeer::response(p.peer.expect("INFO"), 481, ""));
    const auto ended = p.host.expect<ipc::LegEnded>(1400ms);
    EXPECT_EQ(ended.why, ipc::LegEndWhy::failed);
    EXPECT_EQ(ended.sip_status, 481);
}

TEST(LostInfo, RefusedThreeTimesEndsTheLegWithItsStatus) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(begin(p));
    send_body(p.host, 0);
    for (int i = 0; i < 3; ++i) p.peer.write(SipPeer::response(p.peer.expect("INFO"), 503, ""));
    EXPECT_EQ(p.host.expect<ipc::LegEnded>().sip_status, 503);
}

TEST(LostInfo, NeverAnsweredEndsTheLegBeforeTheEnclavesBudget) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(begin(p));
    send_body(p.host, 0);
    for (int i = 0; i < 3; ++i) p.peer.expect("INFO");
    EXPECT_EQ(p.host.expect<ipc::LegEnded>(13s).why, ipc::LegEndWhy::timeout);
}

TEST(LostInfo, BodiesThatOvertookEachOtherReachTheEnclaveInOrder) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(begin(p));
    // The one that was overtaken has the lower CSeq, is refused for it (RFC 3261 12.2.2), and comes again.
    p.peer.write(request_as_caller(p.peer, p.progress, "INFO", 4, kPackage, numbered(1)));
    p.peer.expect(200);
    p.peer.write(request_as_caller(p.peer, p.progress, "INFO", 3, kPackage, numbered(0)));
    p.peer.expect(500);
    p.host.expect_silence(100ms);
    p.peer.write(request_as_caller(p.peer, p.progress, "INFO", 5, kPackage, numbered(0)));
    p.peer.expect(200);
    for (uint8_t n : {uint8_t{0}, uint8_t{1}})
        EXPECT_EQ(as_chars(p.host.expect<ipc::ChannelIn>().body.view()), numbered(n));
    p.peer.write(request_as_caller(p.peer, p.progress, "INFO", 6, kPackage, numbered(2)));
    p.peer.expect(200);
    EXPECT_EQ(as_chars(p.host.expect<ipc::ChannelIn>().body.view()), numbered(2));
}

TEST(LostInfo, WhatWaitsForABodyThatNeverComesIsHandedOverInTheEnd) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(begin(p));
    p.peer.write(request_as_caller(p.peer, p.progress, "INFO", 3, kPackage, numbered(1)));
    p.peer.expect(200);
    p.host.expect_silence(4s);
    EXPECT_EQ(as_chars(p.host.expect<ipc::ChannelIn>().body.view()), numbered(1));
}

TEST(LostPrack, IsSentAgainWithTheSameRack) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    p.peer.write(SipPeer::response(p.invite, 183, "f0", kAttested183 + p.peer.contact(), attested_offer()));
    const SipMessage lost = p.peer.expect("PRACK");
    const SipMessage again = p.peer.read(kWait);
    ASSERT_EQ(again.method(), "PRACK");
    EXPECT_EQ(again.header("RAck"), lost.header("RAck"));
    EXPECT_GT(cseq(again), cseq(lost));
    p.peer.write(SipPeer::response(again, 200, "f0"));
    EXPECT_TRUE(p.peer.read(3500ms).empty());
}

}  // namespace
}  // namespace sealcall::testing
