// The life of a call's sealed secret: hold, resume, end; no keystream twice; the TPM has the last word.
#include <gtest/gtest.h>

#include <set>

#include "tests/support/enclave_phone.h"

namespace sealcall::test {
namespace {

using ipc::CallState;
using ipc::KeyEvent;

class KeyLife : public ::testing::Test {
  protected:
    TestAuthority authority_;
    EnclavePhone alice_{authority_, {}}, bob_{authority_, {.uri = "sip:bob@example.com"}};
    Hosts hosts_{alice_, bob_};

    static bool state_is(const EnclavePhone& p, CallState s) { return p.last_state() && p.last_state()->state == s; }
    static bool has(const EnclavePhone& p, KeyEvent event) {
        return std::ranges::any_of(p.key_life(), [&](const ipc::KeyLife& k) { return k.event == event; });
    }
    static bool sealed(const EnclavePhone& p) { return has(p, KeyEvent::sealed); }
    void hold(EnclavePhone& p, bool on) {
        ASSERT_TRUE(p.ui.send(ipc::SetHold{.call = CallId{1}, .on = on}).has_value());
    }
    void connect() {
        ASSERT_TRUE(hosts_.connect());
        ASSERT_TRUE(hosts_.run_until([&] { return sealed(alice_) && sealed(bob_); }));
    }
    void hold_and_resume(EnclavePhone& p) {
        hold(p, true);
        ASSERT_TRUE(
            hosts_.run_until([&] { return state_is(alice_, CallState::held) && state_is(bob_, CallState::held); }));
        hold(p, false);
        ASSERT_TRUE(
            hosts_.run_until([&] { return state_is(alice_, CallState::media) && state_is(bob_, CallState::media); }));
    }
};

TEST_F(KeyLife, HoldWipesOnBothSidesAndResumeUnseals) {
    connect();
    hosts_.talk(10);
    hold(alice_, true);
    ASSERT_TRUE(hosts_.run_until([&] { return state_is(alice_, CallState::held) && state_is(bob_, CallState::held); }));
    alice_.from_audio.clear();
    bob_.from_audio.clear();
    hosts_.talk(5);
    EXPECT_EQ(EnclavePhone::count<ipc::PlayFrame>(alice_.from_audio), 0u);
    EXPECT_EQ(EnclavePhone::count<ipc::PlayFrame>(bob_.from_audio), 0u);
    hold(alice_, false);
    ASSERT_TRUE(
        hosts_.run_until([&] { return state_is(alice_, CallState::media) && state_is(bob_, CallState::media); }));
    hosts_.talk(10);
    EXPECT_GE(EnclavePhone::count<ipc::PlayFrame>(alice_.from_audio), 8u);
    EXPECT_GE(EnclavePhone::count<ipc::PlayFrame>(bob_.from_audio), 8u);
    std::vector<KeyEvent> events;
    for (const auto& k : alice_.key_life()) events.push_back(k.event);
    EXPECT_EQ(events, (std::vector{KeyEvent::created, KeyEvent::sealed, KeyEvent::wiped, KeyEvent::unsealed,
                                   KeyEvent::rekeyed}));
}

TEST_F(KeyLife, BothOnHoldTalkAgainOnlyWhenBothResume) {
    connect();
    hold(alice_, true);
    hold(bob_, true);
    ASSERT_TRUE(hosts_.run_until([&] {
        return state_is(alice_, CallState::held) && alice_.last_state()->held_there && bob_.last_state()->held_there;
    }));
    hold(alice_, false);
    for (int i = 0; i < 100; ++i) hosts_.turn();
    EXPECT_TRUE(state_is(bob_, CallState::held));
    hold(bob_, false);
    ASSERT_TRUE(
        hosts_.run_until([&] { return state_is(alice_, CallState::media) && state_is(bob_, CallState::media); }));
}

TEST_F(KeyLife, ThePeersHoldAndResumeDoNotSwitchTheMicrophoneBackOn) {
    connect();
    ASSERT_TRUE(alice_.ui.send(ipc::SetMicrophone{.call = CallId{1}, .on = false}).has_value());
    for (int i = 0; i < 20; ++i) hosts_.turn();
    alice_.from_audio.clear();
    hold_and_resume(bob_);
    for (const Bytes& b : alice_.from_audio)
        if (auto m = ipc::decode_message<ipc::Capture>(b)) {
            EXPECT_FALSE(m->on);
        }
    bob_.from_audio.clear();
    hosts_.talk(10);
    EXPECT_EQ(EnclavePhone::count<ipc::PlayFrame>(bob_.from_audio), 0u);
}

TEST_F(KeyLife, HoldsAndResumesThatCrossStillAgreeOnOneContext) {
    connect();
    for (int round = 0; round < 12; ++round) {
        // Both sides press the key again and again before the other has heard of it.
        for (int press = 0; press < 1 + round % 4; ++press) {
            hold(alice_, true);
            if (round % 2 == 0) hosts_.turn();
            hold(bob_, true);
            if (round % 3 == 0) hosts_.turn();
            hold(alice_, false);
            if (round % 5 == 0) hosts_.turn();
            hold(bob_, false);
        }
        // "media" may still be from before the keys were pressed.
        (void)hosts_.run_until([] { return false; }, Millis{60});
        ASSERT_TRUE(hosts_.run_until([&] {
            return state_is(alice_, CallState::media) && state_is(bob_, CallState::media);
        })) << "round "
            << round;
        for (int i = 0; i < 20; ++i) hosts_.turn();
        alice_.from_audio.clear();
        bob_.from_audio.clear();
        hosts_.talk(10);
        EXPECT_GE(EnclavePhone::count<ipc::PlayFrame>(alice_.from_audio), 5u) << "round " << round;
        EXPECT_GE(EnclavePhone::count<ipc::PlayFrame>(bob_.from_audio), 5u) << "round " << round;
    }
}

TEST_F(KeyLife, NoContextRepeatsItsKeystreamOverHoldsAndCalls) {
    std::set<std::vector<std::byte>> seen;
    auto collect = [&] {
        for (const auto* side : {&hosts_.datagrams_a, &hosts_.datagrams_b}) {
            for (const Bytes& d : *side) {
                if (static_cast<unsigned>(d[0]) < 128 || (static_cast<unsigned>(d[1]) & 0x7f) != 111) continue;
                // Equal plaintext went in each time: equal ciphertext would mean a repeated keystream.
                EXPECT_TRUE(seen.emplace(d.begin() + 12, d.begin() + 60).second);
            }
        }
        hosts_.datagrams_a.clear();
        hosts_.datagrams_b.clear();
    };
    connect();
    hosts_.talk(10);
    collect();
    for (int i = 0; i < 3; ++i) {
        hold_and_resume(i % 2 == 0 ? alice_ : bob_);
        hosts_.talk(10);
        collect();
    }
    EXPECT_GE(seen.size(), 70u);
}

/// Alice's side wants new keys after a second.
class Rekey : public ::testing::Test {
  protected:
    static PhoneOptions wishes(std::string uri, uint16_t rekey_seconds) {
        PhoneOptions o{.uri = std::move(uri)};
        o.policy.rekey_seconds = rekey_seconds;
        o.policy.recheck_seconds = 3600;
        o.recheck = {.every = {}, .gap = Millis{20}, .overdue = Millis{1500}, .silent = Millis{9000}};
        return o;
    }
    TestAuthority authority_;
    EnclavePhone alice_{authority_, wishes("sip:alice@example.com", 1)},
        bob_{authority_, wishes("sip:bob@example.com", 3600)};
    Hosts hosts_{alice_, bob_};

    static size_t rekeyed(const EnclavePhone& p) {
        return static_cast<size_t>(std::ranges::count(p.key_life(), KeyEvent::rekeyed, &ipc::KeyLife::event));
    }
};

TEST_F(Rekey, ALongCallGetsNewKeysAgainAndAgainAndIsHeardAllTheTime) {
    ASSERT_TRUE(hosts_.connect());
    const BootInstant until = BootClock::now() + Millis{20000};
    size_t said = 0;
    while ((rekeyed(alice_) < 3 || rekeyed(bob_) < 3) && BootClock::now() < until) {
        hosts_.talk(1);
        ++said;
    }
    EXPECT_GE(rekeyed(alice_), 3u);
    EXPECT_GE(rekeyed(bob_), 3u);
    const auto life = alice_.key_life();
    EXPECT_EQ(life.back().context, rekeyed(alice_));
    for (EnclavePhone* p : {&alice_, &bob_})  // but for what was under way when the keys changed
        EXPECT_GE(EnclavePhone::count<ipc::PlayFrame>(p->from_audio), said - said / 20);
    hosts_.talk(5);
    EXPECT_EQ(alice_.last_state()->state, CallState::media);
}

TEST_F(Rekey, WhoTakesNoNewKeysEndsTheCall) {
    ASSERT_TRUE(hosts_.connect());
    hosts_.intercept = [&](EnclavePhone& who, Bytes& raw) {
        return &who != &alice_ || *ipc::message_id(raw) != ipc::ChannelOut::kId;  // she is not heard any more
    };
    ASSERT_TRUE(hosts_.run_until([&] {
        hosts_.talk(1);
        return alice_.last_state()->state == CallState::ended;
    }));
    EXPECT_EQ(alice_.last_state()->reason, ipc::EndReason::media_failed);
    EXPECT_NE(alice_.last_state()->detail.view().find("no new keys"), std::string_view::npos);
    EXPECT_EQ(rekeyed(alice_), 0u);
}

TEST_F(KeyLife, AfterTheCallTheTpmRefusesTheCopiedBlob) {
    connect();
    ASSERT_TRUE(alice_.ui.send(ipc::HangUp{.call = CallId{1}}).has_value());
    ASSERT_TRUE(
        hosts_.run_until([&] { return state_is(alice_, CallState::ended) && state_is(bob_, CallState::ended); }));
    for (EnclavePhone* p : {&alice_, &bob_}) {
        const auto life = p->key_life();
        ASSERT_GE(life.size(), 2u);
        EXPECT_EQ(life[life.size() - 2].event, KeyEvent::destroyed);
        EXPECT_EQ(life.back().event, KeyEvent::unseal_refused);
        EXPECT_NE(life.back().tpm_rc, 0u);
    }
}

TEST_F(KeyLife, ACallThatEndsWhileTheTpmsQueueIsFullStillLosesItsSecret) {
    connect();
    auto open = std::make_shared<std::atomic<bool>>(false);
    alice_.fill_tpm_queue(open);
    ASSERT_TRUE(alice_.ui.send(ipc::HangUp{.call = CallId{1}}).has_value());
    ASSERT_TRUE(hosts_.run_until([&] { return state_is(bob_, CallState::ended); }));
    (void)hosts_.run_until([] { return false; }, Millis{120});  // tried again and again, and refused
    EXPECT_FALSE(has(alice_, KeyEvent::destroyed));
    *open = true;
    open->notify_all();
    ASSERT_TRUE(hosts_.run_until([&] { return has(alice_, KeyEvent::unseal_refused); }));
    EXPECT_TRUE(has(alice_, KeyEvent::destroyed));
    ASSERT_TRUE(hosts_.run_until([&] { return state_is(alice_, CallState::ended); }));
}

TEST_F(KeyLife, AnEnclaveThatDiedLeavesNothingThatCanBeUnsealed) {
    connect();
    const auto before = alice_.key_life();
    alice_.start();  // the old one is gone without a word; the new one has increased every counter
    ASSERT_TRUE(hosts_.run_until([&] { return !alice_.ended(); }));
    EXPECT_EQ(alice_.key_life().size(), 0u);
    hosts_.a_session = hosts_.b_session = {};
    ASSERT_FALSE(before.empty());
}

TEST_F(KeyLife, ResumeFailsWhenThePlatformChangedDuringTheHold) {
    connect();
    hold(alice_, true);
    ASSERT_TRUE(hosts_.run_until([&] { return state_is(alice_, CallState::held) && state_is(bob_, CallState::held); }));
    alice_.extend_measurement("a debugger was loaded");
    hold(alice_, false);
    ASSERT_TRUE(hosts_.run_until([&] { return state_is(alice_, CallState::ended); }));
    EXPECT_EQ(alice_.last_state()->reason, ipc::EndReason::own_tpm_refused);
}

TEST_F(KeyLife, AFifthCallIsRefused) {
    for (uint32_t i = 1; i <= 5; ++i)
        ASSERT_TRUE(
            alice_.ui
                .send(ipc::Dial{.request = RequestId{i}, .uri = BoundedString<256>("sip:x@example.com"), .label = {}})
                .has_value());
    size_t placed = 0;
    ipc::EndReason last{};
    hosts_.intercept = [&](EnclavePhone&, Bytes& raw) {
        placed += *ipc::message_id(raw) == ipc::PlaceCall::kId;
        return false;
    };
    ASSERT_TRUE(hosts_.run_until([&] {
        while (auto r = EnclavePhone::take<ipc::DialReply>(alice_.from_ui)) last = r->reason;
        return last != ipc::EndReason::none && placed >= 4;
    }));
    EXPECT_EQ(placed, 4u);
    EXPECT_EQ(last, ipc::EndReason::too_many_calls);
}

TEST_F(KeyLife, ATpmThatVanishesEndsTheCallWithAReasonInsteadOfHanging) {
    connect();
    hold(alice_, true);
    ASSERT_TRUE(hosts_.run_until([&] { return state_is(alice_, CallState::held); }));
    alice_.swtpm().kill9();
    hold(alice_, false);
    ASSERT_TRUE(hosts_.run_until([&] { return state_is(alice_, CallState::ended); }));
    EXPECT_EQ(alice_.last_state()->reason, ipc::EndReason::own_tpm_failed);
}

}  // namespace
}  // namespace sealcall::test
