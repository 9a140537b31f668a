// baresip 1.0 as it comes from Debian, headless, DTLS-SRTP, direct TLS.
#include "tests/interop/host_foreign_process.h"
#include "tests/unit/host/host_process.h"

namespace sealcall::testing {
namespace {

/// sip_listen of baresip takes UDP and TCP at its port, and TLS at the next one.
struct Baresip {
    ForeignProcess process;
    uint16_t port = ForeignProcess::free_port();

    bool start(const std::string& extra_modules, const std::string& account) {
        const LabCertificate c = lab().issue("baresip", "IP:127.0.0.1,DNS:localhost");
        const std::string dir = process.dir().string();
        process.write_file("cert.pem", c.key + c.certificate);
        process.write_file("ca.pem", lab().certificate());
        process.write_file("config", "poll_method epoll\nsip_listen 127.0.0.1:" + std::to_string(port) +
                                         "\nsip_certificate " + dir + "/cert.pem\nsip_cafile " + dir + "/ca.pem\n" +
                                         "audio_player aufile," + dir + "/out.wav\naudio_source ausine,440\n" +
                                         "audio_alert aufile," + dir +
                                         "/alert.wav\nmodule_path /usr/lib/baresip/modules\n" +
                                         "module opus.so\nmodule ausine.so\nmodule aufile.so\nmodule dtls_srtp.so\n" +
                                         extra_modules + "module_app account.so\nmodule_app menu.so\n");
        process.write_file("accounts",
                           "<sip:bob@127.0.0.1;transport=tls>;regint=0;answermode=auto;mediaenc=dtls_srtp;"
                           "audio_codecs=opus/48000/2" +
                               account + "\n");
        process.write_file("contacts", "");
        if (!process.start("baresip", {"-f", dir, "-v"})) return false;
        return ForeignProcess::wait_tcp(static_cast<uint16_t>(port + 1));
    }
    [[nodiscard]] std::string uri() const { return "sip:bob@127.0.0.1:" + std::to_string(port + 1) + ";transport=tls"; }
};

ipc::PlaceCall call_to(const Baresip& b, ipc::CallKind kind) {
    ipc::PlaceCall m;
    m.call = CallId{1};
    m.kind = kind;
    m.uri = BoundedString<256>(b.uri());
    m.fingerprint = digest_of(0xca);
    return m;
}

void falls_back_and_connects(Baresip& baresip) {
    HostProcess host;
    ASSERT_TRUE(host.start(HostProcess::default_config("sip:alice@127.0.0.1")).ok);
    host.send(call_to(baresip, ipc::CallKind::attested));
    EXPECT_EQ(host.expect<ipc::LegOrdinary>().why, ipc::OrdinaryWhy::bad_extension) << baresip.process.log();
    host.send(call_to(baresip, ipc::CallKind::ordinary));
    auto answered = host.find<ipc::OrdinaryAnswered>();
    EXPECT_NE(answered.sdp_fingerprint, Digest{}) << baresip.process.log();
    host.send(ipc::LegAdmitted{.call = CallId{1}, .leg = answered.leg, .session = SessionId{4}});
    host.expect<ipc::MediaPathReady>();
    if (answered.peer_is_dtls_client) {
        // Its ClientHello: handshake record, message type 1 (RFC 6347 4.1, 4.2.2).
        auto hello = host.expect<ipc::Datagram>();
        ASSERT_GT(hello.bytes.size(), 14u);
        EXPECT_EQ(hello.bytes.view()[0], std::byte{22});
        EXPECT_EQ(hello.bytes.view()[13], std::byte{1});
    }
    host.send(ipc::EndLeg{.session = SessionId{4}});
    host.send(call_to(baresip, ipc::CallKind::ordinary));
    host.find<ipc::OrdinaryAnswered>();  // it took the BYE and is free again
}

TEST(Baresip, RefusesAttestationWith420AndTakesTheOrdinaryCallWithoutIce) {
    Baresip baresip;
    if (!baresip.start("", "")) GTEST_SKIP() << "baresip is not installed or does not start: " << baresip.process.log();
    ASSERT_NO_FATAL_FAILURE(falls_back_and_connects(baresip));
}

TEST(Baresip, ConnectsByIceWhenItHasIce) {
    Baresip baresip;
    if (!baresip.start("rtcp_mux yes\nmodule ice.so\n", ";medianat=ice"))
        GTEST_SKIP() << "baresip is not installed or does not start: " << baresip.process.log();
    ASSERT_NO_FATAL_FAILURE(falls_back_and_connects(baresip));
}

}  // namespace
}  // namespace sealcall::testing
