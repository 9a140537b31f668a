// Kamailio 5.6 as registrar and proxy: TLS, digest with MD5 and SHA-256, record-routing.
#include <openssl/evp.h>

#include "tests/interop/host_foreign_process.h"
#include "tests/unit/host/host_process.h"

namespace sealcall::testing {
namespace {

constexpr const char* kPassword = "test-only";

std::string hash(ipc::DigestAlgorithm algorithm, const std::string& text) {
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    EVP_Digest(text.data(), text.size(), out, &n, algorithm == ipc::DigestAlgorithm::md5 ? EVP_md5() : EVP_sha256(),
               nullptr);
    std::string hex;
    for (unsigned i = 0; i < n; ++i) {
        char two[3];
        (void)snprintf(two, sizeof two, "%02x", out[i]);
        hex += two;
    }
    return hex;
}

/// RFC 7616 3.4.1, as the enclave does it.
void answer_challenge(HostProcess& host, const std::string& user, ipc::DigestAlgorithm expected) {
    auto c = host.expect<ipc::DigestChallenge>();
    EXPECT_EQ(c.algorithm, expected);
    const std::string ha1 = hash(c.algorithm, user + ":" + c.realm.str() + ":" + kPassword);
    const std::string ha2 = hash(c.algorithm, c.method.str() + ":" + c.uri.str());
    ipc::DigestResponse r;
    r.request = c.request;
    r.username = BoundedString<128>(user);
    r.cnonce = BoundedString<64>("0123456789abcdef");
    r.response = BoundedString<64>(hash(
        c.algorithm, ha1 + ":" + c.nonce.str() + (c.qop_auth ? ":00000001:" + r.cnonce.str() + ":auth:" : ":") + ha2));
    host.send(r);
}

struct Kamailio {
    ForeignProcess process;
    uint16_t port = ForeignProcess::free_port();

    bool start(const std::string& algorithm) {
        const LabCertificate c = lab().issue("proxy", "DNS:sip.example.com");
        const std::string dir = process.dir().string();
        process.write_file("cert.pem", c.certificate);
        process.write_file("key.pem", c.key);
        process.write_file("ca.pem", lab().certificate());
        std::string cfg =
            "#!KAMAILIO\ndebug=0\nlog_stderror=yes\nchildren=1\ntcp_children=2\nenable_tls=yes\n"
            "auto_aliases=no\nalias=\"example.com\"\nlisten=tls:127.0.0.1:" +
            std::to_string(port) + "\n";
        for (const char* m : {"tm", "tls", "sl", "rr", "pv", "maxfwd", "usrloc", "registrar", "textops", "siputils",
                              "nathelper", "auth"})
            cfg += "loadmodule \"" + std::string(m) + ".so\"\n";
        cfg += "modparam(\"tls\",\"certificate\",\"" + dir + "/cert.pem\")\nmodparam(\"tls\",\"private_key\",\"" + dir +
               "/key.pem\")\nmodparam(\"tls\",\"ca_list\",\"" + dir +
               "/ca.pem\")\n"
               "modparam(\"tls\",\"tls_method\",\"TLSv1.2+\")\n"
               "modparam(\"tls\",\"verify_certificate\",1)\nmodparam(\"tls\",\"require_certificate\",1)\n"
               "modparam(\"nathelper|registrar\",\"received_avp\",\"$avp(rcv)\")\n";
        if (!algorithm.empty()) cfg += "modparam(\"auth\",\"algorithm\",\"" + algorithm + "\")\n";
        cfg +=
            "request_route {\n"
            "  if (!mf_process_maxfwd_header(\"10\")) { sl_send_reply(\"483\",\"Too Many Hops\"); exit; }\n"
            "  force_rport();\n"
            "  if (is_method(\"CANCEL\")) { if (t_check_trans()) t_relay(); exit; }\n"
            "  if (has_totag()) { if (loose_route()) { t_relay(); exit; }\n"
            "    if (is_method(\"ACK\")) { if (t_check_trans()) t_relay(); exit; }\n"
            "    sl_send_reply(\"404\",\"Not here\"); exit; }\n"
            "  if (is_method(\"REGISTER\")) {\n"
            "    if (!pv_www_authenticate(\"example.com\",\"" +
            std::string(kPassword) +
            "\",\"0\"))\n"
            "      { www_challenge(\"example.com\",\"1\"); exit; }\n"
            "    consume_credentials(); fix_nated_register(); save(\"location\"); exit; }\n"
            "  record_route();\n"
            "  if (!lookup(\"location\")) { sl_send_reply(\"404\",\"Not Found\"); exit; }\n"
            "  t_relay();\n}\n";
        process.write_file("kamailio.cfg", cfg);
        if (!process.start("kamailio", {"-f", dir + "/kamailio.cfg", "-DD", "-E", "-m", "64", "-M", "8", "-Y", dir}))
            return false;
        return ForeignProcess::wait_tcp(port);
    }
    void join(HostProcess& host, const std::string& user, ipc::DigestAlgorithm algorithm) {
        auto config = HostProcess::default_config("sip:" + user + "@example.com");
        config.outbound_proxy = BoundedString<256>("sip:127.0.0.1:" + std::to_string(port) + ";transport=tls");
        config.proxy_name = BoundedString<128>("sip.example.com");
        config.register_ = true;
        ASSERT_TRUE(host.start(config).ok);
        answer_challenge(host, user, algorithm);
        ASSERT_TRUE(host.wait_state([](const auto& s) { return s.registration == ipc::Registration::registered; }))
            << host.state().error.view() << process.log();
    }
};

void attested_call(Kamailio& kamailio, ipc::DigestAlgorithm algorithm) {
    HostProcess alice, bob;
    ASSERT_NO_FATAL_FAILURE(kamailio.join(alice, "alice", algorithm));
    ASSERT_NO_FATAL_FAILURE(kamailio.join(bob, "bob", algorithm));
    ipc::PlaceCall dial;
    dial.call = CallId{1};
    dial.uri = BoundedString<256>("sip:bob@example.com");
    dial.fingerprint = digest_of(0xca);
    const auto begin = std::chrono::steady_clock::now();
    alice.send(dial);
    auto invite = bob.expect<ipc::IncomingInvite>();
    EXPECT_EQ(invite.kind, ipc::CallKind::attested) << kamailio.process.log();
    ipc::IncomingAdmitted admitted;
    admitted.handle = invite.handle;
    admitted.session = SessionId{2};
    admitted.fingerprint = digest_of(0xcb);
    bob.send(admitted);
    const Bytes body(rats::kInfoBodyMax, std::byte{0x17});
    const BoundedBytes<rats::kInfoBodyMax> out(body);
    bob.send(ipc::ChannelOut{.session = SessionId{2}, .body = out});
    auto attesting = alice.expect<ipc::LegAttesting>();
    EXPECT_EQ(attesting.sdp_fingerprint, digest_of(0xcb));
    alice.send(ipc::LegAdmitted{.call = CallId{1}, .leg = attesting.leg, .session = SessionId{1}});
    for (int i = 0; i < 4; ++i) {
        EXPECT_TRUE(equal_bytes(alice.expect<ipc::ChannelIn>().body.view(), body));
        alice.send(ipc::ChannelOut{.session = SessionId{1}, .body = out});
        EXPECT_TRUE(equal_bytes(bob.expect<ipc::ChannelIn>().body.view(), body));
        bob.send(ipc::ChannelOut{.session = SessionId{2}, .body = out});
    }
    alice.expect<ipc::ChannelIn>();
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
    std::printf("through Kamailio: INVITE and ten 6 kB bodies in %ld us\n", static_cast<long>(took.count()));
    bob.send(ipc::SendRinging{.session = SessionId{2}});
    bob.send(ipc::SendOk{.session = SessionId{2}});
    alice.expect<ipc::LegAnswered>();
    bob.expect<ipc::LegAnswered>();
    alice.send(ipc::SendHold{.session = SessionId{1}, .on = true});
    EXPECT_TRUE(bob.expect<ipc::PeerHold>().on);
    bob.send(ipc::EndLeg{.session = SessionId{2}});
    EXPECT_EQ(alice.expect<ipc::LegEnded>().why, ipc::LegEndWhy::bye);
}

TEST(Kamailio, CarriesAnAttestedCallWithSha256Digest) {
    Kamailio kamailio;
    if (!kamailio.start("SHA-256"))
        GTEST_SKIP() << "kamailio is not installed or does not start: " << kamailio.process.log();
    ASSERT_NO_FATAL_FAILURE(attested_call(kamailio, ipc::DigestAlgorithm::sha256));
}

TEST(Kamailio, CarriesAnAttestedCallWithMd5Digest) {
    Kamailio kamailio;
    if (!kamailio.start("")) GTEST_SKIP() << "kamailio is not installed or does not start: " << kamailio.process.log();
    ASSERT_NO_FATAL_FAILURE(attested_call(kamailio, ipc::DigestAlgorithm::md5));
}

TEST(Kamailio, CancelReachesTheCalleeAndTheDialEndsQuietly) {
    Kamailio kamailio;
    if (!kamailio.start("")) GTEST_SKIP() << "kamailio is not installed or does not start: " << kamailio.process.log();
    HostProcess alice, bob;
    ASSERT_NO_FATAL_FAILURE(kamailio.join(alice, "alice", ipc::DigestAlgorithm::md5));
    ASSERT_NO_FATAL_FAILURE(kamailio.join(bob, "bob", ipc::DigestAlgorithm::md5));
    ipc::PlaceCall dial;
    dial.call = CallId{1};
    dial.uri = BoundedString<256>("sip:bob@example.com");
    alice.send(dial);
    ipc::IncomingAdmitted admitted;
    admitted.handle = bob.expect<ipc::IncomingInvite>().handle;
    admitted.session = SessionId{2};
    bob.send(admitted);
    alice.expect<ipc::LegAttesting>();
    alice.send(ipc::EndCall{.call = CallId{1}});
    EXPECT_EQ(bob.expect<ipc::LegEnded>().why, ipc::LegEndWhy::cancelled);
    alice.expect_silence(std::chrono::milliseconds(200));
}

}  // namespace
}  // namespace sealcall::testing
