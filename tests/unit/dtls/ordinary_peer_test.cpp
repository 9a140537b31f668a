// What ordinary phones bring along: RSA certificates, another profile, no extended master secret; by a plain OpenSSL
// peer.
#include "tests/unit/dtls/ordinary_phone.h"

#include <gtest/gtest.h>
#include <openssl/rsa.h>

namespace sealcall::dtls::test {
namespace {

tls::EvpPkeyPtr rsa() { return tls::EvpPkeyPtr(EVP_RSA_gen(2048)); }
tls::EvpPkeyPtr ec() { return tls::EvpPkeyPtr(EVP_EC_gen("P-256")); }

TEST(OrdinaryPhone, WithRsaWorksInBothRoles) {
    for (const bool phone_is_client : {true, false}) {
        const auto identity = std::move(*Identity::create());
        OrdinaryPhone phone(rsa());
        auto endpoint = std::move(*Endpoint::create(*identity, !phone_is_client, phone.fingerprint()));
        const auto status = phone.run(*endpoint, phone_is_client);
        ASSERT_TRUE(status) << status.error().what << " " << status.error().detail;
        ASSERT_TRUE(endpoint->finished()) << phone_is_client;
        auto keys = std::move(*endpoint->take_media_keys());
        EXPECT_EQ(keys.profile, SrtpProfile::aes128_cm_sha1_80);
        // RFC 5764, 4.2, by the other implementation: client key, server key, client salt, server salt.
        std::array<unsigned char, 60> block{};
        ASSERT_EQ(SSL_export_keying_material(phone.ssl(), block.data(), block.size(), "EXTRACTOR-dtls_srtp", 19,
                                             nullptr, 0, 0),
                  1);
        const auto all = std::as_bytes(std::span(block));
        const size_t ours = phone_is_client ? 1 : 0;
        EXPECT_TRUE(keys.send_key == *Secret<16>::from(all.subspan(16 * ours, 16)));
        EXPECT_TRUE(keys.receive_key == *Secret<16>::from(all.subspan(16 * (1 - ours), 16)));
        EXPECT_TRUE(keys.send_salt == *Secret<14>::from(all.subspan(32 + 14 * ours, 14)));
        EXPECT_TRUE(keys.receive_salt == *Secret<14>::from(all.subspan(32 + 14 * (1 - ours), 14)));
    }
}

TEST(OrdinaryPhone, GcmIsPreferredWhenBothAreOffered) {
    const auto identity = std::move(*Identity::create());
    OrdinaryPhone phone(ec(), "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM");
    auto endpoint = std::move(*Endpoint::create(*identity, false, phone.fingerprint()));
    ASSERT_TRUE(phone.run(*endpoint, true));
    EXPECT_EQ(endpoint->take_media_keys()->profile, SrtpProfile::aead_aes_128_gcm);
}

TEST(OrdinaryPhone, WithoutSrtpIsRefused) {
    for (const bool phone_is_client : {true, false}) {
        const auto identity = std::move(*Identity::create());
        OrdinaryPhone phone(ec(), nullptr);
        auto endpoint = std::move(*Endpoint::create(*identity, !phone_is_client, phone.fingerprint()));
        EXPECT_EQ(phone.run(*endpoint, phone_is_client).error().code, Errc::handshake_failed);
        EXPECT_FALSE(endpoint->finished());
        EXPECT_EQ(endpoint->take_media_keys().error().code, Errc::wrong_state);
    }
}

TEST(OrdinaryPhone, WithAProfileThatWeDoNotHaveIsRefused) {
    const auto identity = std::move(*Identity::create());
    OrdinaryPhone phone(ec(), "SRTP_AES128_CM_SHA1_32");
    auto endpoint = std::move(*Endpoint::create(*identity, false, phone.fingerprint()));
    EXPECT_FALSE(phone.run(*endpoint, true));
}

TEST(OrdinaryPhone, WithoutExtendedMasterSecretHasMediaButCannotConfirm) {
    const auto identity = std::move(*Identity::create());
    OrdinaryPhone phone(ec());
    SSL_CTX_set_options(phone.context(), SSL_OP_NO_EXTENDED_MASTER_SECRET);
    auto endpoint = std::move(*Endpoint::create(*identity, false, phone.fingerprint()));
    ASSERT_TRUE(phone.run(*endpoint, true));
    ASSERT_TRUE(endpoint->finished());
    EXPECT_TRUE(endpoint->take_media_keys());
    EXPECT_EQ(endpoint->media_confirm_value().error().code, Errc::handshake_failed);
}

TEST(OrdinaryPhone, OfDtls10IsRefused) {
    const auto identity = std::move(*Identity::create());
    OrdinaryPhone phone(ec());
    SSL_CTX_set_security_level(phone.context(), 0);
    SSL_CTX_set_min_proto_version(phone.context(), DTLS1_VERSION);
    SSL_CTX_set_max_proto_version(phone.context(), DTLS1_VERSION);
    SSL_CTX_set_cipher_list(phone.context(), "ALL");
    auto endpoint = std::move(*Endpoint::create(*identity, false, phone.fingerprint()));
    EXPECT_FALSE(phone.run(*endpoint, true));
    EXPECT_FALSE(endpoint->finished());
}

TEST(OrdinaryPhone, ClosingIsSeen) {
    const auto identity = std::move(*Identity::create());
    OrdinaryPhone phone(ec());
    auto endpoint = std::move(*Endpoint::create(*identity, false, phone.fingerprint()));
    ASSERT_TRUE(phone.run(*endpoint, true));
    ASSERT_TRUE(endpoint->finished());
    EXPECT_FALSE(endpoint->closed_by_peer());
    SSL_shutdown(phone.ssl());
    for (const Bytes& d : phone.take_output()) ASSERT_TRUE(endpoint->handle_datagram(d, BootClock::now()));
    EXPECT_TRUE(endpoint->closed_by_peer());
    EXPECT_EQ(endpoint->handle_datagram(Bytes(20, std::byte{22}), BootClock::now()).error().code, Errc::closed);
}

TEST(OrdinaryPhone, CannotRenegotiate) {
    const auto identity = std::move(*Identity::create());
    OrdinaryPhone phone(ec());
    auto endpoint = std::move(*Endpoint::create(*identity, false, phone.fingerprint()));
    ASSERT_TRUE(phone.run(*endpoint, true));
    ASSERT_TRUE(endpoint->take_call_secret());
    ASSERT_TRUE(endpoint->take_media_keys());
    SSL_renegotiate(phone.ssl());
    (void)SSL_do_handshake(phone.ssl());
    for (const Bytes& d : phone.take_output()) (void)endpoint->handle_datagram(d, BootClock::now());
    EXPECT_EQ(endpoint->take_call_secret().error().code, Errc::wrong_state);  // no second set of keys
    EXPECT_EQ(endpoint->take_media_keys().error().code, Errc::wrong_state);
}

}  // namespace
}  // namespace sealcall::dtls::test
