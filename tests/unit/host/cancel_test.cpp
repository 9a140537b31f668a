#include "tests/unit/host/peer_call.h"

namespace sealcall::testing {
namespace {

using namespace std::chrono_literals;

TEST(Cancel, WaitsForAProvisionalResponse) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    p.host.send(ipc::EndCall{.call = DialledPeer::kCall});
    EXPECT_TRUE(p.peer.read(200ms).empty()) << "RFC 3261 9.1";
    p.peer.write(SipPeer::response(p.invite, 100, ""));
    auto cancel = p.peer.expect("CANCEL");
    EXPECT_EQ(cancel.header("CSeq"), std::to_string(std::atoi(p.invite.header("CSeq").c_str())) + " CANCEL");
    EXPECT_EQ(cancel.header("To"), p.invite.header("To"));
    EXPECT_EQ(cancel.header("From"), p.invite.header("From"));
    p.peer.write(SipPeer::response(cancel, 200, "f0"));
    p.peer.write(SipPeer::response(p.invite, 487, "f0"));
    p.peer.expect("ACK");
    p.host.expect_silence(100ms);
}

TEST(Cancel, AnswerThatCrossesItIsAcknowledgedAndEnded) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    p.attest("f0", SessionId{10});
    p.host.send(ipc::EndCall{.call = DialledPeer::kCall});
    p.peer.expect("CANCEL");
    p.answer("f0");
    EXPECT_TRUE(p.peer.expect("BYE").has(";tag=f0"));
    p.host.expect_silence(100ms);
}

TEST(Cancel, EndCallAfterTheAnswerSendsBye) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    p.attest("f0", SessionId{10});
    p.answer("f0");
    p.host.expect<ipc::LegAnswered>();
    p.host.send(ipc::EndCall{.call = DialledPeer::kCall});
    p.peer.expect("BYE");
}

TEST(Cancel, EndingOneForkOfTwoSendsByeInItsEarlyDialogOnly) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    p.attest("f0", SessionId{10});
    p.attest("f1", SessionId{11});
    p.host.send(ipc::EndLeg{.session = SessionId{10}});
    EXPECT_TRUE(p.peer.expect("BYE").has(";tag=f0"));
    p.host.send(ipc::EndLeg{.session = SessionId{11}});
    p.peer.expect("CANCEL");
}

TEST(Cancel, OfThePeerEndsTheLegAndIsAnsweredWith487) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.attest());
    auto invite = CallingPeer::attested();
    std::string cancel = invite.to(p.peer, p.host);
    cancel = cancel.substr(0, cancel.find("Require:")) + "Content-Length: 0\r\n\r\n";
    cancel.replace(0, 6, "CANCEL");
    cancel.replace(cancel.find("1 INVITE"), 8, "1 CANCEL");
    p.peer.write(cancel);
    p.peer.expect(200);
    p.peer.expect(487);
    auto ended = p.host.expect<ipc::LegEnded>();
    EXPECT_EQ(ended.session, CallingPeer::kSession);
    EXPECT_EQ(ended.why, ipc::LegEndWhy::cancelled);
}

TEST(Cancel, BeforeTheEnclaveHasDecidedIsToldOnceItHas) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.start());
    auto invite = CallingPeer::attested();
    p.peer.write(invite.to(p.peer, p.host));
    p.incoming = p.host.expect<ipc::IncomingInvite>();
    std::string cancel = invite.to(p.peer, p.host);
    cancel = cancel.substr(0, cancel.find("Require:")) + "Content-Length: 0\r\n\r\n";
    cancel.replace(0, 6, "CANCEL");
    cancel.replace(cancel.find("1 INVITE"), 8, "1 CANCEL");
    p.peer.write(cancel);
    p.peer.expect(200);
    p.peer.expect(487);
    p.admit();
    EXPECT_EQ(p.host.expect<ipc::LegEnded>().why, ipc::LegEndWhy::cancelled);
    EXPECT_TRUE(p.peer.read(100ms).empty()) << "no 183 after 487";
}

TEST(Cancel, ByeOfTheCalleeWaitsForTheAck) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.attest());
    p.prack();
    p.host.send(ipc::SendOk{.session = CallingPeer::kSession});
    auto ok = p.peer.expect(200);
    p.host.send(ipc::EndLeg{.session = CallingPeer::kSession});
    EXPECT_TRUE(p.peer.read(200ms).empty()) << "RFC 3261 15";
    p.peer.write(request_as_caller(p.peer, ok, "ACK", 1));
    p.peer.expect("BYE");
}

}  // namespace
}  // namespace sealcall::testing
