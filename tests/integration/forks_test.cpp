// One dial, two phones of the same person: each fork is a channel, a peer and a verdict of its own, and one is
// answered.
#include <gtest/gtest.h>

#include "tests/support/hand_held_channel.h"
#include "tests/support/pair.h"

namespace sealcall::test {
namespace {

using ipc::CallState;

PhoneOptions phone(std::string uri) {
    PhoneOptions o;
    o.uri = std::move(uri);
    o.policy.answer_automatically = false;
    return o;
}

/// A forking proxy between alice and two phones.
class Forks : public ::testing::Test {
  protected:
    static constexpr const char* kBob = "sip:bob@example.com";
    explicit Forks(PhoneOptions alice = phone("sip:alice@example.com"), const char* first = kBob)
        : alice_(authority_, std::move(alice)), legs_{Leg(authority_, first), Leg(authority_, kBob)} {}
    struct Leg {
        Leg(const TestAuthority& authority, const char* uri) : phone(authority, test::phone(uri)) {}
        EnclavePhone phone;
        SessionId here{}, there{};  ///< alice's session, the callee's
        CallId call{};
        std::deque<Bytes> early;  ///< overtook LegAdmitted
        bool ended = false;       ///< for the callee
    };
    TestAuthority authority_;
    EnclavePhone alice_;
    std::array<Leg, 2> legs_;
    CallId call_{};
    bool second_waits_ = false;  ///< the proxy reaches the other phone later
    bool splice_ = false;        ///< a hostile host gives each channel to the other phone

    static bool is(const EnclavePhone& p, CallState s) { return p.last_state() && p.last_state()->state == s; }

    Leg* leg_of(SessionId session) {
        for (Leg& l : legs_)
            if (l.here == session) return &l;
        return nullptr;
    }
    Leg& receiver(Leg& leg) { return splice_ ? legs_[&leg == &legs_[0]] : leg; }

    void from_alice(ByteSpan raw) {
        if (auto place = ipc::decode_message<ipc::PlaceCall>(raw)) {
            call_ = place->call;
            for (Leg& l : legs_)
                (void)l.phone.host.send(ipc::IncomingInvite{.handle = HostHandle{1},
                                                            .kind = place->kind,
                                                            .from_uri = BoundedString<256>(alice_.uri()),
                                                            .to_uri = place->uri,
                                                            .display_name = {},
                                                            .identity = place->identity,
                                                            .sdp_fingerprint = place->fingerprint,
                                                            .opus_payload_type = 111,
                                                            .peer_is_dtls_client = false,
                                                            .origin = BoundedString<64>("127.0.0.1")});
        } else if (auto admitted = ipc::decode_message<ipc::LegAdmitted>(raw)) {
            Leg& l = legs_.at(admitted->leg);
            l.here = admitted->session;
            for (const Bytes& body : std::exchange(l.early, {})) channel_in(alice_, l.here, body);
        } else if (auto out = ipc::decode_message<ipc::ChannelOut>(raw)) {
            if (Leg* l = leg_of(out->session)) channel_in(receiver(*l).phone, receiver(*l).there, out->body.view());
        } else if (auto path = ipc::decode_message<ipc::StartMediaPath>(raw)) {
            media_path(alice_, path->session);
        } else if (auto packet = ipc::decode_message<ipc::Datagram>(raw)) {
            if (Leg* l = leg_of(packet->session))
                (void)l->phone.host.send(ipc::Datagram{.session = l->there, .bytes = packet->bytes});
        } else if (auto end = ipc::decode_message<ipc::EndLeg>(raw)) {
            if (Leg* l = leg_of(end->session)) {
                l->ended = true;
                (void)l->phone.host.send(
                    ipc::LegEnded{.session = l->there, .why = ipc::LegEndWhy::cancelled, .sip_status = 0});
            }
        }
    }
    void from_callee(Leg& l, uint8_t index, ByteSpan raw) {
        if (auto admitted = ipc::decode_message<ipc::IncomingAdmitted>(raw)) {
            l.there = admitted->session;
            l.call = admitted->call;
            (void)alice_.host.send(
                ipc::LegAttesting{.call = call_, .leg = index, .sdp_fingerprint = admitted->fingerprint});
        } else if (auto out = ipc::decode_message<ipc::ChannelOut>(raw)) {
            if (l.here.value == 0)
                l.early.push_back(to_bytes(out->body.view()));
            else
                channel_in(alice_, receiver(l).here, out->body.view());
        } else if (ipc::decode_message<ipc::SendOk>(raw)) {
            (void)alice_.host.send(ipc::LegAnswered{.session = l.here});
            (void)l.phone.host.send(ipc::LegAnswered{.session = l.there});
        } else if (auto path = ipc::decode_message<ipc::StartMediaPath>(raw)) {
            media_path(l.phone, path->session);
        } else if (auto packet = ipc::decode_message<ipc::Datagram>(raw)) {
            (void)alice_.host.send(ipc::Datagram{.session = l.here, .bytes = packet->bytes});
        }
    }
    static void channel_in(EnclavePhone& to, SessionId session, ByteSpan body) {
        (void)to.host.send(ipc::ChannelIn{.session = session, .body = BoundedBytes<rats::kInfoBodyMax>(body)});
    }
    static void media_path(EnclavePhone& p, SessionId session) {
        (void)p.host.send(ipc::LocalCandidates{.session = session, .fragment = BoundedString<3072>("a=x\r\n")});
        (void)p.host.send(ipc::MediaPathReady{.session = session});
    }
    void turn() {
        alice_.pump();
        for (const Bytes& raw : std::exchange(alice_.from_host, {})) from_alice(raw);
        for (uint8_t i = 0; i < legs_.size(); ++i) {
            if (i == 1 && second_waits_) break;
            legs_[i].phone.pump();
            for (const Bytes& raw : std::exchange(legs_[i].phone.from_host, {})) from_callee(legs_[i], i, raw);
        }
    }
    bool until(const std::function<bool()>& done) {
        return turned_until(done, [this] { turn(); });
    }
    void dial_until_both_ring() {
        ASSERT_TRUE(alice_.ui.send(ipc::Dial{.request = RequestId{1}, .uri = BoundedString<256>(kBob), .label = {}})
                        .has_value());
        ASSERT_TRUE(
            until([&] { return is(legs_[0].phone, CallState::ringing) && is(legs_[1].phone, CallState::ringing); }));
    }
    void answer(Leg& l) { ASSERT_TRUE(l.phone.ui.send(ipc::Answer{.call = l.call}).has_value()); }
};

TEST_F(Forks, BothAttestEachOnItsOwnAndTheAnsweredOneAloneGetsSound) {
    dial_until_both_ring();
    for (const Leg& l : legs_) EXPECT_EQ(l.phone.last_card()->theirs.level, rats::Level::measured);
    answer(legs_[1]);
    ASSERT_TRUE(until([&] { return is(alice_, CallState::media) && is(legs_[1].phone, CallState::media); }));
    ASSERT_TRUE(until([&] { return is(legs_[0].phone, CallState::ended); }));
    EXPECT_TRUE(legs_[0].ended);
    EXPECT_FALSE(legs_[0].phone.sounded());
    EXPECT_EQ(legs_[0].phone.key_life().size(), 0u) << "no secret was ever made for it";
    const Bytes opus(80, std::byte{0x55});
    for (uint32_t i = 1; i <= 10; ++i) {
        (void)alice_.audio.send(ipc::CapturedFrame{
            .session = legs_[1].here, .timestamp = 960 * i, .opus = BoundedBytes<ipc::kAudioFrameMax>(opus)});
        turn();
        turn();
    }
    ASSERT_TRUE(until([&] { return EnclavePhone::count<ipc::PlayFrame>(legs_[1].phone.from_audio) >= 8; }));
}

TEST_F(Forks, TwoAnswersAtOnceMakeOneCall) {
    dial_until_both_ring();
    answer(legs_[0]);
    answer(legs_[1]);
    ASSERT_TRUE(until([&] {
        return is(alice_, CallState::media) &&
               (is(legs_[0].phone, CallState::ended) || is(legs_[1].phone, CallState::ended));
    }));
    const bool first = is(legs_[1].phone, CallState::ended);
    ASSERT_TRUE(until([&] { return is(legs_[first ? 0 : 1].phone, CallState::media); }));
    EXPECT_FALSE(EnclavePhone::count<ipc::PlayFrame>(legs_[first ? 1 : 0].phone.from_audio));
    const auto life = alice_.key_life();
    EXPECT_EQ(std::ranges::count(life, ipc::KeyEvent::created, &ipc::KeyLife::event), 1);
}

TEST_F(Forks, OfTheSamePersonCannotBeSplicedByTheHost) {
    splice_ = true;
    ASSERT_TRUE(
        alice_.ui.send(ipc::Dial{.request = RequestId{1}, .uri = BoundedString<256>(kBob), .label = {}}).has_value());
    (void)until([&] { return is(alice_, CallState::ended); });
    EXPECT_TRUE(is(alice_, CallState::ended) || !is(alice_, CallState::ringing));
    EXPECT_FALSE(alice_.sounded());
    for (const Leg& l : legs_) {
        EXPECT_FALSE(l.phone.sounded());
        EXPECT_FALSE(is(l.phone, CallState::ringing));
    }
}

/// Alice knows bob by another device. Somebody else, whom she never met, is reached first.
struct AStrangerFirst : Forks {
    static PhoneOptions alice() {
        PhoneOptions o = phone("sip:alice@example.com");
        o.known_peers = {peer(kBob)};
        return o;
    }
    AStrangerFirst() : Forks(alice(), "sip:carol@example.com") {}
};

TEST_F(AStrangerFirst, AForkUnderAnotherNameDoesNotHideANewKey) {
    second_waits_ = true;
    ASSERT_TRUE(
        alice_.ui.send(ipc::Dial{.request = RequestId{1}, .uri = BoundedString<256>(kBob), .label = {}}).has_value());
    ASSERT_TRUE(until([&] { return is(legs_[0].phone, CallState::ringing); }));
    second_waits_ = false;
    ASSERT_TRUE(until([&] { return legs_[1].ended; }));
    EXPECT_FALSE(is(legs_[1].phone, CallState::ringing));
    EXPECT_NE(alice_.audit_text().find("\"event\":\"downgrade\""), std::string::npos);
    for (const auto& [name, known] : alice_.remembered()) {
        if (name != kBob) continue;
        EXPECT_EQ(known, peer(kBob).second);
    }
}

/// Bob's two phones prove less than alice's policy asks for.
struct BothTakeThePin : Forks {
    static PhoneOptions alice() {
        PhoneOptions o = phone("sip:alice@example.com");
        o.policy.minimum = rats::Level::trusted_boot;
        o.policy.below_minimum = policy::Action::pin;
        o.vault_pin = std::string(kPin);
        return o;
    }
    BothTakeThePin() : Forks(alice()) {}
    std::optional<ipc::AskConsent> asked() {
        std::optional<ipc::AskConsent> out;
        (void)until([&] {
            while (auto m = EnclavePhone::take<ipc::AskConsent>(alice_.from_ui)) out = *m;
            return out.has_value();
        });
        return out;
    }
};

TEST_F(BothTakeThePin, TheEndOfOneForkLeavesTheOthersQuestion) {
    ASSERT_EQ(alice_.enter_pin(kPin)->error, Errc{});
    ASSERT_TRUE(
        alice_.ui.send(ipc::Dial{.request = RequestId{1}, .uri = BoundedString<256>(kBob), .label = {}}).has_value());
    // What alice herself found of both, and so asks about.
    const auto both_wait = [&] {
        const std::string text = alice_.audit_text();
        const size_t first = text.find("\"event\":\"appraised\"");
        return first != std::string::npos && text.find("\"event\":\"appraised\"", first + 1) != std::string::npos;
    };
    ASSERT_TRUE(until(both_wait));
    const auto question = asked();
    ASSERT_TRUE(question && question->wanted);
    for (int i = 0; i < 100; ++i) turn();
    (void)alice_.host.send(ipc::LegEnded{.session = legs_[0].here, .why = ipc::LegEndWhy::cancelled, .sip_status = 0});
    for (int i = 0; i < 100; ++i) turn();
    while (auto m = EnclavePhone::take<ipc::AskConsent>(alice_.from_ui)) EXPECT_TRUE(m->wanted);
    EXPECT_TRUE(alice_.enter_pin(kPin, question->question)->consented);
    EXPECT_TRUE(until([&] { return is(legs_[1].phone, CallState::ringing); }));
    EXPECT_FALSE(is(legs_[0].phone, CallState::ringing));
}

}  // namespace
}  // namespace sealcall::test
