// Hold wipes the media keys: nothing of a context is left in memory when it is destroyed.
#include <gtest/gtest.h>

#include "enclave/srtp/media.h"
#include "enclave/tls/openssl.h"
#include "tests/unit/srtp/keys.h"
#include "tests/unit/srtp/reference.h"
#include "tests/unit/tls/memory.h"

namespace sealcall::srtp::test {
namespace {

using tls::test::Needle;

MediaKeys random_keys(SrtpProfile profile) {
    MediaKeys k;
    k.profile = profile;
    tls::random_bytes(k.send_key.reveal(SecretAccess{}));
    tls::random_bytes(k.receive_key.reveal(SecretAccess{}));
    tls::random_bytes(k.send_salt.reveal(SecretAccess{}));
    tls::random_bytes(k.receive_salt.reveal(SecretAccess{}));
    return k;
}

TEST(Wipe, NothingOfAContextIsLeft) {
    if (!tls::test::kSearchable) GTEST_SKIP() << "not under a sanitizer";
    for (const auto profile : {SrtpProfile::aead_aes_128_gcm, SrtpProfile::aes128_cm_sha1_80}) {
        auto keys = random_keys(profile);
        std::vector<Needle> needles;
        for (const auto& [key, salt] :
             {std::pair{&keys.send_key, &keys.send_salt}, {&keys.receive_key, &keys.receive_salt}}) {
            const auto k = key->reveal(SecretAccess{});
            Bytes master_salt = open(*salt);
            needles.emplace_back(k);
            if (profile == SrtpProfile::aead_aes_128_gcm) {
                master_salt[12] = master_salt[13] = std::byte{0};
                needles.emplace_back(ByteSpan(master_salt).first(12));
            } else {
                needles.emplace_back(master_salt);
            }
            Bytes session = session_key(k, master_salt, 0, 16);
            needles.emplace_back(session);
            wipe(session.data(), session.size());
            wipe(master_salt.data(), master_salt.size());
        }
        auto media = std::move(*Media::create(std::move(keys), 111));
        ASSERT_TRUE(media->send(Bytes(80), 0, BootClock::now()));
        (void)media->receive(Bytes(80, std::byte{0x80}), BootClock::now());
        // The cipher needs its session key: the search sees it while the context lives.
        EXPECT_GE(needles[2].count(), 1u);
        media.reset();
        for (size_t i = 0; i < needles.size(); ++i) EXPECT_EQ(needles[i].count(), 0u) << i;
    }
}

TEST(Wipe, DerivingAContextLeavesNoCopyOfTheCallSecret) {
    if (!tls::test::kSearchable) GTEST_SKIP() << "not under a sanitizer";
    Secret<32> secret;
    tls::random_bytes(secret.reveal(SecretAccess{}));
    const Needle needle(secret.reveal(SecretAccess{}));
    auto keys =
        derive_context(secret, 1, rats::Role::caller, {std::byte{1}}, {std::byte{2}}, SrtpProfile::aead_aes_128_gcm);
    ASSERT_TRUE(keys);
    const Needle derived(keys->send_key.reveal(SecretAccess{}));
    EXPECT_EQ(needle.count(), 1u);
    EXPECT_EQ(derived.count(), 1u);
    secret.clear();
    EXPECT_EQ(needle.count(), 0u);
}

}  // namespace
}  // namespace sealcall::srtp::test
