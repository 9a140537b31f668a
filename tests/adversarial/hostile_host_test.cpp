// The process that owns the network has been taken over. It sends what it likes; it must not get media, a key, the
// microphone, the screen or the person's word.
#include <gtest/gtest.h>

#include "attestation/binding.h"
#include "tests/support/enclave_phone.h"

namespace sealcall::test {
namespace {

using ipc::CallState;

class HostileHost : public ::testing::Test {
  protected:
    static policy::Policy ask_the_person() {
        policy::Policy p = lab_policy();
        p.answer_automatically = false;
        return p;
    }
    TestAuthority authority_;
    EnclavePhone alice_{authority_, {}};
    EnclavePhone bob_{authority_, {.uri = "sip:bob@example.com", .policy = ask_the_person()}};
    Hosts hosts_{alice_, bob_};

    static bool state_is(const EnclavePhone& p, CallState s) { return p.last_state() && p.last_state()->state == s; }
    void ring() {
        hosts_.dial("sip:bob@example.com");
        ASSERT_TRUE(hosts_.run_until(
            [&] { return state_is(bob_, CallState::ringing) && state_is(alice_, CallState::ringing); }));
    }
    void answer_and_talk() {
        ring();
        ASSERT_TRUE(bob_.ui.send(ipc::Answer{.call = CallId{1}, .microphone = true}).has_value());
        ASSERT_TRUE(
            hosts_.run_until([&] { return state_is(alice_, CallState::media) && state_is(bob_, CallState::media); }));
    }
    /// Sends one message as bob's host and turns: true if the enclave ended the phone for it.
    template <class T>
    bool kills(const T& message) {
        return kills_bytes(ipc::encode_message(message));
    }
    bool kills_bytes(const Bytes& raw) {
        (void)bob_.host.send_bytes(raw);
        for (int i = 0; i < 400 && !bob_.ended(); ++i) {
            bob_.pump();
            usleep(1000);
        }
        return bob_.ended() && bob_.exit_status() == 70 &&
               bob_.audit_text().find("protocol_violation") != std::string::npos;
    }
    static bool any_media(const EnclavePhone& p) {
        return EnclavePhone::count<ipc::OpenStream>(p.from_audio) != 0 ||
               EnclavePhone::count<ipc::PlayFrame>(p.from_audio) != 0;
    }
};

TEST_F(HostileHost, CannotAnswerForThePerson) {
    ring();
    EXPECT_TRUE(kills(ipc::Answer{.call = CallId{1}, .microphone = true}));
    EXPECT_FALSE(any_media(bob_));
}

TEST_F(HostileHost, CannotEnterAPin) {
    ring();
    EXPECT_TRUE(kills(ipc::EnterPin{
        .request = RequestId{1}, .question = RequestId{1}, .pin = ipc::Pin::from(Bytes(64, std::byte{'1'})).value()}));
    EXPECT_FALSE(any_media(bob_));
    EXPECT_EQ(bob_.audit_text().find("\"event\":\"consent\""), std::string::npos);
}

TEST_F(HostileHost, CannotSayThatThePersonConsented) {
    ring();
    EXPECT_TRUE(kills(ipc::PinReply{.request = RequestId{1}, .error = {}, .tries = {}}));
}

TEST_F(HostileHost, CannotLockThePhone) {
    ring();
    EXPECT_TRUE(kills(ipc::LockPhone{}));
}

TEST_F(HostileHost, NeverHearsOfAPin) {
    EnclavePhone carol(authority_, {.uri = "sip:carol@example.com", .vault_pin = "carol's pin 1"});
    EXPECT_EQ(carol.enter_pin("not carol's pin")->error, Errc::tpm_auth_refused);
    EXPECT_EQ(carol.enter_pin("carol's pin 1")->error, Errc{});
    for (int i = 0; i < 50; ++i) carol.pump();
    for (const auto* queue : {&carol.from_host, &carol.from_audio, &carol.from_control})
        for (const Bytes& b : *queue) EXPECT_EQ(as_chars(b).find("carol's pin"), std::string_view::npos);
    EXPECT_EQ(EnclavePhone::count<ipc::PinReply>(carol.from_host), 0u);
    EXPECT_EQ(carol.audit_text().find("carol's pin"), std::string::npos);
}

TEST_F(HostileHost, CannotForgeTheCard) {
    ipc::CallCard card;
    card.call = CallId{1};
    card.theirs.level = rats::Level::trusted_runtime;
    EXPECT_TRUE(kills(card));
    EXPECT_EQ(EnclavePhone::count<ipc::CallCard>(bob_.from_ui), 0u);
}

TEST_F(HostileHost, ItsNamesReachTheScreenOnlyAsHearsay) {
    ring();
    const auto card = bob_.last_card();
    ASSERT_TRUE(card);
    EXPECT_EQ(card->peer_uri.view(), "sip:alice@example.com");  // the certificate's, whatever SIP says
    EXPECT_EQ(card->hearsay_name.view(), "somebody");
    EXPECT_EQ(card->vouched_by.view(), "Example Corp");
}

TEST_F(HostileHost, CannotDialOrHold) {
    EXPECT_TRUE(
        kills(ipc::Dial{.request = RequestId{1}, .uri = BoundedString<256>("sip:eve@example.com"), .label = {}}));
}

TEST_F(HostileHost, CannotAskForKeysOrConfigureTheEnclave) { EXPECT_TRUE(kills(ipc::Provision{})); }

TEST_F(HostileHost, CannotSendWhatOnlyTheEnclaveSays) {
    EXPECT_TRUE(kills(ipc::LegAdmitted{.call = CallId{1}, .leg = 0, .session = SessionId{1}}));
}

TEST_F(HostileHost, CannotFeedTheMicrophoneOrSpeaker) {
    answer_and_talk();
    EXPECT_TRUE(kills(ipc::CapturedFrame{.session = hosts_.b_session, .timestamp = 0, .opus = {}}));
}

TEST_F(HostileHost, AnUnknownMessageEndsIt) { EXPECT_TRUE(kills_bytes(ByteWriter().u16(0x7ffe).u32(0).take())); }

TEST_F(HostileHost, AMessageWithATrailingByteEndsIt) {
    Bytes raw = ipc::encode_message(ipc::LegOrdinary{.call = CallId{1}, .why = ipc::OrdinaryWhy::silence});
    raw.push_back(std::byte{0});
    EXPECT_TRUE(kills_bytes(raw));
}

TEST_F(HostileHost, AnEmptyOrTruncatedMessageEndsIt) { EXPECT_TRUE(kills_bytes(ByteWriter().u8(0).take())); }

TEST_F(HostileHost, AnOverSizeMessageEndsIt) {
    Bytes raw(ipc::max_size<ipc::ChannelIn>() + 3);
    ByteWriter head;
    head.u16(ipc::ChannelIn::kId).u32(1).u16(0xffff);
    std::ranges::copy(head.view(), raw.begin());
    EXPECT_TRUE(kills_bytes(raw));
}

TEST_F(HostileHost, ASessionThatNeverExistedEndsIt) {
    EXPECT_TRUE(kills(ipc::LegAnswered{.session = SessionId{4711}}));
}

TEST_F(HostileHost, ACallThatNeverExistedEndsIt) { EXPECT_TRUE(kills(ipc::OrdinaryRinging{.call = CallId{4711}})); }

TEST_F(HostileHost, AMediaPathBeforeTheDecisionEndsIt) {
    hosts_.dial("sip:bob@example.com");
    ASSERT_TRUE(hosts_.run_until([&] { return hosts_.b_session.value != 0; }));
    EXPECT_TRUE(kills(ipc::MediaPathReady{.session = hosts_.b_session}));
}

TEST_F(HostileHost, TheSameCandidatesTwiceEndIt) {
    answer_and_talk();
    EXPECT_TRUE(kills(ipc::LocalCandidates{.session = hosts_.b_session, .fragment = BoundedString<3072>("a=y\r\n")}));
}

TEST_F(HostileHost, CannotSkipAttestation) {
    // Alice's host claims the 200 before anything was attested.
    hosts_.dial("sip:bob@example.com");
    ASSERT_TRUE(hosts_.run_until([&] { return hosts_.a_session.value != 0; }));
    ASSERT_TRUE(alice_.host.send(ipc::LegAnswered{.session = hosts_.a_session}).has_value());
    ASSERT_TRUE(hosts_.run_until([&] { return state_is(alice_, CallState::ended); }));
    EXPECT_FALSE(any_media(alice_));
    EXPECT_FALSE(any_media(bob_));
}

TEST_F(HostileHost, CannotForceTheOrdinaryPathOnceAForkAttests) {
    hosts_.dial("sip:bob@example.com");
    ASSERT_TRUE(hosts_.run_until([&] { return hosts_.a_session.value != 0; }));
    ASSERT_TRUE(
        alice_.host.send(ipc::LegOrdinary{.call = CallId{1}, .why = ipc::OrdinaryWhy::bad_extension}).has_value());
    (void)hosts_.run_until([&] { return state_is(alice_, CallState::ringing); });
    ASSERT_TRUE(alice_.last_card());
    EXPECT_FALSE(alice_.last_card()->ordinary);
}

TEST_F(HostileHost, CannotForceTheOrdinaryPathForSomebodyWhoAttestedBefore) {
    ring();
    ASSERT_TRUE(alice_.ui.send(ipc::HangUp{.call = CallId{1}}).has_value());
    ASSERT_TRUE(hosts_.run_until([&] { return state_is(alice_, CallState::ended); }));
    hosts_.ordinary = true;
    alice_.from_ui.clear();
    hosts_.dial("sip:bob@example.com");
    ASSERT_TRUE(hosts_.run_until([&] { return state_is(alice_, CallState::ended); }));
    EXPECT_EQ(alice_.last_state()->reason, ipc::EndReason::downgrade);
}

TEST_F(HostileHost, CannotClaimAnotherFingerprint) {
    hosts_.intercept = [&](EnclavePhone& who, Bytes& raw) {
        if (auto m = ipc::decode_message<ipc::PlaceCall>(raw); m && &who == &alice_) {
            m->fingerprint = attestation::sha256(as_bytes("the attacker's certificate"));
            raw = ipc::encode_message(*m);
        }
        return true;
    };
    answer_and_talk();  // the keys come from the channel, so the call is good, and the rewriting is said
    const bool said = std::ranges::any_of(bob_.from_ui, [](const Bytes& b) {
        auto n = ipc::decode_message<ipc::Notice>(b);
        return n && n->kind == ipc::NoticeKind::relay_rewrote_offer;
    });
    EXPECT_TRUE(said);
    EXPECT_NE(bob_.audit_text().find("relay_rewrote_offer"), std::string::npos);
}

TEST_F(HostileHost, APassportOfAnotherCallFailsTheCheck) {
    hosts_.intercept = [&](EnclavePhone&, Bytes& raw) {
        if (auto m = ipc::decode_message<ipc::PlaceCall>(raw)) {
            EXPECT_GT(m->identity.size(), 200u);
            std::string changed = m->identity.str();
            const size_t at = changed.find('.') + 20;  // inside the claims
            changed[at] = changed[at] == 'A' ? 'B' : 'A';
            m->identity = BoundedString<2048>(changed);
            raw = ipc::encode_message(*m);
        }
        return true;
    };
    hosts_.dial("sip:bob@example.com");
    ASSERT_TRUE(hosts_.run_until([&] { return state_is(bob_, CallState::ended); }));
    ASSERT_TRUE(bob_.last_card());
    EXPECT_EQ(bob_.last_card()->theirs.level, rats::Level::failed);
    EXPECT_EQ(std::ranges::count(bob_.last_card()->theirs.reasons.items(), rats::Reason::passport_mismatch), 1);
}

TEST_F(HostileHost, AStrippedPassportIsNoClaimAndNoHarm) {
    hosts_.intercept = [&](EnclavePhone&, Bytes& raw) {
        if (auto m = ipc::decode_message<ipc::PlaceCall>(raw)) {
            m->identity = {};
            raw = ipc::encode_message(*m);
        }
        return true;
    };
    answer_and_talk();
}

TEST_F(HostileHost, CannotPutItsOwnDtlsInTheMiddle) {
    auto mallory = dtls::Identity::create().value();
    std::unique_ptr<dtls::Endpoint> fake_server;
    // Bob's DTLS goes to the attacker's own endpoint instead of to alice.
    hosts_.intercept = [&](EnclavePhone& who, Bytes& raw) {
        auto m = ipc::decode_message<ipc::Datagram>(raw);
        if (!m || &who != &bob_) return !m.has_value();
        if (!fake_server) fake_server = dtls::Endpoint::create(*mallory, false, Digest{}).value();
        (void)fake_server->handle_datagram(m->bytes.view(), BootClock::now());
        for (const Bytes& out : fake_server->take_output())
            (void)bob_.host.send(
                ipc::Datagram{.session = hosts_.b_session, .bytes = BoundedBytes<ipc::kDatagramMax>(out)});
        return false;
    };
    ring();
    ASSERT_TRUE(bob_.ui.send(ipc::Answer{.call = CallId{1}, .microphone = true}).has_value());
    ASSERT_TRUE(hosts_.run_until([&] { return state_is(bob_, CallState::ended); }));
    EXPECT_EQ(bob_.last_state()->reason, ipc::EndReason::fingerprint_mismatch);
    EXPECT_FALSE(any_media(bob_));
}

TEST_F(HostileHost, ReplayedChannelBytesAreDroppedAndALaterGapEndsTheSession) {
    ring();
    // Everything alice ever said, once more: each body has a number that was seen.
    for (const Bytes& body : std::vector<Bytes>(hosts_.channel_to_b))
        ASSERT_TRUE(
            bob_.host.send(ipc::ChannelIn{.session = hosts_.b_session, .body = BoundedBytes<rats::kInfoBodyMax>(body)})
                .has_value());
    for (int i = 0; i < 50; ++i) hosts_.turn();
    EXPECT_TRUE(state_is(bob_, CallState::ringing));
    Bytes ahead = hosts_.channel_to_b.back();
    ahead[3] = std::byte{0x7f};
    ASSERT_TRUE(
        bob_.host.send(ipc::ChannelIn{.session = hosts_.b_session, .body = BoundedBytes<rats::kInfoBodyMax>(ahead)})
            .has_value());
    ASSERT_TRUE(hosts_.run_until([&] { return state_is(bob_, CallState::ended); }));
    EXPECT_FALSE(any_media(bob_));
}

TEST_F(HostileHost, CannotSpliceTwoSessionsToTheSamePeer) {
    ring();
    const SessionId first_a = hosts_.a_session, first_b = hosts_.b_session;
    hosts_.a_session = hosts_.b_session = {};
    hosts_.dial("sip:bob@example.com");
    ASSERT_TRUE(hosts_.run_until(
        [&] { return hosts_.a_session.value != 0 && EnclavePhone::count<ipc::CallCard>(bob_.from_ui) >= 2; }));
    ASSERT_NE(hosts_.b_session.value, first_b.value);
    // From here the second channel's bytes go into the first session: another TLS connection, so another key.
    hosts_.intercept = [&](EnclavePhone& who, Bytes& raw) {
        if (auto m = ipc::decode_message<ipc::ChannelOut>(raw)) {
            EnclavePhone& peer = &who == &alice_ ? bob_ : alice_;
            (void)peer.host.send(ipc::ChannelIn{.session = &who == &alice_ ? first_b : first_a, .body = m->body});
            return false;
        }
        return true;
    };
    ASSERT_TRUE(bob_.ui.send(ipc::Answer{.call = CallId{2}, .microphone = true}).has_value());
    ASSERT_TRUE(hosts_.run_until([&] {
        return bob_.audit_text().find("channel_failed") != std::string::npos || state_is(bob_, CallState::ended);
    }));
    EXPECT_FALSE(any_media(bob_));
    EXPECT_FALSE(any_media(alice_));
}

TEST_F(HostileHost, CannotReplayADecisionIntoALaterCall) {
    ring();
    std::vector<Bytes> first_call = hosts_.channel_to_b;
    ASSERT_TRUE(alice_.ui.send(ipc::HangUp{.call = CallId{1}}).has_value());
    ASSERT_TRUE(
        hosts_.run_until([&] { return state_is(bob_, CallState::ended) && state_is(alice_, CallState::ended); }));
    bob_.from_ui.clear();
    // The same INVITE again, and every INFO of the first call behind it.
    ASSERT_TRUE(bob_.host
                    .send(ipc::IncomingInvite{.handle = HostHandle{9},
                                              .kind = ipc::CallKind::attested,
                                              .from_uri = BoundedString<256>("sip:alice@example.com"),
                                              .to_uri = {},
                                              .display_name = {},
                                              .identity = {},
                                              .sdp_fingerprint = {},
                                              .opus_payload_type = 111,
                                              .peer_is_dtls_client = false,
                                              .origin = {}})
                    .has_value());
    std::optional<ipc::IncomingAdmitted> admitted;
    ASSERT_TRUE(hosts_.run_until([&] {
        bob_.pump();
        if (!admitted) admitted = EnclavePhone::take<ipc::IncomingAdmitted>(bob_.from_host);
        return admitted.has_value();
    }));
    for (const Bytes& body : first_call)
        (void)bob_.host.send(
            ipc::ChannelIn{.session = admitted->session, .body = BoundedBytes<rats::kInfoBodyMax>(body)});
    ASSERT_TRUE(hosts_.run_until([&] { return state_is(bob_, CallState::ended); }));
    EXPECT_EQ(EnclavePhone::count<ipc::CallCard>(bob_.from_ui), 0u);
}

TEST_F(HostileHost, PlainRtpNeverReachesTheSpeaker) {
    answer_and_talk();
    bob_.from_audio.clear();
    Bytes rtp(100, std::byte{0x55});
    rtp[0] = std::byte{0x80};
    rtp[1] = std::byte{111};
    for (int i = 0; i < 20; ++i)
        (void)bob_.host.send(ipc::Datagram{.session = hosts_.b_session, .bytes = BoundedBytes<ipc::kDatagramMax>(rtp)});
    for (int i = 0; i < 50; ++i) hosts_.turn();
    EXPECT_EQ(EnclavePhone::count<ipc::PlayFrame>(bob_.from_audio), 0u);
    ASSERT_TRUE(bob_.ui.send(ipc::QueryStatus{.request = RequestId{7}}).has_value());
    ASSERT_TRUE(hosts_.run_until([&] { return EnclavePhone::count<ipc::EnclaveStatus>(bob_.from_ui) != 0; }));
    EXPECT_GE(EnclavePhone::take<ipc::EnclaveStatus>(bob_.from_ui)->dropped, 20u);
}

TEST_F(HostileHost, ARecordedPacketIsNotPlayedTwice) {
    answer_and_talk();
    hosts_.talk(5);
    bob_.from_audio.clear();
    for (const Bytes& d : std::vector<Bytes>(hosts_.datagrams_a))
        (void)bob_.host.send(ipc::Datagram{.session = hosts_.b_session, .bytes = BoundedBytes<ipc::kDatagramMax>(d)});
    for (int i = 0; i < 50; ++i) hosts_.turn();
    EXPECT_EQ(EnclavePhone::count<ipc::PlayFrame>(bob_.from_audio), 0u);
}

TEST_F(HostileHost, GarbageInTheChannelIsAClearEnd) {
    ring();
    Bytes garbage(200, std::byte{0x17});
    const auto next = static_cast<uint32_t>(hosts_.channel_to_b.size());
    for (size_t i = 0; i < 4; ++i) garbage[i] = static_cast<std::byte>(next >> (8 * (3 - i)));
    ASSERT_TRUE(
        bob_.host.send(ipc::ChannelIn{.session = hosts_.b_session, .body = BoundedBytes<rats::kInfoBodyMax>(garbage)})
            .has_value());
    ASSERT_TRUE(hosts_.run_until([&] { return state_is(bob_, CallState::ended); }));
    EXPECT_EQ(bob_.last_state()->reason, ipc::EndReason::channel_broken);
    EXPECT_FALSE(bob_.ended());  // the call ends, the phone goes on
}

TEST_F(HostileHost, HalfOpenCallsFromOnePlaceAreLimitedBeforeAnyTpmWork) {
    for (uint32_t i = 1; i <= 3; ++i)
        (void)bob_.host.send(ipc::IncomingInvite{.handle = HostHandle{i},
                                                 .kind = ipc::CallKind::attested,
                                                 .from_uri = BoundedString<256>("sip:x@example.com"),
                                                 .to_uri = {},
                                                 .display_name = {},
                                                 .identity = {},
                                                 .sdp_fingerprint = {},
                                                 .opus_payload_type = 111,
                                                 .peer_is_dtls_client = false,
                                                 .origin = BoundedString<64>("192.0.2.1")});
    for (int i = 0; i < 50; ++i) bob_.pump();
    EXPECT_EQ(EnclavePhone::count<ipc::IncomingAdmitted>(bob_.from_host), rats::kHalfOpenPerOrigin);
    EXPECT_EQ(EnclavePhone::count<ipc::IncomingRefused>(bob_.from_host), 1u);
}

TEST_F(HostileHost, TheSipPasswordStaysInside) {
    EnclavePhone carol(authority_, {.uri = "sip:carol@example.com", .sip_password = "correct horse"});
    // What the host is given is an answer, which depends on the password and does not hold it.
    EXPECT_EQ(carol.answer_challenge("Example.COM").size(), 64u);
    for (const Bytes& b : carol.from_host) EXPECT_EQ(as_chars(b).find("correct horse"), std::string_view::npos);
}

TEST_F(HostileHost, AStrangersChallengeIsNotAnswered) {
    EnclavePhone carol(authority_, {.uri = "sip:carol@example.com", .sip_password = "correct horse"});
    for (const char* realm : {"evil.example", "evil.example", "evil.example", "evil.example", "",
                              "example.com.evil.example", "xample.com", "a", "b"})
        EXPECT_EQ(carol.answer_challenge(realm), "") << realm;
    // The person hears of it, but not without end.
    size_t told = 0;
    while (const auto notice = EnclavePhone::take<ipc::Notice>(carol.from_ui))
        told += notice->text.view().find("asked for your SIP password and got no answer") != std::string_view::npos;
    EXPECT_EQ(told, 4u);

    EnclavePhone dave(authority_,
                      {.uri = "sip:dave@example.com", .sip_password = "correct horse", .sip_realm = "asterisk"});
    EXPECT_EQ(dave.answer_challenge("asterisk").size(), 64u);
    EXPECT_EQ(dave.answer_challenge("example.com"), "");
    EXPECT_EQ(dave.answer_challenge("Asterisk"), "");
}

}  // namespace
}  // namespace sealcall::test
