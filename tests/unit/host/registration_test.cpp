#include "tests/unit/host/peer_call.h"

namespace sealcall::testing {
namespace {

struct Registrar {
    HostProcess host;
    SipPeer peer;
    void start() {
        auto config = HostProcess::default_config("sip:alice@example.com");
        config.outbound_proxy = BoundedString<256>("sip:localhost:" + std::to_string(peer.port()) + ";transport=tls");
        config.proxy_name = BoundedString<128>("localhost");
        config.register_ = true;
        ASSERT_TRUE(host.start(config).ok);
        ASSERT_TRUE(peer.accept());
    }
};

TEST(Registering, AsksTheEnclaveForTheDigestAndRegisters) {
    Registrar r;
    ASSERT_NO_FATAL_FAILURE(r.start());
    auto first = r.peer.expect("REGISTER");
    EXPECT_EQ(first.first_line(), "REGISTER sip:example.com SIP/2.0");
    EXPECT_EQ(first.header("Contact").find("alice"), std::string::npos);
    r.peer.write(SipPeer::response(
        first, 401, "r",
        "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"abc\", algorithm=SHA-256, qop=\"auth\"\r\n"));
    auto challenge = r.host.expect<ipc::DigestChallenge>();
    EXPECT_EQ(challenge.algorithm, ipc::DigestAlgorithm::sha256);
    EXPECT_EQ(challenge.realm.view(), "example.com");
    EXPECT_EQ(challenge.method.view(), "REGISTER");
    EXPECT_EQ(challenge.uri.view(), "sip:example.com");
    ipc::DigestResponse answer;
    answer.request = challenge.request;
    answer.username = BoundedString<128>("alice");
    answer.cnonce = BoundedString<64>("0a");
    answer.response = BoundedString<64>("00ff");
    r.host.send(answer);
    auto second = r.peer.expect("REGISTER");
    EXPECT_NE(second.header("Authorization").find("response=\"00ff\""), std::string::npos);
    EXPECT_EQ(second.header("Call-ID"), first.header("Call-ID"));
    r.peer.write(SipPeer::response(second, 200, "r", "Expires: 600\r\n"));
    EXPECT_TRUE(r.host.wait_state([](const auto& s) { return s.registration == ipc::Registration::registered; }));
    EXPECT_EQ(r.host.state().sip_status, 200);
}

TEST(Registering, WithoutAPasswordItFailsAndSaysSo) {
    Registrar r;
    ASSERT_NO_FATAL_FAILURE(r.start());
    auto first = r.peer.expect("REGISTER");
    r.peer.write(SipPeer::response(first, 401, "r", "WWW-Authenticate: Digest realm=\"x\", nonce=\"abc\"\r\n"));
    ipc::DigestResponse none;
    none.request = r.host.expect<ipc::DigestChallenge>().request;
    r.host.send(none);
    EXPECT_TRUE(r.host.wait_state([](const auto& s) { return s.registration == ipc::Registration::failed; }));
    EXPECT_EQ(r.host.state().sip_status, 401);
    EXPECT_FALSE(r.host.state().error.empty());
    EXPECT_EQ(r.peer.expect("REGISTER").method(), "REGISTER") << "tries again";
}

TEST(Registering, ProxyWithAnotherNameIsNotTalkedTo) {
    SipPeer peer;
    peer.use(lab().issue("proxy", "DNS:other.example,IP:127.0.0.1"));
    HostProcess host;
    auto config = HostProcess::default_config("sip:alice@example.com");
    config.outbound_proxy = BoundedString<256>("sip:127.0.0.1:" + std::to_string(peer.port()) + ";transport=tls");
    config.proxy_name = BoundedString<128>("sip.example.com");
    config.register_ = true;
    ASSERT_TRUE(host.start(config).ok);
    (void)peer.accept();
    EXPECT_TRUE(peer.read(std::chrono::milliseconds(200)).empty());
    EXPECT_TRUE(host.wait_state([](const auto& s) { return s.registration == ipc::Registration::failed; }));
}

TEST(Registering, CallsGoThroughTheProxyWithARouteAndAnswerItsChallenge) {
    Registrar r;
    ASSERT_NO_FATAL_FAILURE(r.start());
    auto registering = r.peer.expect("REGISTER");
    r.peer.write(SipPeer::response(registering, 200, "r"));
    ipc::PlaceCall m;
    m.call = CallId{1};
    m.uri = BoundedString<256>("sip:bob@example.com");
    r.host.send(m);
    auto invite = r.peer.expect("INVITE");
    EXPECT_EQ(invite.first_line(), "INVITE sip:bob@example.com SIP/2.0");
    EXPECT_NE(invite.header("Route").find(";lr>"), std::string::npos);
    r.peer.write(SipPeer::response(invite, 407, "p", "Proxy-Authenticate: Digest realm=\"x\", nonce=\"n\"\r\n"));
    r.peer.expect("ACK");
    auto challenge = r.host.expect<ipc::DigestChallenge>();
    EXPECT_EQ(challenge.algorithm, ipc::DigestAlgorithm::md5);
    EXPECT_FALSE(challenge.qop_auth);
    ipc::DigestResponse answer;
    answer.request = challenge.request;
    answer.username = BoundedString<128>("alice");
    answer.response = BoundedString<64>("11");
    r.host.send(answer);
    auto again = r.peer.expect("INVITE");
    EXPECT_NE(again.header("Proxy-Authorization").find("response=\"11\""), std::string::npos);
    EXPECT_NE(again.header("CSeq"), invite.header("CSeq"));
    r.peer.write(SipPeer::response(again, 404, "p"));
    r.peer.expect("ACK");
    EXPECT_EQ(r.host.expect<ipc::CallFailed>().sip_status, 404);
}

}  // namespace
}  // namespace sealcall::testing
