#include "tests/unit/host/peer_call.h"

namespace sealcall::testing {
namespace {

using namespace std::chrono_literals;

TEST(InDialog, AnswerWaitsForPrack) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.attest());
    p.host.send(ipc::SendOk{.session = CallingPeer::kSession});
    EXPECT_TRUE(p.peer.read(200ms).empty());
    p.prack();
    auto ok = p.peer.expect(200);
    EXPECT_EQ(ok.header("CSeq"), "1 INVITE");
    EXPECT_TRUE(ok.body().empty()) << "the 183 carried the answer";
}

TEST(InDialog, PrackForAnotherResponseIsRefused) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.attest());
    p.peer.write(request_as_caller(p.peer, p.progress, "PRACK", 2, "RAck: 1 9 INVITE\r\n"));
    p.peer.expect(481);
    p.peer.write(request_as_caller(p.peer, p.progress, "PRACK", 3, "RAck: nonsense\r\n"));
    p.peer.expect(400);
    p.prack();
}

TEST(InDialog, ReliableProgressIsRepeatedUntilPrack) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.attest());
    EXPECT_EQ(p.peer.expect(183).header("RSeq"), p.progress.header("RSeq"));
    p.prack();
    EXPECT_TRUE(p.peer.read(1200ms).empty());
}

TEST(InDialog, AnswerIsRepeatedUntilAck) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.attest());
    p.prack();
    p.host.send(ipc::SendOk{.session = CallingPeer::kSession});
    p.peer.expect(200);
    auto again = p.peer.expect(200);
    p.peer.write(request_as_caller(p.peer, again, "ACK", 1));
    EXPECT_EQ(p.host.expect<ipc::LegAnswered>().session, CallingPeer::kSession);
    EXPECT_TRUE(p.peer.read(1200ms).empty());
}

TEST(InDialog, AckWithALowerNumberThanEarlyInfosCounts) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.attest());
    p.prack();
    for (uint32_t n = 3; n < 6; ++n) {
        p.peer.write(request_as_caller(p.peer, p.progress, "INFO", n, "Info-Package: sealcall-attest\r\n", "x"));
        p.peer.expect(200);
        p.host.expect<ipc::ChannelIn>();
    }
    p.answer();
}

TEST(InDialog, InfoIsCheckedBeforeTheEnclaveSeesIt) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.attest());
    p.prack();
    p.peer.write(request_as_caller(p.peer, p.progress, "INFO", 3, "Info-Package: other\r\n", "x"));
    EXPECT_EQ(p.peer.expect(469).header("Recv-Info"), "sealcall-attest");
    p.peer.write(request_as_caller(p.peer, p.progress, "INFO", 4, "", "Signal=1"));
    p.peer.expect(415);
    p.peer.write(request_as_caller(p.peer, p.progress, "INFO", 5, "Info-Package: sealcall-attest\r\n"));
    p.peer.expect(400);
    p.peer.write(request_as_caller(p.peer, p.progress, "INFO", 6, "Info-Package: sealcall-attest\r\n",
                                   std::string(rats::kInfoBodyMax + 1, 'x')));
    p.peer.expect(400);
    p.host.expect_silence(50ms);
    p.peer.write(request_as_caller(p.peer, p.progress, "INFO", 2, "Info-Package: sealcall-attest\r\n", "old"));
    p.peer.expect(500);
    p.host.expect_silence(50ms);
}

TEST(InDialog, ReInviteHoldsAndResumes) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.attest());
    p.prack();
    auto ok = p.answer();
    uint32_t cseq = 10;
    for (const char* direction : {"inactive", "sendrecv", "sendonly", "sendrecv"}) {
        p.peer.write(request_as_caller(p.peer, ok, "INVITE", ++cseq, "", attested_offer() + "a=" + direction + "\r\n"));
        auto answer = p.peer.expect(200);
        EXPECT_TRUE(answer.has(std::string(direction) == "sendonly" ? "a=recvonly" : std::string("a=") + direction));
        p.peer.write(request_as_caller(p.peer, answer, "ACK", cseq));
        EXPECT_EQ(p.host.expect<ipc::PeerHold>().on, std::string(direction) != "sendrecv");
    }
}

TEST(InDialog, ReInviteDuringOursIsGlare) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.attest());
    p.prack();
    auto ok = p.answer();
    p.host.send(ipc::SendHold{.session = CallingPeer::kSession, .on = true});
    auto ours = p.peer.expect("INVITE");
    EXPECT_TRUE(ours.has("a=inactive"));
    p.peer.write(request_as_caller(p.peer, ok, "INVITE", 11, "", attested_offer()));
    p.peer.expect(491);
    p.peer.write(request_as_caller(p.peer, ok, "ACK", 11));
    p.peer.write(SipPeer::response(ours, 491, ""));
    p.peer.expect("ACK");
    auto again = p.peer.expect("INVITE");
    EXPECT_TRUE(again.has("a=inactive"));
    p.peer.write(SipPeer::response(again, 200, "", p.peer.contact(), attested_offer() + "a=inactive\r\n"));
    p.peer.expect("ACK");
}

TEST(InDialog, UpdateIsAnsweredAndRefreshesTheSession) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.attest());
    p.prack();
    auto ok = p.answer();
    p.peer.write(request_as_caller(p.peer, ok, "UPDATE", 11, "Supported: timer\r\nSession-Expires: 1800\r\n"));
    auto answer = p.peer.expect(200);
    EXPECT_EQ(answer.header("Session-Expires"), "1800;refresher=uac");
    EXPECT_TRUE(answer.body().empty());
    p.peer.write(request_as_caller(p.peer, ok, "UPDATE", 12, "Session-Expires: 30\r\n"));
    EXPECT_EQ(p.peer.expect(422).header("Min-SE"), "90");
}

TEST(InDialog, OptionsAndUnknownMethods) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.attest());
    p.prack();
    p.peer.write(request_as_caller(p.peer, p.progress, "OPTIONS", 3));
    EXPECT_TRUE(p.peer.expect(200).has("sealcall-attest"));
    p.peer.write(request_as_caller(p.peer, p.progress, "REFER", 4, "Refer-To: <sip:x@y>\r\n"));
    p.peer.expect(405);
    p.peer.write(request_as_caller(p.peer, p.progress, "BYE", 5));
    p.peer.expect(200);
    EXPECT_EQ(p.host.find<ipc::LegEnded>().why, ipc::LegEndWhy::bye);
    p.peer.write(request_as_caller(p.peer, p.progress, "INFO", 6, "Info-Package: sealcall-attest\r\n", "late"));
    EXPECT_EQ(p.peer.read().status(), 481);
}

TEST(InDialog, UnknownRequireIsRefusedByName) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.start());
    auto invite = CallingPeer::attested();
    invite.extra += "Require: warp, sealcall-attest\r\n";
    p.peer.write(invite.to(p.peer, p.host));
    EXPECT_EQ(p.peer.expect(420).header("Unsupported"), "warp");
    invite.extra = "Require: sealcall-attest\r\n";
    invite.branch += "2";
    invite.call_id = "second";
    p.peer.write(invite.to(p.peer, p.host));
    EXPECT_EQ(p.peer.expect(420).header("Unsupported"), "sealcall-attest") << "without Recv-Info";
    p.host.expect_silence(50ms);
}

}  // namespace
}  // namespace sealcall::testing
