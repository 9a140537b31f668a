#include "host/sip/digest.h"

#include <gtest/gtest.h>

namespace sealcall::host {
namespace {

ReRef<sip_msg> response(int status, const std::string& headers) {
    const std::string s = "SIP/2.0 " + std::to_string(status) +
                          " X\r\nVia: SIP/2.0/TLS h;branch=z9hG4bKa\r\nTo: <sip:a@b>\r\nFrom: <sip:a@b>;tag=1\r\n"
                          "Call-ID: 1\r\nCSeq: 1 REGISTER\r\n" +
                          headers + "Content-Length: 0\r\n\r\n";
    ReRef<mbuf> mb(mbuf_alloc(s.size()));
    (void)mbuf_write_mem(mb.get(), reinterpret_cast<const uint8_t*>(s.data()), s.size());
    mbuf_set_pos(mb.get(), 0);
    ReRef<sip_msg> m;
    (void)sip_msg_decode(m.out(), mb.get());
    return m;
}

TEST(Digest, PrefersSha256) {
    auto m =
        response(401,
                 "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5, qop=\"auth\"\r\n"
                 "WWW-Authenticate: Digest realm=\"r\", nonce=\"n2\", algorithm=SHA-256, qop=\"auth,auth-int\"\r\n");
    auto c = choose_challenge(*m.get());
    ASSERT_TRUE(c.has_value());
    EXPECT_EQ(c->algorithm, ipc::DigestAlgorithm::sha256);
    EXPECT_EQ(c->nonce, "n2");
    EXPECT_TRUE(c->qop_auth);
    EXPECT_FALSE(c->proxy);
}

TEST(Digest, RefusesWhatItCannotAnswerOrQuote) {
    for (const char* bad :
         {"WWW-Authenticate: Basic realm=\"r\"\r\n",
          "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess\r\n",
          "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"\r\n",
          "WWW-Authenticate: Digest realm=\"r\"\r\n", "", "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n"}) {
        auto m = response(401, bad);
        ASSERT_TRUE(m);
        EXPECT_FALSE(choose_challenge(*m.get()).has_value()) << bad;
    }
    auto longer = response(401, "WWW-Authenticate: Digest realm=\"r\", nonce=\"" + std::string(300, 'n') + "\"\r\n");
    EXPECT_FALSE(choose_challenge(*longer.get()).has_value());
}

TEST(Digest, WritesTheHeader) {
    Challenge c{.proxy = true,
                .algorithm = ipc::DigestAlgorithm::sha256,
                .realm = "r",
                .nonce = "n",
                .opaque = "o",
                .qop_auth = true};
    ipc::DigestResponse r;
    r.username = BoundedString<128>("alice");
    r.cnonce = BoundedString<64>("aa");
    r.response = BoundedString<64>("bb");
    EXPECT_EQ(
        authorization_header(c, "sip:x", r),
        "Proxy-Authorization: Digest username=\"alice\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", response=\"bb\", "
        "algorithm=SHA-256, opaque=\"o\", cnonce=\"aa\", qop=auth, nc=00000001\r\n");
}

TEST(Digest, NobodyWaitsForAnEnclaveThatIsGone) {
    size_t asked = 0, nulls = 0;
    DigestBroker broker([&](const ipc::DigestChallenge&) { ++asked; });
    const auto answer = [&](const ipc::DigestResponse* r) { nulls += r == nullptr ? 1 : 0; };
    broker.ask(Challenge{}, "REGISTER", "sip:a", answer);
    EXPECT_EQ(nulls, 0u);
    broker.close();
    EXPECT_EQ(nulls, 1u);
    broker.ask(Challenge{}, "REGISTER", "sip:a", answer);
    EXPECT_EQ(nulls, 2u);
    EXPECT_EQ(asked, 1u);
}

TEST(Digest, BoundsOpenQuestionsAndForgetsAnsweredOnes) {
    std::vector<ipc::DigestChallenge> asked;
    DigestBroker broker([&asked](const ipc::DigestChallenge& m) { asked.push_back(m); });
    int refused = 0, answered = 0;
    for (int i = 0; i < 40; ++i)
        broker.ask({}, "REGISTER", "sip:x", [&](const ipc::DigestResponse* r) { ++(r ? answered : refused); });
    EXPECT_EQ(asked.size(), 32u);
    EXPECT_EQ(refused, 8);
    ipc::DigestResponse r;
    r.request = asked[0].request;
    r.response = BoundedString<64>("aa");
    broker.answered(r);
    broker.answered(r);
    EXPECT_EQ(answered, 1);
}

}  // namespace
}  // namespace sealcall::host
