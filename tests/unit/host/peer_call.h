// A host as caller or callee against one scripted SIP peer.
#pragma once

#include "tests/unit/host/sip_peer.h"

namespace sealcall::testing {

inline constexpr const char* kAttested183 = "Require: 100rel\r\nRSeq: 1\r\nRecv-Info: sealcall-attest\r\n";

/// The host dials the peer; the peer plays callee or a forking proxy.
struct DialledPeer {
    static constexpr CallId kCall{7};
    HostProcess host;
    SipPeer peer;
    SipMessage invite;

    void dial(ipc::CallKind kind = ipc::CallKind::attested) {
        auto ready = host.start(HostProcess::default_config("sip:alice@example.com"));
        ASSERT_TRUE(ready.ok) << ready.problem.view();
        place(kind);
        ASSERT_TRUE(peer.accept());
        invite = peer.expect("INVITE");
    }
    void place(ipc::CallKind kind) {
        ipc::PlaceCall m;
        m.call = kCall;
        m.kind = kind;
        m.uri = BoundedString<256>(peer.uri("bob"));
        m.fingerprint = digest_of(0xca);
        host.send(m);
    }
    void progress(const std::string& tag, const std::string& extra = "") {
        peer.write(SipPeer::response(invite, 183, tag, kAttested183 + peer.contact() + extra, attested_offer()));
        auto prack = peer.expect("PRACK");
        EXPECT_TRUE(prack.has(";tag=" + tag));
        peer.write(SipPeer::response(prack, 200, tag));
    }
    /// One attested fork with its session.
    void attest(const std::string& tag, SessionId session) {
        progress(tag);
        auto a = host.expect<ipc::LegAttesting>();
        EXPECT_EQ(a.sdp_fingerprint, digest_of(0xaa));
        host.send(ipc::LegAdmitted{.call = kCall, .leg = a.leg, .session = session});
    }
    void answer(const std::string& tag) {
        peer.write(SipPeer::response(invite, 200, tag, "Recv-Info: sealcall-attest\r\n" + peer.contact()));
        auto ack = peer.expect("ACK");
        EXPECT_TRUE(ack.has(";tag=" + tag));
        EXPECT_EQ(ack.header("CSeq"), std::to_string(std::atoi(invite.header("CSeq").c_str())) + " ACK");
    }
};

/// The peer calls the host.
struct CallingPeer {
    static constexpr SessionId kSession{33};
    HostProcess host;
    SipPeer peer;
    ipc::IncomingInvite incoming;
    SipMessage progress;

    void start() {
        auto ready = host.start(HostProcess::default_config("sip:bob@example.com"));
        ASSERT_TRUE(ready.ok) << ready.problem.view();
        ASSERT_TRUE(peer.connect(host.port()));
    }
    static InviteText attested() {
        InviteText i;
        i.extra = "Require: sealcall-attest, 100rel\r\nRecv-Info: sealcall-attest\r\n";
        i.body = attested_offer();
        return i;
    }
    void admit() {
        ipc::IncomingAdmitted m;
        m.handle = incoming.handle;
        m.call = CallId{3};
        m.session = kSession;
        m.fingerprint = digest_of(0xcb);
        host.send(m);
    }
    void attest() {
        ASSERT_NO_FATAL_FAILURE(start());
        peer.write(attested().to(peer, host));
        incoming = host.expect<ipc::IncomingInvite>();
        admit();
        progress = peer.expect(183);
        ASSERT_TRUE(progress.has("RSeq: "));
    }
    void prack() {
        peer.write(request_as_caller(peer, progress, "PRACK", 2, "RAck: " + progress.header("RSeq") + " 1 INVITE\r\n"));
        peer.expect(200);
    }
    /// Answered and acknowledged; returns the 200.
    SipMessage answer() {
        host.send(ipc::SendOk{.session = kSession});
        SipMessage ok = peer.expect(200);
        peer.write(request_as_caller(peer, ok, "ACK", 1));
        EXPECT_EQ(host.expect<ipc::LegAnswered>().session, kSession);
        return ok;
    }
};

}  // namespace sealcall::testing
