// What a callee that is not ours could try: a plain OpenSSL client against our caller.
#include <gtest/gtest.h>
#include <openssl/err.h>

#include "enclave/tls/frame.h"
#include "enclave/tls/provider.h"
#include "tests/unit/tls/phones.h"

namespace sealcall::tls::test {
namespace {

/// A TLS client without any of our rules, speaking INFO bodies.
class ForeignClient {
  public:
    ForeignClient() : context_(SSL_CTX_new(TLS_method())) { SSL_CTX_set_verify(context(), SSL_VERIFY_NONE, nullptr); }
    SSL_CTX* context() { return context_.get(); }
    SSL* ssl() { return ssl_.get(); }

    void show(Phone& phone) {
        ASSERT_EQ(SSL_CTX_use_certificate(context(), phone.certificate.get()), 1);
        ASSERT_EQ(SSL_CTX_use_PrivateKey(context(), phone.key.get()), 1);
    }
    void start() {
        ssl_.reset(SSL_new(context()));
        in_ = BIO_new(BIO_s_mem());
        out_ = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(in_, -1);
        SSL_set_bio(ssl_.get(), in_, out_);
        SSL_set_connect_state(ssl_.get());
    }
    bool step() {
        ERR_clear_error();
        return SSL_do_handshake(ssl_.get()) == 1;
    }
    void flush_to(Channel& peer) {
        std::array<std::byte, kTlsBytesPerBody> chunk{};
        size_t size = 0;
        while (BIO_ctrl_pending(out_) > 0 && BIO_read_ex(out_, chunk.data(), chunk.size(), &size) == 1)
            last = peer.feed(encode_info_body(sequence_++, ByteSpan(chunk).first(size)));
        if (last) last = peer.advance();
    }
    void take_from(Channel& peer) {
        size_t written = 0;
        for (const Bytes& body : peer.take_output())
            ASSERT_EQ(BIO_write_ex(in_, body.data() + kInfoHeader, body.size() - kInfoHeader, &written), 1);
    }
    void run(Channel& peer) {
        start();
        for (int i = 0; i < 4; ++i) {
            (void)step();
            flush_to(peer);
            take_from(peer);
        }
    }
    Status last;  ///< what the peer's advance said

  private:
    SslCtxPtr context_;
    SslPtr ssl_;
    BIO *in_ = nullptr, *out_ = nullptr;
    uint32_t sequence_ = 0;
};

struct Scene {
    Authority ca;
    Phone alice{ca, {"alice"}}, bob{ca, {"bob", "URI:sip:bob@corp.example"}};
    std::unique_ptr<Channel> caller = std::move(*Channel::create(alice.config(rats::Role::caller, ca)));
    ForeignClient client;
};

TEST(ForeignClient, WithAGoodCertificateGetsIn) {  // so the refusals below are for their reasons
    Scene s;
    s.client.show(s.bob);
    s.client.run(*s.caller);
    EXPECT_EQ(s.caller->state(), ChannelState::open);
}

TEST(ForeignClient, ReflectingOurOwnCertificateIsRefused) {
    Scene s;
    s.client.show(s.alice);
    s.client.run(*s.caller);
    ASSERT_FALSE(s.client.last);
    EXPECT_EQ(s.client.last.error().code, Errc::reflected);
    EXPECT_EQ(s.alice.asked, 0);
}

TEST(ForeignClient, WithoutACertificateIsRefused) {
    Scene s;
    s.client.run(*s.caller);
    ASSERT_FALSE(s.client.last);
    EXPECT_EQ(s.client.last.error().code, Errc::handshake_failed);
    EXPECT_EQ(s.client.last.error().detail, 116u);
}

TEST(ForeignClient, WithAnRsaCertificateIsRefused) {
    Scene s;
    Phone rsa(s.ca, {"rsa"}, EvpPkeyPtr(EVP_RSA_gen(2048)));
    s.client.show(rsa);
    s.client.run(*s.caller);
    ASSERT_FALSE(s.client.last);
    EXPECT_EQ(s.alice.asked, 0);
    EXPECT_EQ(s.caller->state(), ChannelState::failed);
}

TEST(ForeignClient, WithSomeoneElsesCertificateAndNotItsKeyIsRefused) {
    Scene s;
    Phone mallory(s.ca, {"mallory"});
    s.client.show(mallory);
    // The certificate of bob, mallory's signature: as if the key had been checked by nobody.
    auto key = std::move(
        *SigningKey::create(*s.bob.certificate, [&](const Digest& d) { return software_sign(mallory.key.get(), d); }));
    ASSERT_EQ(SSL_CTX_use_certificate(s.client.context(), s.bob.certificate.get()), 1);
    ASSERT_EQ(SSL_CTX_use_PrivateKey(s.client.context(), key->pkey()), 1);
    s.client.run(*s.caller);
    ASSERT_FALSE(s.client.last);
    EXPECT_EQ(s.client.last.error().code, Errc::handshake_failed);
    EXPECT_EQ(s.client.last.error().detail, 51u);
    s.client = ForeignClient();  // before the key that its context refers to
}

TEST(ForeignClient, OfTls12IsRefused) {
    Scene s;
    SSL_CTX_set_max_proto_version(s.client.context(), TLS1_2_VERSION);
    s.client.show(s.bob);
    s.client.run(*s.caller);
    ASSERT_FALSE(s.client.last);
    EXPECT_EQ(s.alice.signatures, 0);
}

TEST(ForeignClient, GetsNoTicketAndCannotResume) {
    Scene s;
    int tickets = 0;
    SSL_CTX_set_app_data(s.client.context(), &tickets);
    SSL_CTX_set_session_cache_mode(s.client.context(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(s.client.context(), [](SSL* ssl, SSL_SESSION*) {
        ++*static_cast<int*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
        return 0;
    });
    s.client.show(s.bob);
    s.client.run(*s.caller);
    ASSERT_EQ(s.caller->state(), ChannelState::open);
    ASSERT_TRUE(s.caller->send(rats::FrameType::hello, Bytes(5)));
    s.client.take_from(*s.caller);
    std::array<std::byte, 100> plain{};
    size_t size = 0;
    ASSERT_EQ(SSL_read_ex(s.client.ssl(), plain.data(), plain.size(), &size), 1);
    EXPECT_EQ(size, 9u);
    EXPECT_EQ(tickets, 0);
    EXPECT_EQ(SSL_SESSION_is_resumable(SSL_get0_session(s.client.ssl())), 0);
}

TEST(ForeignClient, ThatAsksForAnotherGroupGetsAHelloRetryAndIn) {
    Scene s;
    ASSERT_EQ(SSL_CTX_set1_groups_list(s.client.context(), "P-384:P-256"), 1);
    s.client.show(s.bob);
    s.client.run(*s.caller);
    EXPECT_EQ(s.caller->state(), ChannelState::open);
}

TEST(ForeignClient, WithAWeakGroupOnlyIsRefused) {
    Scene s;
    ASSERT_EQ(SSL_CTX_set1_groups_list(s.client.context(), "P-384"), 1);
    s.client.show(s.bob);
    s.client.run(*s.caller);
    EXPECT_FALSE(s.client.last);
    EXPECT_EQ(s.alice.signatures, 0);
}

TEST(ForeignClient, ThatSendsAHugeCertificateChainIsRefused) {
    Scene s;
    s.client.show(s.bob);
    for (int i = 0; i < 40; ++i) {
        X509* extra = X509_dup(s.ca.certificate.get());
        ASSERT_EQ(SSL_CTX_add_extra_chain_cert(s.client.context(), extra), 1);
    }
    s.client.run(*s.caller);
    EXPECT_FALSE(s.client.last);
    EXPECT_EQ(s.alice.asked, 0);
}

}  // namespace
}  // namespace sealcall::tls::test
