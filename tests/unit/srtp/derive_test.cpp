#include <gtest/gtest.h>
#include <openssl/hmac.h>

#include <map>
#include <random>
#include <set>

#include "tests/unit/srtp/keys.h"

namespace sealcall::srtp::test {
namespace {

using Fresh = std::array<std::byte, 16>;
constexpr auto kGcm = SrtpProfile::aead_aes_128_gcm, kCm = SrtpProfile::aes128_cm_sha1_80;

Fresh fresh(uint8_t seed) {
    Fresh f{};
    for (size_t i = 0; i < f.size(); ++i) f[i] = static_cast<std::byte>(seed * 17 + i);
    return f;
}

Secret<32> call_secret(uint8_t seed = 3) {
    Secret<32> s;
    fill(s, seed);
    return s;
}

TEST(DeriveContext, BothRolesAgreeCrosswise) {
    for (const auto profile : {kGcm, kCm}) {
        const auto secret = call_secret();
        auto caller = std::move(*derive_context(secret, 1, rats::Role::caller, fresh(1), fresh(2), profile));
        auto callee = std::move(*derive_context(secret, 1, rats::Role::callee, fresh(1), fresh(2), profile));
        EXPECT_EQ(caller.profile, profile);
        EXPECT_TRUE(caller.send_key == callee.receive_key && caller.receive_key == callee.send_key);
        EXPECT_TRUE(caller.send_salt == callee.receive_salt && caller.receive_salt == callee.send_salt);
        auto a = std::move(*SrtpSession::create(std::move(caller), 1));
        auto b = std::move(*SrtpSession::create(std::move(callee), 2));
        Bytes packet = *protect(*a, rtp_packet(1, 1));
        EXPECT_TRUE(b->unprotect_rtp(packet));
    }
}

TEST(DeriveContext, NoTwoInputsGiveAnEqualKey) {
    // Every way in which two contexts can differ, one at a time and all together; each key and salt may appear once
    // only.
    std::set<Bytes> seen;
    size_t made = 0;
    for (const uint8_t secret_seed : std::initializer_list<uint8_t>{3, 4})
        for (const uint32_t context : {1u, 2u, 3u, 256u, 0x01000000u, UINT32_MAX})
            for (const uint8_t caller : std::initializer_list<uint8_t>{1, 2, 3})
                for (const uint8_t callee : std::initializer_list<uint8_t>{11, 12})
                    for (const auto profile : {kGcm, kCm}) {
                        const auto secret = call_secret(secret_seed);
                        const auto k =
                            derive_context(secret, context, rats::Role::caller, fresh(caller), fresh(callee), profile);
                        ASSERT_TRUE(k);
                        for (const Bytes& value :
                             {open(k->send_key), open(k->receive_key), open(k->send_salt), open(k->receive_salt)}) {
                            EXPECT_TRUE(seen.insert(value).second);
                            ++made;
                        }
                    }
    EXPECT_EQ(made, seen.size());
    EXPECT_EQ(made, 2u * 6 * 3 * 2 * 2 * 4);
}

TEST(DeriveContext, SwappingTheFreshValuesIsAnotherContext) {
    const auto secret = call_secret();
    const auto a = derive_context(secret, 1, rats::Role::caller, fresh(1), fresh(2), kGcm);
    const auto b = derive_context(secret, 1, rats::Role::caller, fresh(2), fresh(1), kGcm);
    EXPECT_FALSE(a->send_key == b->send_key);
    EXPECT_FALSE(a->send_key == b->receive_key);
}

TEST(DeriveContext, RandomContextsNeverShareAKey) {
    std::mt19937 random(11);
    std::set<Bytes> seen;
    for (int i = 0; i < 2000; ++i) {
        Fresh x{}, y{};
        for (std::byte& b : x) b = static_cast<std::byte>(random());
        for (std::byte& b : y) b = static_cast<std::byte>(random());
        const auto secret = call_secret();
        const auto k = derive_context(secret, static_cast<uint32_t>(1 + random() % 5), rats::Role::callee, x, y, kGcm);
        EXPECT_TRUE(seen.insert(open(k->send_key)).second);
        EXPECT_TRUE(seen.insert(open(k->receive_key)).second);
    }
}

TEST(DeriveContext, KeyStreamsOfContextsAndDirectionsShareNothing) {
    // The same plaintext, sequence numbers and SSRC in every context: the worst case. Blocks of key stream must all
    // differ.
    for (const auto profile : {kGcm, kCm}) {
        std::map<Bytes, std::string> blocks;
        for (uint32_t context = 1; context <= 8; ++context)
            for (const auto role : {rats::Role::caller, rats::Role::callee}) {
                const auto secret = call_secret();
                auto k =
                    derive_context(secret, context, role, fresh(static_cast<uint8_t>(context)), fresh(99), profile);
                auto session = std::move(*SrtpSession::create(std::move(*k), 7));
                for (uint16_t sequence = 0; sequence < 20; ++sequence) {
                    const Bytes plain = rtp_packet(sequence, 7, 64), sent = *protect(*session, plain);
                    for (size_t at = 12; at < 12 + 64; at += 16) {
                        Bytes stream(16);
                        for (size_t i = 0; i < 16; ++i) stream[i] = sent[at + i] ^ plain[at + i];
                        const auto name = std::to_string(context) + "/" + std::to_string(static_cast<int>(role)) + "/" +
                                          std::to_string(sequence) + "/" + std::to_string(at);
                        const auto [other, is_new] = blocks.emplace(stream, name);
                        ASSERT_TRUE(is_new) << name << " repeats " << other->second;
                    }
                }
            }
    }
}

TEST(DeriveContext, EqualsHkdfByHand) {
    // RFC 5869 with HMAC alone: extract, then one expand step (30 bytes fit into one SHA-256).
    const auto hmac = [](ByteSpan key, ByteSpan data) {
        Bytes out(32);
        unsigned n = 0;
        HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), as_u8(data.data()), data.size(), as_u8(out.data()),
             &n);
        return out;
    };
    ByteWriter salt;
    salt.bytes(fresh(1)).bytes(fresh(2));
    const auto secret = call_secret();
    const Bytes prk = hmac(salt.view(), open(secret));
    ByteWriter info;
    info.bytes(as_bytes("sealcall media context")).u32(5).u16(7).u8(1).u8(1);  // from the callee; T(1)
    const Bytes okm = hmac(prk, info.view());
    const auto k = derive_context(secret, 5, rats::Role::callee, fresh(1), fresh(2), kGcm);
    EXPECT_TRUE(equal_bytes(open(k->send_key), ByteSpan(okm).first(16)));
    EXPECT_TRUE(equal_bytes(open(k->send_salt), ByteSpan(okm).subspan(16, 14)));
}

TEST(DeriveContext, RefusesContextZeroNoProfileAndAnEcho) {
    const auto secret = call_secret();
    EXPECT_EQ(derive_context(secret, 0, rats::Role::caller, fresh(1), fresh(2), kGcm).error().code, Errc::bad_value);
    EXPECT_EQ(derive_context(secret, 1, rats::Role::caller, fresh(1), fresh(2), SrtpProfile::none).error().code,
              Errc::bad_value);
    EXPECT_EQ(derive_context(secret, 1, rats::Role::caller, fresh(1), fresh(1), kGcm).error().code,
              Errc::replayed_packet);
}

}  // namespace
}  // namespace sealcall::srtp::test
