// The model: what may be done with a call, which call a key means, and what a key on the screen asks for.
#include "host/ui/model.h"

#include <gtest/gtest.h>

#include "host/ui/screen.h"
#include "tests/unit/ui/fake_phone.h"

namespace sealcall::ui {
namespace {

using ipc::CallState;
using policy::Direction;

constexpr uint64_t kNow = 100'000'000;

ipc::CallStateChanged state(uint32_t call, CallState s, bool held = false, bool microphone = true) {
    return {.call = CallId{call}, .state = s, .reason = {}, .detail = {}, .held_here = held, .microphone = microphone};
}
Phone ringing_phone(uint32_t call = 1) {
    Phone p;
    p.apply(test::attested_card(CallId{call}, Direction::incoming));
    p.apply(state(call, CallState::ringing), kNow);
    return p;
}

TEST(Allowed, NothingIsAnsweredBeforeItRingsWithACard) {
    Phone p;
    for (CallState s : {CallState::offered, CallState::attesting, CallState::decided, CallState::ringing}) {
        p.apply(state(1, s), kNow);
        EXPECT_FALSE(allowed(*p.find(CallId{1})).answer) << static_cast<int>(s);
    }
    p.apply(test::attested_card(CallId{1}, Direction::incoming));
    EXPECT_TRUE(allowed(*p.find(CallId{1})).answer);
    auto refused = test::attested_card(CallId{1}, Direction::incoming);
    refused.decision.action = policy::Action::refuse;
    p.apply(refused);
    EXPECT_FALSE(allowed(*p.find(CallId{1})).answer);
    EXPECT_TRUE(allowed(*p.find(CallId{1})).refuse);
}

TEST(Allowed, FollowsTheCall) {
    Phone p = ringing_phone();
    p.apply(state(1, CallState::media), kNow);
    Allowed a = allowed(*p.find(CallId{1}));
    EXPECT_TRUE(a.hang_up && a.hold && a.microphone && a.recheck);
    EXPECT_FALSE(a.answer || a.refuse || a.resume);
    p.apply(state(1, CallState::held, true), kNow);
    a = allowed(*p.find(CallId{1}));
    EXPECT_TRUE(a.resume && a.hang_up);
    EXPECT_FALSE(a.hold || a.microphone);
    p.apply(state(1, CallState::ended), kNow);
    a = allowed(*p.find(CallId{1}));
    EXPECT_FALSE(a.answer || a.refuse || a.hang_up || a.hold || a.resume || a.microphone || a.recheck);
}

TEST(Allowed, AnOrdinaryPhoneCannotBeRechecked) {
    Phone p;
    auto card = test::attested_card(CallId{1}, Direction::incoming);
    card.ordinary = true;
    p.apply(card);
    p.apply(state(1, CallState::media), kNow);
    EXPECT_FALSE(allowed(*p.find(CallId{1})).recheck);
}

TEST(Phone, KeysMeanTheRingingCallOrTheCurrentOne) {
    Phone p = ringing_phone(1);
    p.apply(test::attested_card(CallId{2}, Direction::incoming));
    p.apply(state(2, CallState::media), kNow);
    EXPECT_EQ(choose(Verb::answer, p, std::nullopt)->call, CallId{1});
    EXPECT_EQ(choose(Verb::hang_up, p, std::nullopt)->call, CallId{2});
    EXPECT_EQ(choose(Verb::answer, p, CallId{2}).error().code, Errc::wrong_state);
    EXPECT_EQ(choose(Verb::answer, p, CallId{9}).error().code, Errc::not_found);
    EXPECT_EQ(choose(Verb::resume, p, std::nullopt).error().code, Errc::wrong_state);
    EXPECT_EQ(choose(Verb::microphone_on, p, std::nullopt).error().code, Errc::wrong_state) << "it is on";
    p.apply(state(3, CallState::media), kNow);
    EXPECT_EQ(p.current()->id, CallId{3});
    p.choose_next();
    EXPECT_EQ(p.current()->id, CallId{2});
    p.choose_next();
    EXPECT_EQ(p.current()->id, CallId{3});
}

TEST(Phone, RemembersAFallOfTheLevelUntilItIsMadeGood) {
    Phone p = ringing_phone();
    auto card = test::attested_card(CallId{1}, Direction::incoming);
    card.theirs.level = rats::Level::unverified;
    p.apply(card);
    ASSERT_TRUE(p.find(CallId{1})->fell_from);
    EXPECT_EQ(p.find(CallId{1})->fell_from->level, rats::Level::measured);
    card.theirs.level = rats::Level::measured;
    p.apply(card);
    EXPECT_FALSE(p.find(CallId{1})->fell_from);
}

TEST(Phone, KeepsABoundedPast) {
    Phone p;
    for (uint32_t i = 1; i <= 100; ++i) {
        p.apply(state(i, CallState::media), kNow + i);
        p.apply(state(i, CallState::ended), kNow + i);
    }
    EXPECT_LE(p.calls().size(), kEndedCallsMax + 1);
    EXPECT_EQ(p.last_ended()->id, CallId{100});
    for (uint32_t i = 200; i < 300; ++i) p.apply(state(i, CallState::attesting), kNow);
    EXPECT_LE(p.calls().size(), kCallsMax + kEndedCallsMax);
    for (int i = 0; i < 500; ++i) p.apply(ipc::KeyLife{.call = CallId{299}});
    EXPECT_EQ(p.find(CallId{299})->keys.size(), kKeyEventsMax);
}

TEST(Phone, CountsTheTalkFromSoundToEnd) {
    Phone p = ringing_phone();
    p.apply(state(1, CallState::media), kNow);
    p.apply(state(1, CallState::held, true), kNow + 5'000'000);
    p.apply(state(1, CallState::media), kNow + 6'000'000);
    EXPECT_EQ(p.find(CallId{1})->talk_seconds(kNow + 61'000'000), 61u);
    p.apply(state(1, CallState::ended), kNow + 62'000'000);
    EXPECT_EQ(p.find(CallId{1})->talk_seconds(kNow + 999'000'000), 62u);
}

TEST(DialUri, TakesWhatPeopleType) {
    EXPECT_EQ(*dial_uri(" alice@example.com "), "sip:alice@example.com");
    EXPECT_EQ(*dial_uri("sip:alice@example.com"), "sip:alice@example.com");
    EXPECT_EQ(*dial_uri("sips:alice@example.com"), "sips:alice@example.com");
    for (const char* bad : {"", "  ", "a b", "a\x1b[2J", "a\r\nVia: x", "\xC3\xA9@x"})
        EXPECT_FALSE(dial_uri(bad)) << bad;
    EXPECT_FALSE(dial_uri(std::string(300, 'a')));
}

class ScreenKeys : public testing::Test {
  protected:
    Screen screen;
    std::optional<Action> press(std::string_view keys, const Phone& p, uint64_t now) {
        for (Want& w : screen.keys(keys, p, now))
            if (auto* a = std::get_if<WantsAction>(&w)) return a->action;
        return std::nullopt;
    }
};

TEST_F(ScreenKeys, AnswerOnlyACardThatCouldBeRead) {
    Phone p = ringing_phone(1);
    EXPECT_FALSE(press("a", p, kNow)) << "typed before the card stood there";
    screen.shown(p, kNow);
    EXPECT_FALSE(press("a", p, kNow + Screen::kReadUs - 1));
    EXPECT_EQ(press("a", p, kNow + Screen::kReadUs), (Action{Verb::answer, CallId{1}}));
    EXPECT_EQ(press("l", p, kNow + Screen::kReadUs), (Action{Verb::answer_listening, CallId{1}}));
    Phone other = ringing_phone(2);
    screen.shown(other, kNow + 2 * Screen::kReadUs);
    EXPECT_FALSE(press("a", other, kNow + 2 * Screen::kReadUs + 1)) << "another caller under the finger";
    EXPECT_TRUE(press("r", other, kNow + 2 * Screen::kReadUs + 1)) << "refusing is always possible";
}

TEST_F(ScreenKeys, ALevelThatChangesUnderTheFingerStartsAnew) {
    Phone p = ringing_phone(1);
    screen.shown(p, kNow);
    auto card = test::attested_card(CallId{1}, Direction::incoming);
    card.theirs.level = rats::Level::unverified;
    p.apply(card);
    screen.shown(p, kNow + 10 * Screen::kReadUs);
    EXPECT_FALSE(press("a", p, kNow + 10 * Screen::kReadUs + 1));
    EXPECT_TRUE(press("a", p, kNow + 11 * Screen::kReadUs));
}

TEST_F(ScreenKeys, TypingAnAddressNeverAnswersOrHangsUp) {
    Phone p = ringing_phone(1);
    screen.shown(p, kNow);
    auto wants = screen.keys(
        "dharlo@x\x7f"
        "example.com\r",
        p, kNow + Screen::kReadUs);
    ASSERT_EQ(wants.size(), 1u);
    ASSERT_TRUE(std::holds_alternative<WantsDial>(wants[0]));
    EXPECT_EQ(std::get<WantsDial>(wants[0]).typed, "harlo@example.com");
}

TEST_F(ScreenKeys, EscapeSequencesAreSkippedAndEscapeLeavesThePrompt) {
    Phone p = ringing_phone(1);
    screen.shown(p, kNow);
    EXPECT_FALSE(press("\x1b[A\x1bOP\x1b[1;5D\x1b[200~", p, kNow + Screen::kReadUs));
    EXPECT_TRUE(screen.keys("dabc", p, kNow + Screen::kReadUs).empty());
    EXPECT_TRUE(screen.keys("\x1b", p, kNow + Screen::kReadUs).empty());
    EXPECT_TRUE(press("a", p, kNow + Screen::kReadUs)) << "the prompt is closed";
}

TEST_F(ScreenKeys, QuittingACallAsksFirst) {
    Phone idle;
    EXPECT_EQ(screen.keys("q", idle, kNow).size(), 1u);
    Phone p = ringing_phone(1);
    EXPECT_TRUE(screen.keys("q", p, kNow).empty());
    EXPECT_TRUE(screen.keys("n", p, kNow).empty());
    EXPECT_TRUE(screen.keys("q", p, kNow).empty());
    auto wants = screen.keys("y", p, kNow);
    ASSERT_EQ(wants.size(), 1u);
    EXPECT_TRUE(std::holds_alternative<WantsQuit>(wants[0]));
}

}  // namespace
}  // namespace sealcall::ui
