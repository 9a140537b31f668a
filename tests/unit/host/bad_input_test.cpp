// What a hostile peer may send: the host answers or drops it, counts it, and goes on.
#include <random>

#include "tests/unit/host/peer_call.h"

namespace sealcall::testing {
namespace {

using namespace std::chrono_literals;

/// The host still takes a call.
void expect_alive(HostProcess& host) {
    ASSERT_TRUE(host.running());
    SipPeer peer;
    ASSERT_TRUE(peer.connect(host.port()));
    InviteText i = CallingPeer::attested();
    static int n = 0;
    i.call_id = i.branch = "z9hG4bKalive" + std::to_string(++n);
    peer.write(i.to(peer, host));
    auto m = host.find<ipc::IncomingInvite>();
    host.send(ipc::IncomingRefused{.handle = m.handle});
    peer.expect(480);
}

TEST(BadInput, MalformedRequestsAreAnsweredWith400AndCounted) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.start());
    const std::string good = CallingPeer::attested().to(p.peer, p.host);
    int transactions = 1;
    auto with = [&](const std::string& from, const std::string& to) {
        std::string s = good;
        const size_t at = s.find(from);
        EXPECT_NE(at, s.npos);
        s.replace(at, from.size(), to);
        s.replace(s.find("c0ffee"), 6, "call" + std::to_string(++transactions));
        return s.replace(s.find("z9hG4bKtest1"), 12, "z9hG4bKtest" + std::to_string(transactions));
    };
    p.peer.write(with("CSeq: 1 INVITE", "CSeq: 1 OPTIONS"));
    p.peer.expect(400);
    p.peer.write(with(";tag=peertag1", ""));
    p.peer.expect(400);
    p.peer.write(with("Max-Forwards: 70", "Max-Forwards: many"));
    p.peer.expect(400);
    p.peer.write(with("v=0", "v=9"));
    p.peer.expect(400);
    p.peer.write(with("application/sdp", "text/plain"));
    p.peer.expect(415);
    p.host.expect_silence(50ms);
    EXPECT_TRUE(p.host.wait_state([](const ipc::HostState& s) { return s.malformed >= 4; }));
    ASSERT_NO_FATAL_FAILURE(expect_alive(p.host));
}

TEST(BadInput, GarbageTruncationAndOversizeEndOneConnectionOnly) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.start());
    const std::string good = CallingPeer::attested().to(p.peer, p.host);
    const std::vector<std::string> inputs = {
        std::string(100'000, 'A'),
        std::string(70'000, '\0'),
        "INVITE sip:x SIP/2.0\r\n" + std::string(200'000, 'h'),
        "INVITE sip:x@y SIP/2.0\r\nContent-Length: 4294967295\r\n\r\n" + std::string(80'000, 'b'),
        "SIP/2.0 999999999999 x\r\n\r\n",
        "\r\n\r\n:::\r\n\r\n",
        good.substr(0, good.size() / 2),
    };
    for (const auto& input : inputs) {
        SipPeer peer;
        ASSERT_TRUE(peer.connect(p.host.port()));
        peer.write(input);
    }
    ASSERT_NO_FATAL_FAILURE(expect_alive(p.host));
}

TEST(BadInput, MutatedMessagesDoNoHarm) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.start());
    std::mt19937 random(4711);
    const std::string good = CallingPeer::attested().to(p.peer, p.host);
    for (int round = 0; round < 60; ++round) {
        SipPeer peer;
        ASSERT_TRUE(peer.connect(p.host.port()));
        std::string s = good;
        for (int i = 0; i < 8; ++i) s[random() % s.size()] = static_cast<char>(random());
        peer.write(s);
    }
    while (!p.host.next(100ms).empty()) {
    }
    ASSERT_NO_FATAL_FAILURE(expect_alive(p.host));
}

TEST(BadInput, ResponsesToNothingAreDropped) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.start());
    for (int status : {183, 200, 420, 487, 699})
        p.peer.write("SIP/2.0 " + std::to_string(status) +
                     " X\r\nVia: SIP/2.0/TLS 127.0.0.1;branch=z9hG4bKnone\r\nTo: <sip:a@b>;tag=1\r\n"
                     "From: <sip:a@b>;tag=2\r\nCall-ID: none\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n");
    ASSERT_NO_FATAL_FAILURE(expect_alive(p.host));
}

TEST(BadInput, CommandsForSessionsThatAreGoneAreIgnored) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.start());
    p.host.send(ipc::ChannelOut{.session = SessionId{99}, .body = body_of<rats::kInfoBodyMax>("x")});
    p.host.send(ipc::SendOk{.session = SessionId{99}});
    p.host.send(ipc::EndLeg{.session = SessionId{99}});
    p.host.send(ipc::EndCall{.call = CallId{99}});
    p.host.send(ipc::StartMediaPath{.session = SessionId{99}});
    ipc::RemoteCandidates remote;
    remote.session = SessionId{99};
    p.host.send(remote);
    ASSERT_NO_FATAL_FAILURE(expect_alive(p.host));
}

TEST(BadInput, AddressThatIsNoneFailsTheCall) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.start());
    for (const char* uri : {"", "bob", "tel:+1", "sip:", "sip:a@b\r\nX: y", "sip:<a>@b"}) {
        ipc::PlaceCall m;
        m.call = CallId{1};
        m.uri = BoundedString<256>(uri);
        p.host.send(m);
        EXPECT_EQ(p.host.expect<ipc::CallFailed>().sip_status, 404) << uri;
    }
}

TEST(BadInput, MalformedFragmentFromThePeerFailsThePathOnly) {
    CallingPeer p;
    ASSERT_NO_FATAL_FAILURE(p.attest());
    p.prack();
    p.answer();
    p.host.send(ipc::StartMediaPath{.session = CallingPeer::kSession});
    p.host.expect<ipc::LocalCandidates>();
    ipc::RemoteCandidates m;
    m.session = CallingPeer::kSession;
    m.fragment = BoundedString<3072>("a=nonsense\r\n");
    p.host.send(m);
    EXPECT_EQ(p.host.expect<ipc::MediaPathFailed>().session, CallingPeer::kSession);
    ASSERT_NO_FATAL_FAILURE(expect_alive(p.host));
}

TEST(BadInput, ServerOfAnotherAuthorityOrAnotherNameIsRefused) {
    const LabAuthority foreign;
    const LabCertificate certificates[] = {foreign.issue("peer", "IP:127.0.0.1"),
                                           lab().issue("peer", "DNS:elsewhere.example"),
                                           lab().issue("peer", "IP:127.0.0.2")};
    for (const auto& c : certificates) {
        HostProcess host;
        SipPeer peer;
        peer.use(c);
        ASSERT_TRUE(host.start(HostProcess::default_config("sip:alice@example.com")).ok);
        ipc::PlaceCall m;
        m.call = CallId{1};
        m.uri = BoundedString<256>(peer.uri("bob"));
        host.send(m);
        (void)peer.accept();
        EXPECT_EQ(host.expect<ipc::CallFailed>().why, ipc::LegEndWhy::transport);
        EXPECT_TRUE(peer.read(100ms).empty()) << "nothing was said to it";
    }
}

TEST(BadInput, ClientCertificateOfAnotherAuthorityIsRefused) {
    HostProcess host;
    ASSERT_TRUE(host.start(HostProcess::default_config("sip:bob@example.com")).ok);
    SipPeer peer;
    peer.use(LabAuthority().issue("mallory", "IP:127.0.0.1"));
    // With TLS 1.3 the refusal may come after the client believes itself connected.
    if (peer.connect(host.port())) {
        peer.write(CallingPeer::attested().to(peer, host));
        EXPECT_TRUE(peer.read(1000ms).empty());
    }
    host.expect_silence(100ms);
    ASSERT_NO_FATAL_FAILURE(expect_alive(host));
}

TEST(BadInput, UnusableConfigurationIsSaidInReady) {
    auto config = HostProcess::default_config("sip:bob@example.com");
    config.tls_ca = ipc::Pem(as_bytes("not a certificate"));
    HostProcess a;
    EXPECT_FALSE(a.start(config).ok);
    config = HostProcess::default_config("sip:bob@example.com");
    config.tls_key = ipc::Pem(as_bytes(lab().issue("x", "IP:127.0.0.1").key));
    HostProcess b;
    EXPECT_FALSE(b.start(config).ok);
    HostProcess c, d;
    ASSERT_TRUE(c.start(HostProcess::default_config("sip:bob@example.com")).ok);
    config = HostProcess::default_config("sip:bob@example.com");
    config.listen_port = c.port();
    auto taken = d.start(config);
    EXPECT_FALSE(taken.ok);
    EXPECT_NE(taken.problem.view().find("port"), std::string_view::npos);
}

}  // namespace
}  // namespace sealcall::testing
