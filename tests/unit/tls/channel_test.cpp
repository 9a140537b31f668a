#include <gtest/gtest.h>

#include <chrono>

#include "enclave/tls/frame.h"
#include "tests/unit/tls/phones.h"

namespace sealcall::tls::test {
namespace {

Bytes text(std::string_view s) { return to_bytes(as_bytes(s)); }

void deliver(Channel& from, Channel& to) {
    for (const Bytes& body : from.take_output()) ASSERT_TRUE(to.feed(body));
}

TEST(Channel, ConnectsAndAgreesOnBindingAndExporters) {
    Pair p;
    p.connect();
    ASSERT_EQ(p.caller->state(), ChannelState::open);
    ASSERT_EQ(p.callee->state(), ChannelState::open);
    EXPECT_EQ(p.caller->channel_binding(), p.callee->channel_binding());
    EXPECT_NE(p.caller->channel_binding(), Digest{});
    EXPECT_EQ(p.caller->export_key("EXPORTER-x", text("1")).value(),
              p.callee->export_key("EXPORTER-x", text("1")).value());
    EXPECT_NE(p.caller->export_key("EXPORTER-x", text("1")).value(),
              p.callee->export_key("EXPORTER-x", text("2")).value());
    EXPECT_EQ(p.caller->export_key(rats::kChannelBindingLabel, {}).value(), p.caller->channel_binding());
    EXPECT_EQ(p.caller->peer().uri, "sip:bob@corp.example");
    EXPECT_EQ(p.callee->peer().uri, "sip:alice@corp.example");
    EXPECT_EQ(p.callee->peer().spki, spki_of(p.alice.key.get()));
    EXPECT_EQ(p.alice.signatures, 1);
    EXPECT_EQ(p.bob.signatures, 1);
    EXPECT_EQ(p.alice.asked, 1);
    EXPECT_EQ(p.bob.asked, 1);
}

TEST(Channel, BindingDiffersBetweenConnections) {
    Pair a, b;
    a.connect();
    b.connect();
    EXPECT_NE(a.caller->channel_binding(), b.caller->channel_binding());
}

TEST(Channel, HandshakeNeedsFewAndSmallBodies) {
    Pair p;
    p.create();
    size_t bodies = 0, bytes = 0;
    pump(*p.caller, *p.callee, &bodies, &bytes);
    ASSERT_EQ(p.callee->state(), ChannelState::open);
    EXPECT_EQ(bodies, 3u);  // ClientHello; the caller's flight; the callee's flight
    EXPECT_LT(bytes, 4096u);
    RecordProperty("handshake_bytes", static_cast<int>(bytes));
}

TEST(Channel, CarriesFramesOfEveryTypeAndSizeBothWays) {
    Pair p;
    p.connect();
    p.caller->lift_limit();
    p.callee->lift_limit();
    for (const auto& [from, to] : {std::pair{p.caller.get(), p.callee.get()}, {p.callee.get(), p.caller.get()}})
        for (size_t size : {size_t{0}, size_t{1}, size_t{6140}, rats::kFrameMax}) {
            const Bytes body(size, std::byte{0x5a});
            for (auto type : {rats::FrameType::hello, rats::FrameType::evidence, rats::FrameType::reattest})
                ASSERT_TRUE(from->send(type, body));
            pump(*p.caller, *p.callee);
            const auto got = to->receive();
            ASSERT_TRUE(got);
            ASSERT_EQ(got->size(), 3u);
            EXPECT_EQ((*got)[1].type, rats::FrameType::evidence);
            EXPECT_EQ((*got)[1].body, body);
        }
    EXPECT_EQ(p.caller->send(rats::FrameType::hello, Bytes(rats::kFrameMax + 1)).error().code, Errc::too_large);
    EXPECT_EQ(p.caller->state(), ChannelState::open);
}

TEST(Channel, CallerSendsNothingBeforeItHasVerifiedTheCallee) {
    Pair p;
    p.create();
    deliver(*p.callee, *p.caller);
    ASSERT_TRUE(p.caller->advance());
    EXPECT_EQ(p.caller->state(), ChannelState::handshaking);
    EXPECT_EQ(p.caller->send(rats::FrameType::hello, text("x")).error().code, Errc::wrong_state);
    EXPECT_EQ(p.caller->export_key("EXPORTER-x", {}).error().code, Errc::wrong_state);
}

/// Runs a call of `caller` to a callee that trusts `trusted`; the callee must refuse with `code`, having signed
/// nothing.
void expect_callee_refuses(Phone& caller, const Authority& callers_trust, Phone& callee, const Authority& trusted,
                           Errc code) {
    auto server = Channel::create(caller.config(rats::Role::caller, callers_trust));
    auto client = Channel::create(callee.config(rats::Role::callee, trusted));
    ASSERT_TRUE(server);
    ASSERT_TRUE(client);
    for (const Bytes& body : (*client)->take_output()) ASSERT_TRUE((*server)->feed(body));
    (void)(*server)->advance();
    for (const Bytes& body : (*server)->take_output()) ASSERT_TRUE((*client)->feed(body));
    const Status result = (*client)->advance();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, code) << result.error().what;
    EXPECT_EQ((*client)->state(), ChannelState::failed);
    EXPECT_EQ(callee.signatures, 0);
    // What goes out is one alert, far too small for a certificate.
    size_t bytes = 0;
    for (const Bytes& body : (*client)->take_output()) {
        bytes += body.size();
        if ((*server)->feed(body)) (void)(*server)->advance();
    }
    EXPECT_LT(bytes, 64u);
    EXPECT_NE((*server)->state(), ChannelState::open);
    EXPECT_EQ(caller.asked, 0);  // the caller never saw who it was
    // It stays that way.
    EXPECT_EQ((*client)->feed(encode_info_body(9, text("x"))).error().code, code);
    EXPECT_EQ((*client)->advance().error().code, code);
    EXPECT_EQ((*client)->receive().error().code, code);
}

TEST(Channel, CalleeShowsAndSignsNothingForAnUntrustedCaller) {
    Authority ours, theirs;
    Phone mallory(theirs, {"mallory"}), bob(ours, {"bob"});
    expect_callee_refuses(mallory, ours, bob, ours, Errc::untrusted_certificate);
    EXPECT_EQ(bob.asked, 0);
}

TEST(Channel, CalleeShowsAndSignsNothingForARefusedCaller) {
    Authority ca;
    Phone mallory(ca, {"mallory"}), bob(ca, {"bob"});
    bob.accepts = false;
    expect_callee_refuses(mallory, ca, bob, ca, Errc::refused_by_policy);
    EXPECT_EQ(bob.asked, 1);
}

TEST(Channel, RefusesAnExpiredCertificate) {
    Authority ca;
    CertificateWish wish;
    wish.until_s = -1;
    Phone alice(ca, wish), bob(ca, {"bob"});
    expect_callee_refuses(alice, ca, bob, ca, Errc::untrusted_certificate);
}

TEST(Channel, RefusesACertificateOfTheFuture) {
    Authority ca;
    CertificateWish wish;
    wish.from_s = 60;
    Phone alice(ca, wish), bob(ca, {"bob"});
    expect_callee_refuses(alice, ca, bob, ca, Errc::untrusted_certificate);
}

TEST(Channel, RefusesACertificateWithoutASipName) {
    Authority ca;
    Phone nameless(ca, {"nameless", nullptr}), host(ca, {"host", "DNS:corp.example"}), bob(ca, {"bob"});
    expect_callee_refuses(nameless, ca, bob, ca, Errc::wrong_name);
    expect_callee_refuses(host, ca, bob, ca, Errc::wrong_name);
}

TEST(Channel, RefusesACertificateThatIsAnAuthority) {
    Authority ca;
    Phone alice(ca,
                {"alice", "URI:sip:alice@corp.example", "critical,CA:TRUE", "critical,digitalSignature,keyCertSign"});
    Phone bob(ca, {"bob"});
    expect_callee_refuses(alice, ca, bob, ca, Errc::bad_certificate);
}

TEST(Channel, RefusesItsOwnKeyAsPeer) {
    Authority ca;
    Phone bob(ca, {"bob"});
    Phone echo(ca, {"bob"});
    EVP_PKEY_up_ref(bob.key.get());
    echo.key.reset(bob.key.get());
    echo.certificate = certify(echo.key.get(), {"bob"}, ca.key.get(), ca.certificate.get());
    expect_callee_refuses(echo, ca, bob, ca, Errc::reflected);
    EXPECT_EQ(bob.asked, 0);
}

TEST(Channel, CallerRefusesAnUntrustedCallee) {
    Authority ours, theirs;
    Phone alice(ours, {"alice"}), mallory(theirs, {"mallory"});
    auto caller = Channel::create(alice.config(rats::Role::caller, ours));
    auto callee = Channel::create(mallory.config(rats::Role::callee, ours));
    for (const Bytes& body : (*callee)->take_output()) ASSERT_TRUE((*caller)->feed(body));
    ASSERT_TRUE((*caller)->advance());
    for (const Bytes& body : (*caller)->take_output()) ASSERT_TRUE((*callee)->feed(body));
    ASSERT_TRUE((*callee)->advance());
    ASSERT_EQ((*callee)->state(), ChannelState::open);  // TLS 1.3: the client learns later
    for (const Bytes& body : (*callee)->take_output()) ASSERT_TRUE((*caller)->feed(body));
    EXPECT_EQ((*caller)->advance().error().code, Errc::untrusted_certificate);
    EXPECT_EQ(alice.asked, 0);
    for (const Bytes& body : (*caller)->take_output()) ASSERT_TRUE((*callee)->feed(body));
    const auto got = (*callee)->receive();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Errc::handshake_failed);
    EXPECT_EQ(got.error().detail, 40u);
    EXPECT_STREQ(got.error().what, "peer refused the handshake");
    EXPECT_EQ((*callee)->state(), ChannelState::failed);
}

TEST(Channel, EveryRefusalLooksTheSameFromOutside) {
    std::vector<std::string> seen;
    const auto run = [&](const CertificateWish& wish, bool accepts, bool trusted) {
        Authority ours, theirs;
        Phone alice(trusted ? ours : theirs, wish), bob(ours, {"bob"});
        bob.accepts = accepts;
        auto caller = Channel::create(alice.config(rats::Role::caller, ours));
        auto callee = Channel::create(bob.config(rats::Role::callee, ours));
        pump(**caller, **callee);
        seen.emplace_back((*caller)->advance().error().what);
    };
    CertificateWish plain, nameless, expired;
    nameless.san = nullptr;
    expired.until_s = -1;
    run(plain, false, true);
    run(plain, true, false);
    run(nameless, true, true);
    run(expired, true, true);
    EXPECT_EQ(seen, std::vector<std::string>(4, "peer refused the handshake"));
}

TEST(Channel, CannotBeMadeWithAnRsaCertificateOrAForeignKey) {
    Authority ca;
    Phone rsa(ca, {"rsa"}, EvpPkeyPtr(EVP_RSA_gen(2048)));
    EXPECT_EQ(Channel::create(rsa.config(rats::Role::caller, ca)).error().code, Errc::bad_key);
    Phone p384(ca, {"p384"}, EvpPkeyPtr(EVP_EC_gen("P-384")));
    EXPECT_EQ(Channel::create(p384.config(rats::Role::callee, ca)).error().code, Errc::bad_key);
    Phone alice(ca, {"alice"});
    auto config = alice.config(rats::Role::callee, ca);
    config.own_spki[0] ^= std::byte{1};
    EXPECT_EQ(Channel::create(std::move(config)).error().code, Errc::bad_key);
    config = alice.config(rats::Role::callee, ca);
    config.certificate = rats::CertificateDer(text("not a certificate"));
    EXPECT_EQ(Channel::create(std::move(config)).error().code, Errc::bad_certificate);
    EXPECT_EQ(alice.signatures, 0);
}

TEST(Channel, AFailingSignerComesBackAsItsOwnError) {
    for (const bool caller_fails : {true, false}) {
        Pair p;
        const Error refused{Errc::tpm_policy_refused, "TPM2_Sign", 0x99d};
        (caller_fails ? p.alice : p.bob).signer_fails = refused;
        p.create();
        pump(*p.caller, *p.callee);
        Channel& failing = caller_fails ? *p.caller : *p.callee;
        Channel& other = caller_fails ? *p.callee : *p.caller;
        EXPECT_EQ(failing.state(), ChannelState::failed);
        EXPECT_EQ(failing.advance().error(), refused);
        EXPECT_STREQ(failing.advance().error().what, "TPM2_Sign");
        EXPECT_NE(other.state(), ChannelState::open);
    }
}

TEST(Channel, AWrongSignatureIsRefusedByThePeer) {
    Pair p;
    p.create();
    auto config = p.alice.config(rats::Role::caller, p.ca);
    const EvpPkeyPtr other = p256();
    config.sign = [&](const Digest& digest) { return software_sign(other.get(), digest); };
    p.caller = std::move(*Channel::create(std::move(config)));
    pump(*p.caller, *p.callee);
    EXPECT_EQ(p.callee->state(), ChannelState::failed);
    EXPECT_EQ(p.callee->advance().error().code, Errc::handshake_failed);
    EXPECT_EQ(p.bob.signatures, 0);  // only the holder of the certified key gets to see who we are
}

TEST(Channel, DropsDuplicatesAndEndsAtAGap) {
    Pair p;
    p.connect();
    ASSERT_TRUE(p.caller->send(rats::FrameType::hello, text("one")));
    const auto first = p.caller->take_output();
    ASSERT_EQ(first.size(), 1u);
    const size_t before = p.callee->bytes_received();
    ASSERT_TRUE(p.callee->feed(first[0]));
    ASSERT_TRUE(p.callee->feed(first[0]));
    Bytes forged = first[0];
    forged.back() ^= std::byte{1};
    ASSERT_TRUE(p.callee->feed(forged));  // old number: its bytes are not even read
    EXPECT_EQ(p.callee->bytes_received(), before + first[0].size() - 4);
    ASSERT_EQ(p.callee->receive()->size(), 1u);
    ASSERT_TRUE(p.caller->send(rats::FrameType::hello, text("two")));
    (void)p.caller->take_output();
    ASSERT_TRUE(p.caller->send(rats::FrameType::hello, text("three")));
    const auto third = p.caller->take_output();
    EXPECT_EQ(p.callee->feed(third[0]).error().code, Errc::bad_value);
    EXPECT_EQ(p.callee->state(), ChannelState::failed);
}

TEST(Channel, ATamperedByteEndsItWhereverItIs) {
    constexpr size_t kRecord = 4, kLength = kRecord + 3;
    for (size_t where = kRecord; where < kRecord + 30; ++where) {
        Pair p;
        p.connect();
        ASSERT_TRUE(p.caller->send(rats::FrameType::hello, text("a frame of some length")));
        auto bodies = p.caller->take_output();
        bodies[0][where] ^= std::byte{0x40};
        ASSERT_TRUE(p.callee->feed(bodies[0]));
        auto got = p.callee->receive();
        if (where == kLength ||
            where == kLength + 1) {  // a longer record: it waits for the rest, which does not decrypt
            ASSERT_TRUE(got && got->empty());
            ASSERT_TRUE(p.caller->send(rats::FrameType::hello, Bytes(20000)));
            for (const Bytes& body : p.caller->take_output()) ASSERT_TRUE(p.callee->feed(body));
            got = p.callee->receive();
        }
        ASSERT_FALSE(got) << where;
        EXPECT_EQ(got.error().code, Errc::handshake_failed);
        EXPECT_EQ(p.callee->state(), ChannelState::failed);
    }
}

TEST(Channel, ATamperedHandshakeNeverOpens) {
    for (size_t flight = 0; flight < 3; ++flight)
        for (size_t step = 0; step < 40; ++step) {
            Pair p;
            p.create();
            std::array<Channel*, 2> side{p.callee.get(), p.caller.get()};
            for (size_t i = 0; i < 3; ++i)
                for (Bytes body : side[i % 2]->take_output()) {
                    if (i == flight) body[4 + step * (body.size() - 4) / 40] ^= std::byte{0x10};
                    if (side[(i + 1) % 2]->feed(body)) (void)side[(i + 1) % 2]->advance();
                }
            pump(*p.caller, *p.callee);
            const bool both = p.caller->state() == ChannelState::open && p.callee->state() == ChannelState::open;
            EXPECT_FALSE(both) << "flight " << flight << " step " << step;
            EXPECT_NE(p.caller->state(), ChannelState::open);  // the caller opens last
        }
}

TEST(Channel, RefusesBodiesThatAreTooShortOrTooLong) {
    Pair p;
    p.create();
    EXPECT_EQ(p.caller->feed({}).error().code, Errc::truncated);
    EXPECT_EQ(p.caller->state(), ChannelState::failed);
    p.create();
    EXPECT_EQ(p.caller->feed(Bytes(4)).error().code, Errc::truncated);
    p.create();
    EXPECT_EQ(p.caller->feed(Bytes(rats::kInfoBodyMax + 1)).error().code, Errc::too_large);
}

TEST(Channel, LimitsBytesBeforeFinished) {
    Pair p;
    p.create();
    uint32_t sequence = 0;
    size_t fed = 0;
    Status status;
    while ((status = p.caller->feed(encode_info_body(sequence++, Bytes(1000, std::byte{22}))))) fed += 1000;
    EXPECT_EQ(status.error().code, Errc::too_large);
    EXPECT_LE(fed, rats::kBytesBeforeFinished);
    EXPECT_GT(fed + 1000, rats::kBytesBeforeFinished);
}

TEST(Channel, LimitsBytesBeforeTheVerdictUntilLifted) {
    for (const bool lift : {false, true}) {
        Pair p;
        p.connect();
        if (lift) p.callee->lift_limit();
        size_t frames = 0;
        bool refused = false;
        for (int i = 0; i < 12 && !refused; ++i) {
            ASSERT_TRUE(p.caller->send(rats::FrameType::evidence, Bytes(rats::kFrameMax)));
            for (const Bytes& body : p.caller->take_output()) refused = refused || !p.callee->feed(body);
            if (!refused) frames += p.callee->receive()->size();
        }
        EXPECT_EQ(refused, !lift);
        EXPECT_EQ(frames, lift ? 12u : 7u);
    }
}

TEST(Channel, WhatIsNotReceivedStaysBoundedEvenWhenLifted) {
    Pair p;
    p.connect();
    p.callee->lift_limit();
    bool refused = false;
    for (int i = 0; i < 12 && !refused; ++i) {
        ASSERT_TRUE(p.caller->send(rats::FrameType::evidence, Bytes(rats::kFrameMax)));
        for (const Bytes& body : p.caller->take_output()) refused = refused || !p.callee->feed(body);
    }
    EXPECT_TRUE(refused);
}

TEST(Channel, AForeignFrameTypeEndsIt) {
    // The sender's own code cannot make one; a patched peer can: cast a number that no enumerator has.
    Pair p;
    p.connect();
    ASSERT_TRUE(p.caller->send(static_cast<rats::FrameType>(200), text("x")));
    pump(*p.caller, *p.callee);
    EXPECT_EQ(p.callee->receive().error().code, Errc::bad_value);
    EXPECT_EQ(p.callee->state(), ChannelState::failed);
}

TEST(Channel, CloseNotifyEndsBothSides) {
    Pair p;
    p.connect();
    ASSERT_TRUE(p.caller->send(rats::FrameType::bye, text("x")));
    p.caller->close();
    EXPECT_EQ(p.caller->state(), ChannelState::closed);
    EXPECT_EQ(p.caller->send(rats::FrameType::bye, {}).error().code, Errc::closed);
    for (const Bytes& body : p.caller->take_output()) ASSERT_TRUE(p.callee->feed(body));
    const auto got = p.callee->receive();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->size(), 1u);
    EXPECT_EQ(p.callee->state(), ChannelState::closed);
    EXPECT_EQ(p.callee->receive().error().code, Errc::closed);
}

TEST(Channel, ARelayThatEndsTlsItselfHasAnotherBinding) {
    // mallory holds a certificate of the same authority and passes frames on between two channels.
    Authority ca;
    Phone alice(ca, {"alice"}), mallory(ca, {"mallory"}), bob(ca, {"bob"});
    auto a = std::move(*Channel::create(alice.config(rats::Role::caller, ca)));
    auto m1 = std::move(*Channel::create(mallory.config(rats::Role::callee, ca)));
    auto m2 = std::move(*Channel::create(mallory.config(rats::Role::caller, ca)));
    auto b = std::move(*Channel::create(bob.config(rats::Role::callee, ca)));
    pump(*a, *m1);
    pump(*m2, *b);
    ASSERT_EQ(a->state(), ChannelState::open);
    ASSERT_EQ(b->state(), ChannelState::open);
    EXPECT_NE(a->channel_binding(), b->channel_binding());
    EXPECT_NE(b->peer().spki, spki_of(alice.key.get()));
}

TEST(Channel, AHandshakeTakesMilliseconds) {
    std::vector<double> ms;
    for (int i = 0; i < 21; ++i) {
        Pair p;
        p.create();
        const auto start = std::chrono::steady_clock::now();
        pump(*p.caller, *p.callee);
        ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
        ASSERT_EQ(p.caller->state(), ChannelState::open);
    }
    std::ranges::sort(ms);
    RecordProperty("handshake_us", static_cast<int>(ms[10] * 1000));
    std::printf("handshake with software keys: median %.2f ms\n", ms[10]);
    EXPECT_LT(ms[10], 200.0);
}

}  // namespace
}  // namespace sealcall::tls::test
