#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "tests/unit/host/peer_call.h"

namespace sealcall::testing {
namespace {

using namespace std::chrono_literals;

class UdpPeer {
  public:
    UdpPeer() : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in a = loopback(0);
        CHECK(bind(fd_.get(), reinterpret_cast<sockaddr*>(&a), sizeof a) == 0);
        socklen_t n = sizeof a;
        getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&a), &n);
        port_ = ntohs(a.sin_port);
    }
    [[nodiscard]] uint16_t port() const { return port_; }
    void send(uint16_t to, const std::string& s) {
        sockaddr_in a = loopback(to);
        (void)sendto(fd_.get(), s.data(), s.size(), 0, reinterpret_cast<sockaddr*>(&a), sizeof a);
    }
    std::string receive() {
        pollfd p{fd_.get(), POLLIN, 0};
        char b[2048];
        if (poll(&p, 1, 3000) <= 0) return {};
        const ssize_t n = recv(fd_.get(), b, sizeof b, 0);
        return {b, static_cast<size_t>(n)};
    }

  private:
    static sockaddr_in loopback(uint16_t port) {
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_port = htons(port);
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return a;
    }
    UniqueFd fd_;
    uint16_t port_ = 0;
};

uint16_t media_port(const std::string& sdp) {
    return static_cast<uint16_t>(std::atoi(sdp.c_str() + sdp.find("m=audio ") + 8));
}

const std::string kDtls(40, '\x16');
const std::string kRtp(40, '\x80');

TEST(OrdinaryCall, OffersCandidatesAndPlainAddressAndRelaysPackets) {
    DialledPeer p;
    UdpPeer media, stranger;
    ASSERT_NO_FATAL_FAILURE(p.dial(ipc::CallKind::ordinary));
    EXPECT_FALSE(p.invite.has("Require:"));
    EXPECT_FALSE(p.invite.has("100rel")) << "or some phones answer reliably";
    EXPECT_TRUE(p.invite.has("a=candidate:"));
    EXPECT_TRUE(p.invite.has("c=IN IP4 127.0.0.1"));
    EXPECT_TRUE(p.invite.has("a=setup:actpass"));
    const uint16_t port = media_port(p.invite.body());
    p.peer.write(SipPeer::response(p.invite, 180, "phone", p.peer.contact()));
    EXPECT_EQ(p.host.expect<ipc::OrdinaryRinging>().call, DialledPeer::kCall);
    media.send(port, kDtls);  // a ClientHello that comes before the 200
    p.peer.write(SipPeer::response(p.invite, 200, "phone", p.peer.contact(), ordinary_sdp(media.port(), "active")));
    p.peer.expect("ACK");
    auto answered = p.host.expect<ipc::OrdinaryAnswered>();
    EXPECT_TRUE(answered.peer_is_dtls_client);
    EXPECT_EQ(answered.sdp_fingerprint, digest_of(0xbb));
    p.host.send(ipc::LegAdmitted{.call = DialledPeer::kCall, .leg = answered.leg, .session = SessionId{9}});
    EXPECT_EQ(p.host.expect<ipc::MediaPathReady>().session, SessionId{9});
    EXPECT_EQ(as_chars(p.host.expect<ipc::Datagram>().bytes.view()), kDtls);
    p.host.send(ipc::Datagram{.session = SessionId{9}, .bytes = body_of<ipc::kDatagramMax>(kRtp)});
    EXPECT_EQ(media.receive(), kRtp);
    stranger.send(port, kRtp);
    stranger.send(port, kDtls);
    media.send(port, std::string(30, '\xff'));  // neither DTLS nor RTP
    p.host.expect_silence(100ms);
    p.peer.write(request_as_callee(p.peer, p.invite, "phone", "BYE", 1));
    p.peer.expect(200);
    EXPECT_EQ(p.host.expect<ipc::LegEnded>().why, ipc::LegEndWhy::bye);
}

TEST(OrdinaryCall, PeerBehindNatIsFoundByItsFirstHandshakePacket) {
    DialledPeer p;
    UdpPeer said, real;
    ASSERT_NO_FATAL_FAILURE(p.dial(ipc::CallKind::ordinary));
    const uint16_t port = media_port(p.invite.body());
    p.peer.write(SipPeer::response(p.invite, 200, "phone", p.peer.contact(), ordinary_sdp(said.port(), "active")));
    p.peer.expect("ACK");
    p.host.expect<ipc::OrdinaryAnswered>();
    p.host.send(ipc::LegAdmitted{.call = DialledPeer::kCall, .leg = 0, .session = SessionId{9}});
    p.host.expect<ipc::MediaPathReady>();
    real.send(port, kRtp);
    p.host.expect_silence(50ms);
    real.send(port, kDtls);
    p.host.expect<ipc::Datagram>();
    p.host.send(ipc::Datagram{.session = SessionId{9}, .bytes = body_of<ipc::kDatagramMax>(kDtls)});
    EXPECT_EQ(real.receive(), kDtls);
}

TEST(OrdinaryCall, AnswerWithPlainRtpIsEnded) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial(ipc::CallKind::ordinary));
    std::string plain = ordinary_sdp(5000, "active");
    plain.replace(plain.find("UDP/TLS/RTP/SAVPF"), 17, "RTP/AVP");
    p.peer.write(SipPeer::response(p.invite, 200, "phone", p.peer.contact(), plain));
    p.peer.expect("ACK");
    p.peer.expect("BYE");
    EXPECT_EQ(p.host.expect<ipc::CallFailed>().sip_status, 488);
}

TEST(OrdinaryCall, FollowsAFallbackUnderTheSameNumber) {
    DialledPeer p;
    ASSERT_NO_FATAL_FAILURE(p.dial());
    p.peer.write(SipPeer::response(p.invite, 420, "x", "Unsupported: sealcall-attest\r\n"));
    p.peer.expect("ACK");
    p.host.expect<ipc::LegOrdinary>();
    p.place(ipc::CallKind::ordinary);
    p.invite = p.peer.expect("INVITE");
    p.peer.write(SipPeer::response(p.invite, 486, "x"));
    p.peer.expect("ACK");
    EXPECT_EQ(p.host.expect<ipc::CallFailed>().sip_status, 486);
}

TEST(OrdinaryCall, IncomingRingsWhenToldAndAnswersWithAnAddressOnlyThen) {
    CallingPeer p;
    UdpPeer media;
    ASSERT_NO_FATAL_FAILURE(p.start());
    InviteText invite;
    invite.body = ordinary_sdp(media.port(), "actpass");
    p.peer.write(invite.to(p.peer, p.host));
    p.incoming = p.host.expect<ipc::IncomingInvite>();
    EXPECT_EQ(p.incoming.kind, ipc::CallKind::ordinary);
    EXPECT_EQ(p.incoming.display_name.view(), "Mallory");
    EXPECT_EQ(p.incoming.sdp_fingerprint, digest_of(0xbb));
    p.admit();
    EXPECT_TRUE(p.peer.read(100ms).empty());
    p.host.send(ipc::SendRinging{.session = CallingPeer::kSession});
    auto ringing = p.peer.expect(180);
    EXPECT_FALSE(ringing.has("RSeq"));
    EXPECT_TRUE(ringing.body().empty());
    p.host.send(ipc::StartMediaPath{.session = CallingPeer::kSession});
    EXPECT_FALSE(p.host.expect<ipc::LocalCandidates>().fragment.empty());
    p.host.send(ipc::SendOk{.session = CallingPeer::kSession});
    auto ok = p.peer.expect(200);
    EXPECT_TRUE(ok.has("a=setup:active"));
    EXPECT_TRUE(ok.has("UDP/TLS/RTP/SAVPF 96")) << "the payload type of the offer";
    p.peer.write(request_as_caller(p.peer, ok, "ACK", 1));
    p.host.find<ipc::LegAnswered>();
    media.send(media_port(ok.body()), kDtls);
    EXPECT_EQ(as_chars(p.host.find<ipc::Datagram>().bytes.view()), kDtls);
}

TEST(OrdinaryCall, IncomingWithoutDtlsSrtpIsRefusedBeforeTheEnclaveHears) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.start());
    int n = 0;
    for (const char* profile : {"RTP/AVP", "RTP/SAVP"}) {
        InviteText invite;
        invite.call_id = invite.branch = "z9hG4bK" + std::to_string(++n);
        invite.body = ordinary_sdp(5000, "actpass");
        invite.body.replace(invite.body.find("UDP/TLS/RTP/SAVPF"), 17, profile);
        p.peer.write(invite.to(p.peer, p.host));
        p.peer.expect(488);
    }
    InviteText offerless;
    offerless.call_id = offerless.branch = "z9hG4bKnone";
    p.peer.write(offerless.to(p.peer, p.host));
    p.peer.expect(488);
    p.host.expect_silence(50ms);
}

TEST(OrdinaryCall, ReInviteWithAnotherFingerprintIsRefused) {
    CallingPeer p;
    UdpPeer media;
    ASSERT_NO_FATAL_FAILURE(p.start());
    InviteText invite;
    invite.body = ordinary_sdp(media.port(), "actpass");
    p.peer.write(invite.to(p.peer, p.host));
    p.incoming = p.host.expect<ipc::IncomingInvite>();
    p.admit();
    p.host.send(ipc::SendOk{.session = CallingPeer::kSession});
    auto ok = p.peer.expect(200);
    p.peer.write(request_as_caller(p.peer, ok, "ACK", 1));
    p.host.find<ipc::LegAnswered>();
    std::string other = ordinary_sdp(media.port(), "actpass");
    other.replace(other.find("BB:BB"), 5, "CC:BB");
    p.peer.write(request_as_caller(p.peer, ok, "INVITE", 2, "", other));
    p.peer.expect(488);
    p.peer.write(request_as_caller(p.peer, ok, "INVITE", 3, "", ordinary_sdp(media.port(), "actpass", "sendonly")));
    EXPECT_TRUE(p.peer.expect(200).has("a=recvonly"));
    EXPECT_TRUE(p.host.find<ipc::PeerHold>().on);
}

}  // namespace
}  // namespace sealcall::testing
