// Keys end: after the handshake the master secret is gone, and with the Identity the private key.
#include <gtest/gtest.h>
#include <openssl/core_names.h>

#include "enclave/dtls/identity.h"
#include "tests/unit/dtls/ordinary_phone.h"
#include "tests/unit/dtls/pair.h"
#include "tests/unit/tls/memory.h"

namespace sealcall::dtls::test {
namespace {

using tls::test::Needle;

Needle private_scalar(const Identity& identity) {
    BIGNUM* d = nullptr;
    CHECK(EVP_PKEY_get_bn_param(static_cast<const SoftwareIdentity&>(identity).key(), OSSL_PKEY_PARAM_PRIV_KEY, &d) ==
          1);
    Secret<32> bytes;
    CHECK(BN_bn2binpad(d, as_u8(bytes.reveal(SecretAccess{}).data()), 32) == 32);
    BN_clear_free(d);
    return Needle(bytes.reveal(SecretAccess{}));
}

TEST(Wipe, TheSearchFindsWhatIsThere) {
    if (!tls::test::kSearchable) GTEST_SKIP() << "not under a sanitizer";
    const auto identity = std::move(*Identity::create());
    EXPECT_GE(private_scalar(*identity).reversed().count(), 1u);
    Bytes here(32);
    tls::random_bytes(here);
    EXPECT_EQ(Needle(here).count(), 1u);
}

TEST(Wipe, ThePrivateKeyGoesWithItsIdentityThoughTheEndpointLives) {
    if (!tls::test::kSearchable) GTEST_SKIP() << "not under a sanitizer";
    Pair p;
    const Needle scalar = private_scalar(*p.bob);
    p.run();
    ASSERT_TRUE(p.client->finished());
    EXPECT_GE(scalar.reversed().count(), 1u);
    p.bob.reset();
    EXPECT_EQ(scalar.count(), 0u);
    EXPECT_EQ(scalar.reversed().count(), 0u);
    // The endpoint still answers for its last flight.
    EXPECT_TRUE(p.client->handle_datagram(Bytes(30, std::byte{22}), BootClock::now()));
    EXPECT_TRUE(p.client->media_confirm_value());
}

TEST(Wipe, TheMasterSecretIsGoneWhenTheHandshakeIsOver) {
    if (!tls::test::kSearchable) GTEST_SKIP() << "not under a sanitizer";
    const auto identity = std::move(*Identity::create());
    OrdinaryPhone phone(tls::EvpPkeyPtr(EVP_EC_gen("P-256")));
    auto endpoint = std::move(*Endpoint::create(*identity, false, phone.fingerprint()));
    ASSERT_TRUE(phone.run(*endpoint, true));
    ASSERT_TRUE(endpoint->finished());
    Secret<48> master;
    const auto bytes = master.reveal(SecretAccess{});
    SSL_SESSION* session = SSL_get_session(phone.ssl());
    ASSERT_EQ(SSL_SESSION_get_master_key(session, as_u8(bytes.data()), bytes.size()), bytes.size());
    const Needle needle(bytes);
    EXPECT_EQ(needle.count(), 2u);  // here and in the phone; not in the endpoint
    master.clear();
    const std::array<unsigned char, 48> zeros{};
    ASSERT_EQ(SSL_SESSION_set1_master_key(session, zeros.data(), zeros.size()), 1);
    EXPECT_EQ(needle.count(), 0u);
}

TEST(Wipe, TakenMediaKeysAndCallSecretAreHeldByTheTakerOnly) {
    if (!tls::test::kSearchable) GTEST_SKIP() << "not under a sanitizer";
    Pair p;
    p.run();
    p.server.reset();  // it holds the same keys
    auto keys = std::move(*p.client->take_media_keys());
    auto secret = std::move(*p.client->take_call_secret());
    const Needle key(keys.send_key.reveal(SecretAccess{})), call(secret.reveal(SecretAccess{}));
    EXPECT_EQ(key.count(), 1u);
    EXPECT_EQ(call.count(), 1u);
    keys.send_key.clear();
    secret.clear();
    EXPECT_EQ(key.count(), 0u);
    EXPECT_EQ(call.count(), 0u);
}

}  // namespace
}  // namespace sealcall::dtls::test
