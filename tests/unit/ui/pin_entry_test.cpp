// Keys on the full screen: no key of a PIN is ever a command or to be seen, whatever becomes of its question meanwhile.
#include "host/ui/pin_entry.h"

#include <gtest/gtest.h>

#include "host/ui/screen.h"
#include "host/ui/terminal.h"
#include "tests/unit/ui/fake_phone.h"

namespace sealcall::ui {
namespace {

ipc::AskConsent question(uint32_t number, uint32_t call, const char* peer) {
    return {.question = RequestId{number},
            .call = CallId{call},
            .decision = {.action = policy::Action::pin, .rule = policy::Rule::downgrade_takes_pin},
            .why = rats::Reason::new_key,
            .peer = BoundedString<256>(peer),
            .level = rats::Level::measured};
}
ipc::AskConsent withdrawn(uint32_t number, uint32_t call) {
    return {.question = RequestId{number}, .call = CallId{call}, .wanted = false};
}
ipc::PinReply wrong(uint32_t left = 9) {
    return {.error = Errc::tpm_auth_refused, .tries = {.most = 10, .left = left, .one_more_in_s = 600}};
}
ipc::PinReply right(bool consented) { return {.tries = {.most = 10, .left = 10}, .consented = consented}; }

class PinKeys : public testing::Test {
  protected:
    Phone phone;
    Screen screen;
    std::vector<WantsPin> pins;
    size_t commands = 0;
    std::string frames;  ///< everything that was ever to be seen

    PinKeys() {
        auto card = test::attested_card(CallId{1}, policy::Direction::incoming);
        phone.apply(card);
        phone.apply(ipc::CallStateChanged{.call = CallId{1}, .state = ipc::CallState::media}, 1);
    }
    void type(std::string_view keys) {
        for (char c : keys) press({&c, 1});
    }
    /// As one read brings it.
    void press(std::string_view bytes) {
        for (Want& w : screen.keys(bytes, phone, 1)) {
            if (auto* pin = std::get_if<WantsPin>(&w))
                pins.push_back(std::move(*pin));
            else
                ++commands;
        }
        frames += now();
    }
    std::string now() {
        const Look look{.charset = Charset::ascii, .columns = 140};
        return compose_frame(screen.lines(phone, "bob", look, 30), look, 30);
    }
    bool shows(std::string_view part) { return now().find(part) != std::string::npos; }
    std::string last_pin() { return pins.empty() ? "" : std::string(as_chars(ipc::text_of(pins.back().pin))); }
};

TEST_F(PinKeys, TheRestOfAPinWhoseQuestionIsGoneIsThrownAway) {
    screen.ask(question(7, 2, "sip:dave@example.com"));
    type("pab");
    screen.ask(withdrawn(7, 2));
    EXPECT_TRUE(shows("The question is gone.")) << now();
    type("d4711mohqc");
    EXPECT_TRUE(shows("until you press Return"));
    type("\r");
    EXPECT_EQ(commands, 0u);
    EXPECT_TRUE(pins.empty());
    EXPECT_EQ(frames.find("4711"), std::string::npos);
    type("m");
    EXPECT_EQ(commands, 1u) << "keys are commands again";
}

TEST_F(PinKeys, ALoneEscapeEndsItAsWell) {
    screen.ask(question(7, 2, "sip:dave@example.com"));
    type("p");
    screen.ask(withdrawn(7, 2));
    type("4711");
    press("\x1b");
    EXPECT_FALSE(shows("The question is gone."));
    EXPECT_EQ(commands, 0u);
}

TEST_F(PinKeys, ArrowsAndDeleteDoNotLeaveThePin) {
    screen.ask(question(7, 2, "sip:dave@example.com"));
    type("pab");
    for (const char* key : {"\x1b[3~", "\x1b[H", "\x1bOF", "\x1b[D", "\x1bm"}) press(key);
    type("mcd\r");
    ASSERT_EQ(pins.size(), 1u);
    EXPECT_EQ(last_pin(), "abmcd");
    EXPECT_EQ(commands, 0u);
}

TEST_F(PinKeys, TheNextTryTypedTooEarlyIsNoCommand) {
    screen.ask(question(7, 2, "sip:dave@example.com"));
    type("pwrong one\r");
    ASSERT_EQ(pins.size(), 1u);
    EXPECT_TRUE(shows("The PIN is being checked"));
    type("dmoh");
    EXPECT_EQ(commands, 0u);
    screen.pin_reply(wrong(), RequestId{7});
    EXPECT_TRUE(shows("This is not the PIN. 9 tries are left"));
    type("4711 a\r");
    EXPECT_EQ(pins.size(), 2u);
    EXPECT_EQ(last_pin(), "4711 a");
    EXPECT_EQ(frames.find("4711"), std::string::npos);
}

TEST_F(PinKeys, AWrongPinIsNotAskedForAgainWhenItsQuestionIsGone) {
    screen.ask(question(7, 2, "sip:dave@example.com"));
    type("pwrong one\r");
    screen.ask(withdrawn(7, 2));
    screen.pin_reply(wrong(), RequestId{7});
    EXPECT_TRUE(shows("The question is gone."));
    type("4711 a\r");
    EXPECT_EQ(pins.size(), 1u);
    EXPECT_EQ(commands, 0u);
}

TEST_F(PinKeys, LockedOutTheNextTryIsThrownAway) {
    screen.lock_state({.pin_set = true, .locked = true});
    type("wrong one\r");
    screen.pin_reply({.error = Errc::tpm_locked_out, .tries = {.most = 10, .left = 0, .one_more_in_s = 600}}, {});
    type("dmoh\r");
    EXPECT_EQ(commands, 0u);
    EXPECT_EQ(pins.size(), 1u);
}

TEST_F(PinKeys, ConfirmedIsSaidOnlyOfWhatWasRecorded) {
    screen.ask(question(7, 2, "sip:dave@example.com"));
    type("pthe pin\r");
    screen.ask(withdrawn(7, 2));
    screen.pin_reply(right(true), RequestId{7});
    EXPECT_TRUE(shows("Confirmed and recorded."));
}

TEST_F(PinKeys, TheNextTryTypedTooEarlyIsNoCommandAfterARightPinEither) {
    screen.ask(question(7, 2, "sip:dave@example.com"));
    type("pthe pin\r");
    type("the p");
    screen.pin_reply(right(true), RequestId{7});
    type("d4711\r");
    EXPECT_EQ(commands, 0u);
    EXPECT_EQ(frames.find("4711"), std::string::npos);
    type("i");  // Return ended it: keys are commands again
    EXPECT_FALSE(shows("i details")) << now();
}

TEST_F(PinKeys, ALockTakesTheKeysFromWhateverPageThereIs) {
    for (const char* page : {"d", "i", "q"}) {
        screen.lock_state({.pin_set = true, .locked = false});
        type(page);
        const size_t before = commands;
        pins.clear();
        screen.lock_state({.pin_set = true, .locked = true});
        type("y4711d\r");
        EXPECT_EQ(commands, before) << page;
        EXPECT_EQ(last_pin(), "y4711d") << page;
        EXPECT_EQ(frames.find("4711"), std::string::npos) << page;
        screen.pin_reply(right(false), RequestId{});
    }
}

TEST_F(PinKeys, ARightPinForAQuestionThatIsGoneConfirmsNothing) {
    screen.lock_state({.pin_set = true, .locked = true});
    press("\x1b");
    screen.ask(question(7, 2, "sip:dave@example.com"));
    type("pthe pin\r");
    screen.ask(withdrawn(7, 2));
    screen.pin_reply(right(false), RequestId{7});
    EXPECT_FALSE(shows("Confirmed")) << now();
    EXPECT_TRUE(shows("was no longer asked: nothing was confirmed.")) << now();
}

TEST_F(PinKeys, AfterTheRightPinNothingSpeaksOfTheWrongOnes) {
    screen.lock_state({.pin_set = true, .locked = true});
    type("wrong 1\r");
    screen.pin_reply(wrong(9), RequestId{});
    type("wrong 2\r");
    screen.pin_reply(wrong(8), RequestId{});
    EXPECT_TRUE(shows("8 tries are left")) << now();
    EXPECT_FALSE(shows("9 tries are left")) << now();
    type("the pin\r");
    screen.pin_reply(right(false), RequestId{});
    EXPECT_FALSE(shows("tries are left")) << now();
}

TEST_F(PinKeys, AConfirmationThatCouldNotBeRecordedSaysSo) {
    screen.ask(question(7, 2, "sip:dave@example.com"));
    type("pthe pin\r");
    screen.ask(withdrawn(7, 2));
    ipc::PinReply reply = right(false);
    reply.error = Errc::io;
    screen.pin_reply(reply, RequestId{7});
    EXPECT_FALSE(shows("Confirmed")) << now();
    EXPECT_TRUE(shows("could not be written to the audit log")) << now();
}

TEST_F(PinKeys, WhatIsAnsweredIsTheQuestionOnDisplay) {
    screen.ask(question(7, 2, "sip:dave@example.com"));
    type("pa");
    screen.ask(question(8, 3, "sip:erin@example.com"));
    EXPECT_TRUE(shows("sip:dave@example.com"));
    EXPECT_FALSE(shows("sip:erin@example.com"));
    type("b\r");
    ASSERT_EQ(pins.size(), 1u);
    EXPECT_EQ(pins[0].question, RequestId{7});
    screen.ask(withdrawn(7, 2));
    screen.pin_reply(right(true), RequestId{7});
    type("p");
    EXPECT_TRUE(shows("sip:erin@example.com"));
    type("ab\r");
    EXPECT_EQ(pins.back().question, RequestId{8});
}

TEST_F(PinKeys, EachOfTwoQuestionsIsWithdrawnByItsNumber) {
    for (const auto& [gone, stays] : {std::pair(7U, 8U), std::pair(8U, 7U)}) {
        Screen fresh;
        screen = std::move(fresh);
        pins.clear();
        screen.ask(question(7, 2, "sip:dave@example.com"));
        screen.ask(question(8, 2, "sip:dave@example.com"));  // two forks of one call
        screen.ask(withdrawn(gone, 2));
        type("pab\r");
        ASSERT_EQ(pins.size(), 1u);
        EXPECT_EQ(pins[0].question, RequestId{stays});
        screen.ask(withdrawn(stays, 2));
        screen.pin_reply(right(true), RequestId{stays});
        EXPECT_FALSE(shows("p PIN"));
    }
}

TEST_F(PinKeys, AWithdrawalWithoutANumberMeansTheCall) {
    screen.ask(question(7, 2, "sip:dave@example.com"));
    screen.ask(question(8, 3, "sip:erin@example.com"));
    screen.ask(withdrawn(0, 2));
    type("p");
    EXPECT_TRUE(shows("sip:erin@example.com"));
    screen.ask(withdrawn(0, 3));
    EXPECT_TRUE(shows("The question is gone."));
}

TEST_F(PinKeys, TabShowsTheNextQuestionAndForgetsWhatWasTyped) {
    screen.ask(question(7, 2, "sip:dave@example.com"));
    screen.ask(question(8, 3, "sip:erin@example.com"));
    type("pab\t");
    EXPECT_TRUE(shows("sip:erin@example.com"));
    type("cd\r");
    ASSERT_EQ(pins.size(), 1u);
    EXPECT_EQ(pins[0].question, RequestId{8});
    EXPECT_EQ(last_pin(), "cd");
}

TEST_F(PinKeys, AStormOfQuestionsIsBounded) {
    for (uint32_t i = 1; i < 1000; ++i) screen.ask(question(i, i, "sip:dave@example.com"));
    for (uint32_t i = 1; i <= Screen::kQuestionsMax; ++i) screen.ask(withdrawn(i, i));
    EXPECT_FALSE(shows("p PIN"));
}

TEST_F(PinKeys, ALockDoesNotTakeThePinThatIsBeingTyped) {
    screen.ask(question(7, 2, "sip:dave@example.com"));
    type("pab");
    screen.lock_state({.pin_set = true, .locked = true});
    type("cd\r");
    ASSERT_EQ(pins.size(), 1u);
    EXPECT_EQ(last_pin(), "abcd");
    EXPECT_EQ(pins[0].question, RequestId{7});
}

TEST_F(PinKeys, APinLongerThanItCanBeIsNotCutAndSent) {
    screen.lock_state({.pin_set = true, .locked = true});
    type(std::string(ipc::Pin::kSize + 1, 'x'));
    EXPECT_TRUE(shows("longer than a PIN can be"));
    type("\r");
    EXPECT_TRUE(pins.empty());
    type("the pin\r");
    EXPECT_EQ(last_pin(), "the pin");
}

TEST(PinSentence, SaysUnknownWhereTheTpmDidNotSayHowMany) {
    ipc::PinReply r = wrong(0);
    r.tries = {};
    EXPECT_EQ(pin_sentence(r).find("last try"), std::string::npos) << pin_sentence(r);
    EXPECT_NE(pin_sentence(r).find("not known"), std::string::npos);
}

}  // namespace
}  // namespace sealcall::ui
