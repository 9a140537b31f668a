#include "enclave/dtls/endpoint.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/dtls/pair.h"

namespace sealcall::dtls::test {
namespace {

template <size_t N>
Bytes open(const Secret<N>& secret) {
    return to_bytes(secret.reveal(SecretAccess{}));
}

void expect_agreement(Pair& p) {
    ASSERT_TRUE(p.client->finished());
    ASSERT_TRUE(p.server->finished());
    EXPECT_EQ(p.client->media_confirm_value().value(), p.server->media_confirm_value().value());
    auto c = std::move(*p.client->take_media_keys()), s = std::move(*p.server->take_media_keys());
    EXPECT_EQ(c.profile, SrtpProfile::aead_aes_128_gcm);
    EXPECT_EQ(c.profile, s.profile);
    EXPECT_TRUE(c.send_key == s.receive_key && c.receive_key == s.send_key);
    EXPECT_TRUE(c.send_salt == s.receive_salt && c.receive_salt == s.send_salt);
    EXPECT_FALSE(c.send_key == c.receive_key);
    EXPECT_FALSE(c.send_salt == c.receive_salt);
    auto cs = std::move(*p.client->take_call_secret()), ss = std::move(*p.server->take_call_secret());
    EXPECT_TRUE(cs == ss);
    // All that comes out is different from all else, and nothing is zero.
    const std::set<Bytes> values{open(c.send_key), open(c.receive_key),
                                 open(cs),         Bytes(16),
                                 Bytes(32),        to_bytes(p.client->media_confirm_value().value())};
    EXPECT_EQ(values.size(), 6u);
    EXPECT_EQ(p.client->take_media_keys().error().code, Errc::wrong_state);
    EXPECT_EQ(p.client->take_call_secret().error().code, Errc::wrong_state);
}

TEST(Endpoint, HandshakeGivesBothSidesTheSameKeysCrosswise) {
    Pair p;
    p.run();
    expect_agreement(p);
    EXPECT_FALSE(p.client->next_deadline().has_value());
    EXPECT_FALSE(p.server->next_deadline().has_value());
}

TEST(Endpoint, NothingComesOutBeforeTheEnd) {
    Pair p;
    ASSERT_TRUE(p.client->start(BootClock::now()));
    EXPECT_EQ(p.client->take_media_keys().error().code, Errc::wrong_state);
    EXPECT_EQ(p.client->take_call_secret().error().code, Errc::wrong_state);
    EXPECT_EQ(p.client->media_confirm_value().error().code, Errc::wrong_state);
    EXPECT_TRUE(p.client->next_deadline().has_value());
    EXPECT_EQ(p.server->start(BootClock::now()).error().code, Errc::wrong_state);
}

TEST(Endpoint, EachCallHasAnotherIdentityWithoutANameAndOtherKeys) {
    Pair a, b;
    EXPECT_NE(a.alice->fingerprint(), b.alice->fingerprint());
    a.run();
    b.run();
    EXPECT_FALSE(a.client->take_media_keys()->send_key == b.client->take_media_keys()->send_key);
}

TEST(Endpoint, TheWrongFingerprintFailsOnEitherSide) {
    for (const bool client_is_wrong : {true, false}) {
        Pair p;
        const auto stranger = std::move(*Identity::create());
        if (client_is_wrong)
            p.client = std::move(*Endpoint::create(*stranger, true, p.alice->fingerprint()));
        else
            p.server = std::move(*Endpoint::create(*stranger, false, p.bob->fingerprint()));
        p.run();
        EXPECT_FALSE(p.client->finished());
        EXPECT_FALSE(p.server->finished());
        const Status& strict = client_is_wrong ? p.server_status : p.client_status;
        ASSERT_FALSE(strict);
        EXPECT_EQ(strict.error().code, Errc::wrong_name);
        Endpoint& failed = client_is_wrong ? *p.server : *p.client;
        EXPECT_EQ(failed.handle_datagram(Bytes(20, std::byte{22}), BootClock::now()).error().code, Errc::wrong_name);
        EXPECT_EQ(failed.take_media_keys().error().code, Errc::wrong_state);
        EXPECT_FALSE(failed.next_deadline().has_value());
        Pair::carry(*p.client, *p.server, p.server_status, [](auto d) { return d; });
        const Status& told = client_is_wrong ? p.client_status : p.server_status;
        ASSERT_FALSE(told);
        EXPECT_EQ(told.error().code, Errc::handshake_failed);
        EXPECT_EQ(told.error().detail, 40u);  // the same alert as for any other refusal
    }
}

TEST(Endpoint, OurOwnFingerprintIsRefused) {
    const auto self = std::move(*Identity::create());
    EXPECT_EQ(Endpoint::create(*self, true, self->fingerprint()).error().code, Errc::reflected);
}

TEST(Endpoint, DuplicatesAndReorderingDoNotMatter) {
    for (unsigned seed = 1; seed <= 10; ++seed) {
        std::mt19937 random(seed);
        Pair p;
        p.run([&](std::vector<Bytes> flight) {
            std::vector<Bytes> out;
            for (const Bytes& d : flight) out.insert(out.end(), 2, d);
            std::ranges::shuffle(out, random);
            return out;
        });
        expect_agreement(p);
    }
}

TEST(Endpoint, AThirdOfAllDatagramsMayBeLost) {
    for (unsigned seed = 1; seed <= 6; ++seed) {
        std::mt19937 random(seed);
        Pair p;
        p.run([&](std::vector<Bytes> flight) {
            std::erase_if(flight, [&](const Bytes&) { return random() % 3 == 0; });
            return flight;
        });
        ASSERT_TRUE(p.client->finished() && p.server->finished()) << "seed " << seed;
        expect_agreement(p);
    }
}

TEST(Endpoint, TheLastFlightIsSentAgainEvenAfterTheKeysWereTaken) {
    Pair p;
    // The server finishes first and its last flight is lost: the client asks again by its own timer.
    bool lose = true;
    ASSERT_TRUE(p.client->start(BootClock::now()));
    const auto give_up = BootClock::now() + Millis(5000);
    while (!p.client->finished() && BootClock::now() < give_up) {
        Pair::carry(*p.client, *p.server, p.server_status, [](auto d) { return d; });
        if (p.server->finished() && lose) {
            ASSERT_TRUE(p.server->take_media_keys());
            ASSERT_TRUE(p.server->take_call_secret());
            EXPECT_FALSE(p.server->take_output().empty());
            lose = false;
        }
        Pair::carry(*p.server, *p.client, p.client_status, [](auto d) { return d; });
        ASSERT_TRUE(p.client->handle_timeout(BootClock::now()));
        std::this_thread::sleep_for(Millis(2));
    }
    EXPECT_FALSE(lose);
    EXPECT_TRUE(p.client->finished());
}

TEST(Endpoint, GarbageBetweenTheDatagramsIsDropped) {
    std::mt19937 random(7);
    Pair p;
    p.run([&](std::vector<Bytes> flight) {
        std::vector<Bytes> out{{}, Bytes(1), Bytes(1500, std::byte{22}), Bytes(5000, std::byte{22})};
        for (const Bytes& d : flight) {
            for (const unsigned first : {0u, 19u, 20u, 21u, 22u, 23u, 25u, 63u, 64u, 128u, 255u}) {
                Bytes junk(random() % 200 + 1);
                for (std::byte& b : junk) b = static_cast<std::byte>(random());
                junk[0] = static_cast<std::byte>(first);
                if (junk.size() > 2) junk[1] = std::byte{1};  // no DTLS version: not a record
                out.push_back(std::move(junk));
            }
            out.push_back(d);
        }
        return out;
    });
    expect_agreement(p);
}

TEST(Endpoint, ATruncatedOrFlippedDatagramOnlyCostsTime) {
    // Encrypted records only: before there are keys, anybody on the path can spoil a DTLS 1.2 handshake.
    Pair p;
    p.run();
    const auto out = p.client->take_output();
    ASSERT_TRUE(p.server->finished());
    for (size_t cut = 0; cut < 40; ++cut) {
        Bytes record{
            std::byte{23}, std::byte{254}, std::byte{253}, {}, std::byte{1}, {}, {}, {}, {}, {}, std::byte{9}, {},
            std::byte{30}};
        record.resize(13 + 30, std::byte{0x77});
        record.resize(record.size() - cut);
        EXPECT_TRUE(p.server->handle_datagram(record, BootClock::now()));
    }
    EXPECT_FALSE(p.server->closed_by_peer());
    EXPECT_TRUE(p.server->media_confirm_value());
}

TEST(Endpoint, GivesUpOnASilentPeerInTheEnd) {
    Pair p;
    const auto start = BootClock::now();
    ASSERT_TRUE(p.client->start(start));
    int flights = 0;
    BootInstant last = start;
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(p.client->next_deadline().has_value());
        ASSERT_TRUE(p.client->handle_timeout(BootClock::now()));  // early: nothing happens
        flights += p.client->take_output().empty() ? 0 : 1;
        std::this_thread::sleep_until(std::chrono::steady_clock::now() +
                                      (*p.client->next_deadline() - BootClock::now()) + Millis(2));
        last = BootClock::now();
        ASSERT_TRUE(p.client->handle_timeout(last));
    }
    EXPECT_GE(flights, 3);
    // 100 + 200 + 400 ms: the timer doubles.
    EXPECT_GE(last - start, Millis(650));
    EXPECT_LT(last - start, Millis(3000));
}

TEST(Endpoint, HandshakeTakesMilliseconds) {
    std::vector<int64_t> us;
    for (int i = 0; i < 21; ++i) {
        Pair p;
        const auto start = BootClock::now();
        p.client_status = p.client->start(start);
        while (!(p.client->finished() && p.server->finished())) {
            Pair::carry(*p.client, *p.server, p.server_status, [](auto d) { return d; });
            Pair::carry(*p.server, *p.client, p.client_status, [](auto d) { return d; });
            ASSERT_LT(BootClock::now() - start, Millis(5000));
        }
        us.push_back((BootClock::now() - start).count());
    }
    std::ranges::sort(us);
    std::printf("DTLS handshake: median %lld us\n", static_cast<long long>(us[10]));
    EXPECT_LT(us[10], 200'000);
}

}  // namespace
}  // namespace sealcall::dtls::test
