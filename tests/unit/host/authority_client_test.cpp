// What the host does for passports: it carries bytes to the right authority and back, in time, and to nobody else.
#include "attestation/certificates.h"
#include "tests/unit/host/sip_peer.h"

namespace sealcall::testing {
namespace {

using namespace std::chrono_literals;

/// An authority with a service of its own, as a scripted peer.
struct Service {
    attestation::PkeyPtr root_key = attestation::make_software_key().value();
    attestation::Validity validity{.not_before_ms = 0, .not_after_ms = 4'000'000'000'000};
    Bytes root = attestation::make_authority_root(root_key.get(), "Example Corp", validity).value();
    SipPeer peer;
    HostProcess host;

    enum class As : uint8_t { service, phone };
    void present(As as, const std::string& address) {
        const auto key = attestation::make_software_key().value();
        const attestation::Authority issuer{.key = root_key.get(), .certificate = root};
        const Bytes spki = attestation::public_key_der(key.get()).value();
        const attestation::HostNames names{.dns = {}, .addresses = {address}, .uris = {}};
        const auto der = as == As::service ? attestation::issue_service_certificate(issuer, spki, names, validity)
                                           : attestation::issue_host_certificate(issuer, spki, names, validity);
        const auto text = [](const Bytes& pem) { return std::string(as_chars(pem)); };
        peer.use({.certificate = text(attestation::certificate_to_pem(*der).value()),
                  .key = text(attestation::key_to_pem(key.get()).value())});
    }
    void start(As as = As::service, const std::string& address = "127.0.0.1") {
        present(as, address);
        auto config = HostProcess::default_config("sip:alice@example.com");
        config.authority_host = BoundedString<128>("127.0.0.1");
        config.authority_port = peer.port();
        config.authority_root = rats::CertificateDer(root);
        ASSERT_TRUE(host.start(config).ok);
    }
    void ask(const std::vector<std::string>& pieces, uint16_t round = 3, uint32_t session = 7) {
        for (const auto& piece : pieces)
            host.send(ipc::AskPassport{.session = SessionId{session},
                                       .round = round,
                                       .last = false,
                                       .bytes = body_of<rats::kVerifierLogPart>(piece)});
        host.send(ipc::AskPassport{.session = SessionId{session}, .round = round, .last = true, .bytes = {}});
        host.flush();
    }
    static std::string answer(int status, const std::string& body) {
        return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\nContent-Type: application/octet-stream\r\n\r\n" + body;
    }
    void expect_none(uint16_t status = 0) {
        const auto reply = host.expect<ipc::PassportReply>();
        EXPECT_EQ(reply.status, status);
        EXPECT_TRUE(reply.body.empty());
    }
};

TEST(AuthorityClient, CarriesAllPiecesThereAndTheAnswerBack) {
    Service s;
    s.start();
    const std::string piece(rats::kVerifierLogPart, 'x');
    s.ask({"begin", piece, piece, "end"});
    ASSERT_TRUE(s.peer.accept());
    const auto request = s.peer.read();
    EXPECT_EQ(request.first_line(), "POST /v1/passports HTTP/1.1");
    EXPECT_EQ(request.header("Content-Type"), "application/octet-stream");
    EXPECT_EQ(request.body(), "begin" + piece + piece + "end");
    s.peer.write(Service::answer(200, std::string("the\0answer", 10)));
    const auto reply = s.host.expect<ipc::PassportReply>();
    EXPECT_EQ(reply.session, SessionId{7});
    EXPECT_EQ(reply.round, 3);
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(as_chars(reply.body.view()), std::string_view("the\0answer", 10));
}

TEST(AuthorityClient, TakesALogOfTwoMegabytesAlong) {
    Service s;
    s.start();
    const std::string piece(rats::kVerifierLogPart, 'y');
    s.ask(std::vector<std::string>(44, piece));
    ASSERT_TRUE(s.peer.accept());
    EXPECT_EQ(s.peer.read().body().size(), 44 * piece.size());
    s.peer.write(Service::answer(200, "x"));
    EXPECT_EQ(s.host.expect<ipc::PassportReply>().status, 200);
}

TEST(AuthorityClient, SaysThatItWasRefused) {
    Service s;
    s.start();
    s.ask({"x"});
    ASSERT_TRUE(s.peer.accept());
    (void)s.peer.read();
    s.peer.write(Service::answer(403, "{\"error\":\"revoked\"}"));
    s.expect_none(403);
}

TEST(AuthorityClient, IsNoOtherAuthoritysClient) {
    Service s, other;
    other.start();
    auto config = HostProcess::default_config("sip:alice@example.com");
    config.authority_host = BoundedString<128>("127.0.0.1");
    config.authority_port = other.peer.port();
    config.authority_root = rats::CertificateDer(s.root);  // of the same name
    ASSERT_TRUE(s.host.start(config).ok);
    s.ask({"evidence"});
    (void)other.peer.accept();
    EXPECT_TRUE(other.peer.read(300ms).empty()) << "not a byte of Evidence";
    s.expect_none();
}

TEST(AuthorityClient, TakesNoPhoneForItsAuthority) {
    Service s;
    s.start(Service::As::phone);  // the same root, the right address, and not its purpose
    s.ask({"evidence"});
    (void)s.peer.accept();
    EXPECT_TRUE(s.peer.read(300ms).empty());
    s.expect_none();
}

TEST(AuthorityClient, LooksAtTheAddressInTheCertificate) {
    Service s;
    s.start(Service::As::service, "127.0.0.2");
    s.ask({"evidence"});
    (void)s.peer.accept();
    EXPECT_TRUE(s.peer.read(300ms).empty());
    s.expect_none();
}

TEST(AuthorityClient, WaitsThreeSecondsAndNoLonger) {
    Service s;
    s.start();
    const auto begun = std::chrono::steady_clock::now();
    s.ask({"x"});
    ASSERT_TRUE(s.peer.accept());
    (void)s.peer.read();
    s.peer.write("HTTP/1.1 200 OK\r\nContent-Len");  // and then nothing
    s.expect_none();
    EXPECT_GE(std::chrono::steady_clock::now() - begun, 2900ms);
}

TEST(AuthorityClient, ReadsNoAnswerWithoutAnEndOrTooLong) {
    const std::vector<std::string> answers = {
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        Service::answer(200, std::string(20'000, 'x')),
        Service::answer(200, std::string(513, 'x')),
        "HTTP/1.1 200 OK\r\n\r\nno length",
        std::string(20'000, 'y'),
        "\r\n\r\n",
        "SIP/2.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx",
    };
    for (const auto& text : answers) {
        auto s = std::make_unique<Service>();
        s->start();
        s->ask({"x"});
        ASSERT_TRUE(s->peer.accept());
        (void)s->peer.read();
        s->peer.write(text);
        const auto reply = s->host.expect<ipc::PassportReply>();
        EXPECT_TRUE(reply.body.empty()) << text.substr(0, 60);
        EXPECT_TRUE(s->host.running());
    }
}

TEST(AuthorityClient, NobodyThereIsSaidAtOnce) {
    Service s;
    auto config = HostProcess::default_config("sip:alice@example.com");
    config.authority_host = BoundedString<128>("127.0.0.1");
    config.authority_port = 1;
    config.authority_root = rats::CertificateDer(s.root);
    ASSERT_TRUE(s.host.start(config).ok);
    s.ask({"x"});
    s.expect_none();
}

TEST(AuthorityClient, WithoutAnAuthorityNothingIsAsked) {
    Service s;
    ASSERT_TRUE(s.host.start(HostProcess::default_config("sip:alice@example.com")).ok);
    s.ask({"x"});
    s.expect_none();
}

TEST(AuthorityClient, TwoSessionsAtOnceGetTheirOwnAnswers) {
    Service s;
    s.start();
    s.ask({"one"}, 0, 1);
    ASSERT_TRUE(s.peer.accept());
    EXPECT_EQ(s.peer.read().body(), "one");
    s.ask({"two"}, 5, 2);
    s.peer.write(Service::answer(200, "first"));
    const auto first = s.host.expect<ipc::PassportReply>();
    EXPECT_EQ(first.session, SessionId{1});
    EXPECT_EQ(as_chars(first.body.view()), "first");
    ASSERT_TRUE(s.peer.accept());
    EXPECT_EQ(s.peer.read().body(), "two");
    s.peer.write(Service::answer(200, "second"));
    const auto second = s.host.expect<ipc::PassportReply>();
    EXPECT_EQ(second.round, 5);
    EXPECT_EQ(as_chars(second.body.view()), "second");
}

}  // namespace
}  // namespace sealcall::testing
