// Exit statuses, the script of `sealcall call`, and what the model allows when.
#include "host/ui/script.h"

#include <gtest/gtest.h>

#include "tests/unit/ui/fake_phone.h"

namespace sealcall::ui {
namespace {

using ipc::CallState;
using ipc::EndReason;
using policy::Direction;

constexpr uint64_t kSecond = 1'000'000;

ipc::CallStateChanged state(CallId call, CallState s, EndReason reason = EndReason::none, bool held = false) {
    return {.call = call, .state = s, .reason = reason, .detail = {}, .held_here = held};
}

TEST(ExitStatus, IsZeroOnlyForATalkThatWasHungUp) {
    for (unsigned i = 0; i <= static_cast<unsigned>(EndReason::internal); ++i) {
        const auto r = static_cast<EndReason>(i);
        const bool hung_up = r == EndReason::hung_up_here || r == EndReason::hung_up_there;
        EXPECT_EQ(exit_status_of(r, true) == ExitStatus::ok, hung_up) << i;
        EXPECT_NE(exit_status_of(r, false), ExitStatus::ok) << i;
    }
    EXPECT_EQ(exit_status_of(EndReason::peer_failed_attestation, false), ExitStatus::refused);
    EXPECT_EQ(exit_status_of(EndReason::busy, false), ExitStatus::no_talk);
    EXPECT_EQ(exit_status_of(EndReason::own_tpm_refused, false), ExitStatus::own_trouble);
    EXPECT_EQ(exit_status_of(EndReason::media_failed, true), ExitStatus::media_failed);
    EXPECT_EQ(exit_status_of(EndReason::fingerprint_mismatch, true), ExitStatus::refused);
}

class ScriptTest : public testing::Test {
  protected:
    ipc::ConfigureUi config{.dial = BoundedString<256>("sip:bob@example.com")};
    Phone phone;
    CallId call{1};

    /// Runs a script up to the accepted dial.
    Script dialled() {
        Script s(config);
        s.started(kSecond);
        phone.apply(ipc::HostState{});
        auto steps = s.run(phone, kSecond);
        EXPECT_EQ(steps.size(), 1u);
        EXPECT_EQ(steps.at(0).kind, Step::Kind::dial);
        s.dial_reply({.request = {}, .call = call});
        phone.dialled(call, "sip:bob@example.com", "");
        EXPECT_TRUE(s.run(phone, kSecond).empty()) << "dials once";
        return s;
    }
};

TEST_F(ScriptTest, WaitsForTheNetworkAndForRegistration) {
    Script s(config);
    EXPECT_TRUE(s.run(phone, kSecond).empty()) << "not before Start";
    s.started(kSecond);
    EXPECT_TRUE(s.run(phone, kSecond).empty());
    EXPECT_EQ(s.next_deadline(phone, kSecond), kSecond + Script::kNetworkWaitUs);
    phone.apply(ipc::HostState{.registration = ipc::Registration::trying});
    EXPECT_TRUE(s.run(phone, kSecond + Script::kNetworkWaitUs).empty());
    phone.apply(ipc::HostState{.registration = ipc::Registration::registered});
    EXPECT_EQ(s.run(phone, 5 * kSecond).size(), 1u);
}

TEST_F(ScriptTest, DialsEvenIfTheNetworkNeverSpeaks) {
    Script s(config);
    s.started(kSecond);
    EXPECT_EQ(s.run(phone, kSecond + Script::kNetworkWaitUs).size(), 1u);
}

TEST_F(ScriptTest, HoldsResumesHangsUpAndEndsWithTheCall) {
    config.hang_up_after_ms = 10'000;
    config.hold_after_ms = 2'000;
    config.hold_for_ms = 1'000;
    Script s = dialled();
    phone.apply(state(call, CallState::media), 10 * kSecond);
    EXPECT_EQ(s.next_deadline(phone, 10 * kSecond), 12 * kSecond);
    EXPECT_TRUE(s.run(phone, 12 * kSecond - 1).empty());
    auto steps = s.run(phone, 12 * kSecond);
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(steps[0].action, (Action{Verb::hold, call}));
    EXPECT_TRUE(s.run(phone, 12 * kSecond + 1).empty()) << "holds once";
    phone.apply(state(call, CallState::held, EndReason::none, true), 12 * kSecond + 10);
    EXPECT_EQ(s.next_deadline(phone, 12 * kSecond + 10), 13 * kSecond);
    steps = s.run(phone, 13 * kSecond);
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(steps[0].action, (Action{Verb::resume, call}));
    phone.apply(state(call, CallState::media), 13 * kSecond + 10);
    steps = s.run(phone, 20 * kSecond);
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(steps[0].action, (Action{Verb::hang_up, call}));
    EXPECT_TRUE(s.run(phone, 21 * kSecond).empty()) << "hangs up once";
    phone.apply(state(call, CallState::ended, EndReason::hung_up_here), 22 * kSecond);
    steps = s.run(phone, 23 * kSecond);
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(steps[0].kind, Step::Kind::finish);
    EXPECT_EQ(steps[0].status, ExitStatus::ok);
    EXPECT_TRUE(s.run(phone, 24 * kSecond).empty());
}

TEST_F(ScriptTest, WaitsForTheDestructionOfTheSecretButNotForever) {
    Script s = dialled();
    phone.apply(ipc::KeyLife{.call = call, .event = ipc::KeyEvent::sealed});
    phone.apply(state(call, CallState::media), 5 * kSecond);
    phone.apply(state(call, CallState::ended, EndReason::hung_up_there), 6 * kSecond);
    EXPECT_TRUE(s.run(phone, 6 * kSecond + Script::kLingerMinUs).empty());
    Phone other = phone;
    other.apply(ipc::KeyLife{.call = call, .event = ipc::KeyEvent::destroyed});
    Script t = s;
    EXPECT_EQ(t.run(other, 6 * kSecond + Script::kLingerMinUs).size(), 1u);
    EXPECT_EQ(s.run(phone, 6 * kSecond + Script::kLingerMaxUs).size(), 1u);
}

TEST_F(ScriptTest, ARefusedDialEndsWithItsReason) {
    Script s(config);
    s.started(kSecond);
    phone.apply(ipc::HostState{});
    ASSERT_EQ(s.run(phone, kSecond).size(), 1u);
    s.dial_reply({.request = {}, .call = {}, .reason = EndReason::own_tpm_refused});
    auto steps = s.run(phone, kSecond);
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(steps[0].status, ExitStatus::own_trouble);
    EXPECT_EQ(steps[0].reason, EndReason::own_tpm_refused);
}

TEST_F(ScriptTest, AnEnclaveThatNeverAnswersIsOwnTrouble) {
    Script s(config);
    s.started(kSecond);
    phone.apply(ipc::HostState{});
    ASSERT_EQ(s.run(phone, kSecond).size(), 1u);
    EXPECT_TRUE(s.run(phone, kSecond + Script::kReplyWaitUs - 1).empty());
    auto steps = s.run(phone, kSecond + Script::kReplyWaitUs);
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(steps[0].status, ExitStatus::own_trouble);
}

TEST_F(ScriptTest, TimersCountForIncomingCallsToo) {
    config.dial = {};
    config.hang_up_after_ms = 1'000;
    Script s(config);
    s.started(kSecond);
    phone.apply(test::attested_card(call, Direction::incoming));
    phone.apply(state(call, CallState::ringing), kSecond);
    EXPECT_TRUE(s.run(phone, 100 * kSecond).empty()) << "never answers for anybody";
    phone.apply(state(call, CallState::media), 200 * kSecond);
    EXPECT_EQ(s.run(phone, 201 * kSecond).size(), 1u);
}

}  // namespace
}  // namespace sealcall::ui
