// Levels change during a call: two real enclaves on two TPMs attest again and again in the same channel.
#include <gtest/gtest.h>

#include "tests/support/pair.h"

namespace sealcall::test {
namespace {

using ipc::CallState;
using ipc::OnFall;
using ipc::RecheckOutcome;
using rats::Level;

/// Short enough for a test: a question may follow at once, an answer is late after 0.4 s and silence after 0.8 s.
constexpr enclave::RecheckTimes kShort{.every = {}, .gap = Millis{20}, .overdue = Millis{400}, .silent = Millis{800}};

PhoneOptions phone(std::string uri, policy::OnWorse on_worse = policy::OnWorse::mute, uint16_t seconds = 3600) {
    PhoneOptions o;
    o.uri = std::move(uri);
    o.policy.on_worse = on_worse;
    o.policy.recheck_seconds = seconds;
    o.recheck = kShort;
    return o;
}

void ask(EnclavePhone& who) { ASSERT_TRUE(who.ui.send(ipc::Recheck{.call = CallId{1}}).has_value()); }
std::vector<ipc::Rechecked> told(const EnclavePhone& who) {
    std::vector<ipc::Rechecked> out;
    for (const Bytes& b : who.from_ui)
        if (auto m = ipc::decode_message<ipc::Rechecked>(b)) out.push_back(*m);
    return out;
}
size_t count(const EnclavePhone& who, RecheckOutcome what) {
    return static_cast<size_t>(std::ranges::count(told(who), what, &ipc::Rechecked::outcome));
}

struct RecheckingPair : Pair {
    explicit RecheckingPair(PhoneOptions a = phone("sip:alice@example.com"),
                            PhoneOptions b = phone("sip:bob@example.com"))
        : Pair(std::move(a), std::move(b)) {}

    bool await(const EnclavePhone& who, RecheckOutcome what, size_t times = 1) {
        return hosts.run_until([&] { return count(who, what) >= times; });
    }
    /// Frames of `n` round(s) on demand of alice, one after the other.
    bool check_bob(size_t times) {
        const size_t before = count(alice, RecheckOutcome::as_before);
        for (size_t i = 1; i <= times; ++i) {
            ask(alice);
            if (!await(alice, RecheckOutcome::as_before, before + i)) return false;
        }
        return true;
    }
};

bool has(const rats::AttestationResult& r, rats::Reason why) { return std::ranges::count(r.reasons.items(), why) != 0; }

TEST(Recheck, BothSidesAskAgainAfterTheIntervalAndSoundGoesOn) {
    RecheckingPair p(phone("sip:alice@example.com", policy::OnWorse::mute, 1),
                     phone("sip:bob@example.com", policy::OnWorse::mute, 1));
    ASSERT_TRUE(p.hosts.connect());
    const uint64_t first = p.alice.last_card()->theirs_at_ms;
    ASSERT_TRUE(p.await(p.alice, RecheckOutcome::as_before, 2));
    ASSERT_TRUE(p.await(p.bob, RecheckOutcome::as_before, 2));
    EXPECT_EQ(told(p.alice)[1].round, 2);
    EXPECT_GE(p.alice.last_card()->theirs_at_ms, first + 1900);
    EXPECT_EQ(p.alice.last_card()->theirs.level, Level::measured);
    EXPECT_EQ(told(p.alice).size(), count(p.alice, RecheckOutcome::as_before));
    const auto [a, b] = p.hosts.sound();
    EXPECT_GE(a, 8u);
    EXPECT_GE(b, 8u);
    EXPECT_NE(p.alice.audit_text().find("\"rechecked\""), std::string::npos);
}

TEST(Recheck, WhoFallsSilentIsAskedAtOnce) {
    PhoneOptions o = phone("sip:alice@example.com");
    o.recheck.quiet = Millis{300};
    RecheckingPair p(std::move(o));
    ASSERT_TRUE(p.hosts.connect());
    EXPECT_TRUE(p.await(p.alice, RecheckOutcome::as_before)) << "an hour is not waited for";
    EXPECT_EQ(told(p.bob).size(), 0u) << "bob waits thirty seconds";
    // Once in each silence.
    for (int i = 0; i < 300; ++i) p.hosts.turn();
    EXPECT_EQ(count(p.alice, RecheckOutcome::as_before), 1u);
    p.hosts.talk(5);
    EXPECT_TRUE(p.await(p.alice, RecheckOutcome::as_before, 2));
}

TEST(Recheck, OnDemandBothWaysAndCrossing) {
    RecheckingPair p;
    ASSERT_TRUE(p.hosts.connect());
    for (size_t i = 1; i <= 5; ++i) {
        ask(p.alice);
        ask(p.bob);
        ASSERT_TRUE(p.await(p.alice, RecheckOutcome::as_before, i) && p.await(p.bob, RecheckOutcome::as_before, i))
            << i;
    }
    EXPECT_EQ(told(p.alice).back().round, 5);
    EXPECT_EQ(p.alice.last_state()->state, CallState::media);
}

TEST(Recheck, AnotherProgramInPcr8LowersTheLevelAndTheMicrophoneGoesOff) {
    RecheckingPair p;
    ASSERT_TRUE(p.hosts.connect());
    p.bob.extend(8, "a boot step that no log explains");
    ask(p.alice);
    ASSERT_TRUE(p.await(p.alice, RecheckOutcome::worse));
    const auto fell = told(p.alice).back();
    EXPECT_EQ(fell.before, Level::measured);
    EXPECT_EQ(fell.after, Level::known_device);
    EXPECT_EQ(fell.done, OnFall::muted);
    EXPECT_TRUE(has(p.alice.last_card()->theirs, rats::Reason::log_withheld));
    ASSERT_TRUE(p.await(p.bob, RecheckOutcome::seen_worse));
    EXPECT_EQ(p.bob.last_card()->ours, Level::known_device);
    EXPECT_FALSE(p.alice.last_state()->microphone);
    const auto [a, b] = p.hosts.sound();
    EXPECT_GE(a, 8u);  // bob's own microphone is bob's
    EXPECT_EQ(b, 0u);
    EXPECT_NE(p.alice.audit_text().find("\"outcome\":\"worse\""), std::string::npos);
}

TEST(Recheck, APolicyThatRefusesTheNewLevelKeepsTheMicrophoneOffWhateverThePersonPresses) {
    RecheckingPair p;
    ASSERT_TRUE(p.hosts.connect());
    p.bob.extend(8, "a boot step that no log explains");
    ask(p.alice);
    ASSERT_TRUE(p.await(p.alice, RecheckOutcome::worse));
    EXPECT_EQ(p.alice.last_card()->decision.action, policy::Action::refuse);
    ASSERT_TRUE(p.alice.ui.send(ipc::SetMicrophone{.call = CallId{1}, .on = true}).has_value());
    EXPECT_EQ(p.hosts.sound().second, 0u);
    ASSERT_TRUE(p.alice.ui.send(ipc::SetHold{.call = CallId{1}, .on = true}).has_value());
    ASSERT_TRUE(p.hosts.run_until([&] { return p.bob.last_state()->state == CallState::held; }));
    ASSERT_TRUE(p.alice.ui.send(ipc::SetHold{.call = CallId{1}, .on = false}).has_value());
    for (int i = 0; i < 100; ++i) p.hosts.turn();
    EXPECT_EQ(p.alice.last_state()->state, CallState::held);
}

TEST(Recheck, APolicyThatWarnsLetsThePersonsHandSwitchTheMicrophoneOnAgain) {
    auto lenient = phone("sip:alice@example.com");
    lenient.policy.below_minimum = policy::Action::warn;
    RecheckingPair p(lenient);
    ASSERT_TRUE(p.hosts.connect());
    p.bob.extend(8, "a boot step that no log explains");
    ask(p.alice);
    ASSERT_TRUE(p.await(p.alice, RecheckOutcome::worse));
    EXPECT_EQ(p.hosts.sound().second, 0u);
    ASSERT_TRUE(p.check_bob(1));  // the same level again: nothing more happens, and nothing comes back
    EXPECT_EQ(p.hosts.sound().second, 0u);
    ASSERT_TRUE(p.alice.ui.send(ipc::SetMicrophone{.call = CallId{1}, .on = true}).has_value());
    ASSERT_TRUE(p.hosts.run_until([&] { return p.alice.last_state()->microphone; }));
    EXPECT_GE(p.hosts.sound().second, 8u);
}

TEST(Recheck, ThePolicyMayHoldTheCall) {
    auto holds = phone("sip:alice@example.com", policy::OnWorse::hold);
    holds.policy.below_minimum = policy::Action::warn;
    RecheckingPair p(holds);
    ASSERT_TRUE(p.hosts.connect());
    p.bob.extend(8, "a boot step that no log explains");
    ask(p.alice);
    ASSERT_TRUE(p.await(p.alice, RecheckOutcome::worse));
    EXPECT_EQ(told(p.alice).back().done, OnFall::held);
    ASSERT_TRUE(p.hosts.run_until([&] {
        return p.alice.last_state()->state == CallState::held && p.bob.last_state()->state == CallState::held;
    }));
    ASSERT_TRUE(p.check_bob(2));  // rounds go on while it is held
    ASSERT_TRUE(p.alice.ui.send(ipc::SetHold{.call = CallId{1}, .on = false}).has_value());
    ASSERT_TRUE(p.hosts.run_until([&] { return p.alice.last_state()->state == CallState::media; }));
}

TEST(Recheck, ThePolicyMayEndTheCallAndTheOtherSideLearnsWhy) {
    RecheckingPair p(phone("sip:alice@example.com", policy::OnWorse::end));
    ASSERT_TRUE(p.hosts.connect());
    p.bob.extend(8, "a boot step that no log explains");
    ask(p.alice);
    ASSERT_TRUE(p.both(CallState::ended));
    EXPECT_EQ(p.alice.last_state()->reason, ipc::EndReason::peer_not_acceptable);
    EXPECT_EQ(p.bob.last_state()->reason, ipc::EndReason::we_were_not_acceptable);
}

TEST(Recheck, AChangedMeasurementIsLevelXAndAlwaysEndsTheCall) {
    RecheckingPair p;
    ASSERT_TRUE(p.hosts.connect());
    p.bob.extend_measurement("another enclave was started");
    ask(p.alice);
    ASSERT_TRUE(p.both(CallState::ended));
    EXPECT_EQ(p.alice.last_state()->reason, ipc::EndReason::peer_failed_attestation);
    EXPECT_EQ(p.alice.last_card()->theirs.level, Level::failed);
    EXPECT_EQ(count(p.bob, RecheckOutcome::own_changed), 1u);  // bob's own phone tells him
    EXPECT_EQ(p.bob.last_state()->reason, ipc::EndReason::we_were_not_acceptable);
    EXPECT_NE(p.bob.audit_text().find("own_measurement_changed"), std::string::npos);
}

TEST(Recheck, ASilentPeerIsMarkedThenLevelZeroAndOnlyThePersonBringsTheMicrophoneBack) {
    RecheckingPair p;
    ASSERT_TRUE(p.hosts.connect());
    std::vector<Bytes> kept;
    p.hosts.intercept = [&](EnclavePhone& who, Bytes& raw) {
        if (&who != &p.bob || *ipc::message_id(raw) != ipc::ChannelOut::kId) return true;
        kept.push_back(raw);
        return false;
    };
    ask(p.alice);
    ASSERT_TRUE(p.await(p.alice, RecheckOutcome::overdue));
    EXPECT_EQ(p.alice.last_card()->theirs.level, Level::measured);
    EXPECT_TRUE(has(p.alice.last_card()->theirs, rats::Reason::not_rechecked));
    EXPECT_TRUE(p.alice.last_state()->microphone);
    ASSERT_TRUE(p.await(p.alice, RecheckOutcome::unanswered));
    EXPECT_EQ(p.alice.last_card()->theirs.level, Level::unverified);
    EXPECT_EQ(p.alice.last_card()->theirs.reasons.items(), std::vector{rats::Reason::not_rechecked});
    EXPECT_EQ(told(p.alice).back().done, OnFall::muted);
    EXPECT_EQ(p.hosts.sound().second, 0u);
    ask(p.alice);  // asked already: no second question, but the person gets an answer
    ASSERT_TRUE(p.await(p.alice, RecheckOutcome::unanswered, 2));

    p.hosts.intercept = nullptr;
    for (const Bytes& raw : kept)
        ASSERT_TRUE(p.alice.host
                        .send(ipc::ChannelIn{.session = p.hosts.a_session,
                                             .body = ipc::decode_message<ipc::ChannelOut>(raw).value().body})
                        .has_value());
    ASSERT_TRUE(p.await(p.alice, RecheckOutcome::as_before));
    EXPECT_EQ(p.alice.last_card()->theirs.level, Level::measured);
    EXPECT_FALSE(has(p.alice.last_card()->theirs, rats::Reason::not_rechecked));
    EXPECT_EQ(p.hosts.sound().second, 0u);
    ASSERT_TRUE(p.alice.ui.send(ipc::SetMicrophone{.call = CallId{1}, .on = true}).has_value());
    ASSERT_TRUE(p.hosts.run_until([&] { return p.alice.last_state()->microphone; }));
    EXPECT_GE(p.hosts.sound().second, 8u);
    ASSERT_TRUE(p.check_bob(1));
}

TEST(Recheck, ATpmThatGivesNoQuoteSendsNothingAndTellsItsOwnPerson) {
    RecheckingPair p;
    ASSERT_TRUE(p.hosts.connect());
    ASSERT_TRUE(p.hosts.run_until([&] {  // or the call would end for another reason: its secret could not be sealed
        return std::ranges::count(p.bob.key_life(), ipc::KeyEvent::sealed, &ipc::KeyLife::event) == 1;
    }));
    p.bob.swtpm().kill9();
    ask(p.alice);
    ASSERT_TRUE(p.await(p.bob, RecheckOutcome::own_failed));
    ASSERT_TRUE(p.await(p.alice, RecheckOutcome::unanswered));
    EXPECT_EQ(p.alice.last_card()->theirs.level, Level::unverified);
    EXPECT_EQ(count(p.bob, RecheckOutcome::own_failed), 1u);  // said once, however often it is tried
    EXPECT_NE(p.bob.audit_text().find("recheck_not_answered"), std::string::npos);
}

TEST(Recheck, AVerifierThatIsLostDuringTheCallIsCouldNotCheck) {
    auto a = phone("sip:alice@example.com");
    int asked = 0;
    a.verifier = [&asked](const rats::VerifierRequest& r) -> std::optional<rats::VerifierResponse> {
        return ++asked == 2 ? std::nullopt : std::optional(attestation::appraise(r));
    };
    RecheckingPair p(a);
    ASSERT_TRUE(p.hosts.connect());
    ask(p.alice);
    // Late before it is judged: the verifier has 3 s, silence begins at 0.8 s here.
    ASSERT_TRUE(p.await(p.alice, RecheckOutcome::unanswered));
    ASSERT_TRUE(p.hosts.run_until([&] { return has(p.alice.last_card()->theirs, rats::Reason::could_not_check); }));
    EXPECT_EQ(p.alice.last_card()->theirs.level, Level::unverified);
    ASSERT_TRUE(p.check_bob(1));
    EXPECT_EQ(p.alice.last_card()->theirs.level, Level::measured);
}

TEST(Recheck, ACallerThatChangesWhileItRingsIsRefused) {
    auto b = phone("sip:bob@example.com");
    b.policy.answer_automatically = false;
    b.policy.recheck_seconds = 1;
    RecheckingPair p(phone("sip:alice@example.com"), b);
    p.hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(p.hosts.run_until([&] {
        auto s = p.bob.last_state();
        return s && s->state == CallState::ringing;
    }));
    p.alice.extend(8, "changed while it rang");
    ASSERT_TRUE(p.both(CallState::ended));
    EXPECT_EQ(p.bob.last_state()->reason, ipc::EndReason::peer_not_acceptable);
}

TEST(Recheck, AnOrdinaryPhoneCannotBeCheckedAndThePersonIsTold) {
    RecheckingPair p;
    p.hosts.ordinary = true;
    p.hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(
        p.hosts.run_until([&] { return p.alice.last_state() && p.alice.last_state()->state == CallState::media; }));
    p.alice.from_ui.clear();
    ask(p.alice);
    ASSERT_TRUE(p.hosts.run_until([&] { return EnclavePhone::count<ipc::Notice>(p.alice.from_ui) == 1; }));
}

}  // namespace
}  // namespace sealcall::test
