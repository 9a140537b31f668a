#include "tests/unit/host/peer_call.h"

namespace sealcall::testing {
namespace {

using namespace std::chrono_literals;

TEST(Forks, EachForkHasItsOwnChannelAndTheLosersEnd) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    p.attest("f0", SessionId{10});
    p.attest("f1", SessionId{11});
    p.peer.write(request_as_callee(p.peer, p.invite, "f1", "INFO", 1, "Info-Package: sealcall-attest\r\n", "from f1"));
    p.peer.expect(200);
    auto in = p.host.expect<ipc::ChannelIn>();
    EXPECT_EQ(in.session, SessionId{11});
    EXPECT_EQ(as_chars(in.body.view()), "from f1");
    p.host.send(ipc::ChannelOut{.session = SessionId{10}, .body = body_of<rats::kInfoBodyMax>("to f0")});
    auto info = p.peer.expect("INFO");
    EXPECT_TRUE(info.has(";tag=f0"));
    EXPECT_EQ(info.body(), "to f0");
    EXPECT_EQ(info.header("Info-Package"), "sealcall-attest");
    p.answer("f1");
    EXPECT_EQ(p.host.expect<ipc::LegAnswered>().session, SessionId{11});
    auto lost = p.host.expect<ipc::LegEnded>();
    EXPECT_EQ(lost.session, SessionId{10});
    EXPECT_EQ(lost.why, ipc::LegEndWhy::cancelled);
}

TEST(Forks, FourForksAreTakenAndAFifthIsNot) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    for (uint8_t i = 0; i < 4; ++i) {
        p.progress("f" + std::to_string(i));
        EXPECT_EQ(p.host.expect<ipc::LegAttesting>().leg, i);
    }
    p.peer.write(SipPeer::response(p.invite, 183, "f4", kAttested183 + p.peer.contact(), attested_offer()));
    EXPECT_TRUE(p.peer.read(200ms).empty()) << "no PRACK for a fifth fork";
    p.host.expect_silence(100ms);
}

TEST(Forks, SecondAnswerIsAcknowledgedAndEnded) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    p.attest("f0", SessionId{10});
    p.attest("f1", SessionId{11});
    p.answer("f0");
    p.answer("f1");
    EXPECT_TRUE(p.peer.expect("BYE").has(";tag=f1"));
}

TEST(Forks, RepeatedAnswerIsAcknowledgedAgain) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    p.attest("f0", SessionId{10});
    p.answer("f0");
    p.answer("f0");
}

TEST(Forks, UnattestedForkBesideAnAttestedOneDoesNotCancel) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    p.peer.write(SipPeer::response(p.invite, 180, "phone", p.peer.contact()));
    p.attest("f1", SessionId{11});
    p.host.expect_silence(800ms);
    EXPECT_TRUE(p.peer.read(50ms).empty());
}

TEST(Forks, RingingWithoutRecvInfoIsCancelledAfterHalfASecondAndSaidToBeOrdinary) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    p.peer.write(SipPeer::response(p.invite, 180, "phone", p.peer.contact()));
    p.host.expect_silence(300ms);
    auto cancel = p.peer.expect("CANCEL");
    EXPECT_NE(cancel.header("Reason").find("cause=200"), std::string::npos);
    EXPECT_EQ(cancel.header("Via").substr(0, cancel.header("Via").find(";rport")),
              p.invite.header("Via").substr(0, p.invite.header("Via").find(";rport")));
    auto ordinary = p.host.expect<ipc::LegOrdinary>();
    EXPECT_EQ(ordinary.call, DialledPeer::kCall);
    EXPECT_EQ(ordinary.why, ipc::OrdinaryWhy::no_recv_info);
    p.peer.write(SipPeer::response(cancel, 200, "phone"));
    p.peer.write(SipPeer::response(p.invite, 487, "phone"));
    p.peer.expect("ACK");
    p.host.expect_silence(100ms);
}

TEST(Forks, BadExtensionMeansOrdinaryOnlyWhenNobodyAttested) {
    DialledPeer a;
    ASSERT_NO_FATAL_FAILURE(a.dial());
    a.peer.write(SipPeer::response(a.invite, 420, "x", "Unsupported: sealcall-attest\r\n"));
    a.peer.expect("ACK");
    EXPECT_EQ(a.host.expect<ipc::LegOrdinary>().why, ipc::OrdinaryWhy::bad_extension);

    DialledPeer b;
    ASSERT_NO_FATAL_FAILURE(b.dial());
    b.attest("f0", SessionId{10});
    b.host.send(ipc::ChannelOut{.session = SessionId{10}, .body = body_of<rats::kInfoBodyMax>("admitted by now")});
    b.peer.expect("INFO");
    b.peer.write(SipPeer::response(b.invite, 420, "x", "Unsupported: sealcall-attest\r\n"));
    b.peer.expect("ACK");
    EXPECT_EQ(b.host.expect<ipc::LegEnded>().session, SessionId{10});
    EXPECT_EQ(b.host.expect<ipc::CallFailed>().sip_status, 420);
}

TEST(Forks, AnswerWithoutAttestationIsEndedAndSaidToBeOrdinary) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    p.peer.write(SipPeer::response(p.invite, 200, "phone", p.peer.contact(), ordinary_sdp(5000, "active")));
    p.peer.expect("ACK");
    p.peer.expect("BYE");
    EXPECT_EQ(p.host.expect<ipc::LegOrdinary>().why, ipc::OrdinaryWhy::no_recv_info);
}

TEST(Forks, SilenceIsSaidAfterFourSeconds) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    p.peer.write(SipPeer::response(p.invite, 100, ""));
    EXPECT_EQ(p.host.expect<ipc::LegOrdinary>().why, ipc::OrdinaryWhy::silence);
    p.peer.expect("CANCEL");
}

TEST(Forks, InfoThatOvertakesIts183IsHeld) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    p.peer.write(request_as_callee(p.peer, p.invite, "f0", "INFO", 1, "Info-Package: sealcall-attest\r\n", "early"));
    EXPECT_TRUE(p.peer.read(200ms).empty());
    p.peer.write(SipPeer::response(p.invite, 183, "f0", kAttested183 + p.peer.contact(), attested_offer()));
    p.peer.expect("PRACK");
    p.peer.expect(200);
    p.host.expect<ipc::LegAttesting>();
    p.host.send(ipc::LegAdmitted{.call = DialledPeer::kCall, .leg = 0, .session = SessionId{10}});
    EXPECT_EQ(as_chars(p.host.expect<ipc::ChannelIn>().body.view()), "early");
}

TEST(Forks, HeldInfoIsRefusedWhenNo183Comes) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    p.peer.write(request_as_callee(p.peer, p.invite, "f0", "INFO", 1, "Info-Package: sealcall-attest\r\n", "early"));
    p.peer.expect(481);
}

TEST(Forks, RepeatedProgressIsAcknowledgedWithItsOwnRseqOnce) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    p.attest("f0", SessionId{10});
    const std::string again = "Require: 100rel\r\nRSeq: 2\r\nRecv-Info: sealcall-attest\r\n" + p.peer.contact();
    p.peer.write(SipPeer::response(p.invite, 183, "f0", again));
    p.peer.write(SipPeer::response(p.invite, 183, "f0", again));
    EXPECT_EQ(p.peer.expect("PRACK").header("RAck").substr(0, 2), "2 ");
    EXPECT_TRUE(p.peer.read(200ms).empty());
    p.host.expect_silence(50ms);
}

TEST(Forks, InviteIsSmallNamesOurTagFirstAndHidesTheUserInContact) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    EXPECT_LT(p.invite.text.size(), 3000u);
    EXPECT_EQ(p.invite.header("Require"), "sealcall-attest, 100rel");
    EXPECT_EQ(p.invite.header("Recv-Info"), "sealcall-attest");
    EXPECT_EQ(p.invite.header("Contact").find("alice"), std::string::npos);
    EXPECT_EQ(p.invite.header("Call-ID").find("127.0.0.1"), std::string::npos);
    EXPECT_FALSE(p.invite.has("User-Agent"));
    EXPECT_EQ(p.invite.body().find("127.0.0.1"), std::string::npos) << "no address before both policies agreed";
}

}  // namespace
}  // namespace sealcall::testing
