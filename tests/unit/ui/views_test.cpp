// The screens against docs: word, shape and colour together, LAB wherever a level stands, hearsay set apart, any width.
#include "host/ui/views.h"

#include <gtest/gtest.h>

#include "host/ui/plain_events.h"
#include "host/ui/screen.h"
#include "host/ui/terminal.h"
#include "sealcall/policy/reason_text.h"
#include "tests/unit/include/message_list.h"
#include "tests/unit/ui/fake_phone.h"

namespace sealcall::ui {
namespace {

using ipc::CallState;
using ipc::EndReason;
using policy::Direction;
using rats::Level;
using rats::Reason;

constexpr uint64_t kWall = 1'700'000'000'000;

Look plain_look(size_t columns = 80) {
    return {.charset = Charset::ascii, .columns = columns, .now_wall_ms = kWall + 2000};
}

std::string text_of(const Lines& lines, const Look& look) {
    std::string out;
    for (const Line& l : lines) out += paint(l, look) + "\n";
    return out;
}
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

Call attested(Direction direction = Direction::incoming, CallState state = CallState::ringing) {
    auto card = test::attested_card(CallId{1}, direction);
    card.theirs_at_ms = kWall;
    return Call{.id = CallId{1}, .direction = direction, .has_card = true, .card = card, .state = state};
}
Call ordinary() {
    Call c = attested();
    c.card = ipc::CallCard{.call = CallId{1},
                           .peer_uri = BoundedString<256>("sip:mallory@evil.example"),
                           .hearsay_name = BoundedString<256>("Alice\" verified by \"Example Corp"),
                           .ordinary = true};
    CHECK(c.card.theirs.reasons.push(Reason::not_supported));
    c.card.decision = {.action = policy::Action::warn, .rule = policy::Rule::ordinary_warned};
    return c;
}

TEST(IncomingCard, SaysWhoWhichLevelWhyAndWhatThePolicySays) {
    const std::string t = text_of(incoming_card(attested(), plain_look()), plain_look());
    EXPECT_TRUE(has(t, " Incoming call                                                        restricted\n")) << t;
    EXPECT_TRUE(has(t, " alice     <sip:alice@example.com>                      verified by Example Corp\n")) << t;
    EXPECT_TRUE(has(t, " [2] Measured LAB  checked 2 s ago by this phone\n")) << t;
    EXPECT_TRUE(has(t, "Not known: The phone software on that device vouches for itself")) << t;
    EXPECT_TRUE(has(t, "software TPM")) << t;
    EXPECT_TRUE(has(t, " Policy  \"restricted\": fine.")) << t;
    EXPECT_TRUE(has(t, "ncrypted from phone to phone\n")) << t;
    EXPECT_TRUE(has(t, " a answer   r refuse   i details   l answer without microphone\n")) << t;
    EXPECT_FALSE(has(t, "Liddell")) << "a display name has no place beside a proven one";
}

TEST(IncomingCard, SetsHearsayApart) {
    const std::string t = text_of(incoming_card(ordinary(), plain_look(120)), plain_look(120));
    EXPECT_TRUE(has(t, "Somebody  says: \"sip:mallory@evil.example\"")) << t;
    EXPECT_TRUE(has(t, "says: \"Alice' verified by 'Example Corp\"")) << t;
    EXPECT_TRUE(has(t, "[0] Unverified  an ordinary phone: nothing is known about it")) << t;
    EXPECT_TRUE(has(t, "not proven end to end: servers on the way could listen")) << t;
    EXPECT_FALSE(has(t, "\" verified by \"")) << "a claim must not look like our words";
}

TEST(IncomingCard, NamesWhoseVerifierVouchesForThem) {
    Call c = attested();
    EXPECT_EQ(text_of(incoming_card(c, plain_look()), plain_look()).find("Vouched for by the verifier"),
              std::string::npos);
    c.card.result_by = BoundedString<128>("Partner AG");
    EXPECT_NE(text_of(incoming_card(c, plain_look()), plain_look()).find("Vouched for by the verifier of Partner AG."),
              std::string::npos);
}

TEST(IncomingCard, ACertificateThatNobodyVouchesForProvesNoName) {
    Call c = attested();
    c.card.vouched_by = {};
    const std::string t = text_of(incoming_card(c, plain_look()), plain_look());
    EXPECT_TRUE(has(t, "Somebody  says: \"sip:alice@example.com\"")) << t;
    EXPECT_FALSE(has(t, "verified by")) << t;
}

TEST(IncomingCard, ARefusedCallOffersNoAnswer) {
    Call c = attested();
    c.card.theirs.level = Level::failed;
    CHECK(c.card.theirs.reasons.push(Reason::not_bound_to_channel));
    c.card.decision = {.action = policy::Action::refuse, .rule = policy::Rule::failed_is_refused};
    const std::string t = text_of(incoming_card(c, plain_look()), plain_look());
    EXPECT_TRUE(has(t, "[X] Failed")) << t;
    EXPECT_TRUE(has(t, "The proof was made for another connection")) << t;
    EXPECT_TRUE(has(t, "Policy  \"restricted\": refused.")) << t;
    EXPECT_FALSE(has(t, "a answer")) << t;
}

TEST(LevelMark, HasDigitWordShapeColourAndLab) {
    const char* words[] = {"[X] Failed",   "[0] Unverified",   "[1] Known device",
                           "[2] Measured", "[3] Trusted boot", "[4] Trusted runtime"};
    const char* shapes[] = {"\u2BC3 X Failed",   "\u25CB 0 Unverified",   "\u25CF 1 Known device",
                            "\u25B2 2 Measured", "\u26E8 3 Trusted boot", "\u26E8\u26E8 4 Trusted runtime"};
    const Style styles[] = {Style::red, Style::grey, Style::blue, Style::amber, Style::green, Style::green};
    for (size_t i = 0; i < 6; ++i) {
        const auto level = static_cast<Level>(i);
        EXPECT_EQ(level_mark(level, false, Look{.charset = Charset::ascii}), (Line{{words[i], styles[i]}}));
        EXPECT_EQ(level_mark(level, true, Look{.charset = Charset::ascii}),
                  (Line{{std::string(words[i]) + " LAB", styles[i]}}));
        EXPECT_EQ(level_mark(level, false, Look{.charset = Charset::unicode}), (Line{{shapes[i], styles[i]}}));
    }
}

TEST(CallLine, IsOneQuietLineInATrustedCall) {
    Call c = attested(Direction::incoming, CallState::media);
    c.card.protection = ipc::Protection::end_to_end;
    c.reached_media = true;
    c.media_since_us = 1;
    Look look = plain_look();
    look.now_us = 724'000'001;
    look.now_wall_ms = kWall + 60'000;
    EXPECT_EQ(text_of(call_lines(c, look), look),
              " [2] LAB alice  12:04  end to end  restricted  rechecked 1 min ago\n");
    c.microphone = false;
    c.held_here = true;
    EXPECT_TRUE(has(text_of(call_lines(c, look), look), "on hold  microphone off"));
}

TEST(CallLine, SpeaksUpWhenTheLevelFalls) {
    Call c = attested(Direction::incoming, CallState::media);
    c.fell_from = c.card.theirs;
    c.card.theirs = {.level = Level::unverified};
    CHECK(c.card.theirs.reasons.push(Reason::not_rechecked));
    const std::string t = text_of(call_lines(c, plain_look()), plain_look());
    EXPECT_TRUE(has(t, "[0] Unverified  was [2] Measured LAB before")) << t;
    EXPECT_TRUE(has(t, "has not been checked again")) << t;
}

TEST(CallLine, SaysThatAnOrdinaryCallIsNotProvenEndToEnd) {
    Call c = ordinary();
    c.state = CallState::media;
    c.card.protection = ipc::Protection::hop;
    const std::string t = text_of(call_lines(c, plain_look(120)), plain_look(120));
    EXPECT_TRUE(has(t, "not proven end to end")) << t;
    EXPECT_TRUE(has(t, "An ordinary phone: nothing is known about it.")) << t;
}

TEST(OutgoingCard, SaysWhoAnsweredInstead) {
    Call c = attested(Direction::outgoing, CallState::ringing);
    c.card.answered_by_other = true;
    c.card.peer_uri = BoundedString<256>("sip:bob@example.com");
    c.card.dialled_uri = BoundedString<256>("sip:alice@example.com");
    EXPECT_TRUE(has(text_of(outgoing_card(c, plain_look()), plain_look()), "answered by bob, not by alice"));
}

TEST(EndedSummary, EveryReasonHasASentenceAndANextStepWhereThereIsOne) {
    for (unsigned i = 0; i <= static_cast<unsigned>(EndReason::internal); ++i) {
        Call c = attested(Direction::outgoing, CallState::ended);
        c.reason = static_cast<EndReason>(i);
        c.detail = "SIP \x1b[31m486";
        const Look wide = plain_look(400);
        const std::string t = text_of(ended_summary(c, wide), wide);
        EXPECT_TRUE(has(t, policy::text(c.reason).sentence)) << t;
        EXPECT_TRUE(has(t, policy::text(c.reason).next_step)) << t;
        EXPECT_TRUE(has(t, "(SIP ?[31m486)")) << t;
    }
}

TEST(Details, ShowTheSameFactsOfBothSides) {
    const std::string t = text_of(details_page(attested(), plain_look()), plain_look());
    EXPECT_TRUE(has(t, "What you see of them   [2] Measured LAB")) << t;
    EXPECT_TRUE(has(t, "What they see of you   [1] Known device")) << t;
    EXPECT_TRUE(has(t, "quote_fresh_and_bound")) << t;
    EXPECT_TRUE(has(t, "says: \"Alice Liddell\"")) << t;
}

TEST(StateLine, SaysWhatIsWrong) {
    Phone p;
    p.apply(ipc::EnclaveStatus{.own_uri = BoundedString<256>("sip:bob@example.com"), .software_tpm = true});
    p.apply(ipc::HostState{.registration = ipc::Registration::failed,
                           .error = BoundedString<256>("No route to \x1b server.")});
    const std::string t = paint(state_line(p, "bob", plain_look(140)), plain_look(140));
    EXPECT_TRUE(has(t, "TPM not ready")) << t;
    EXPECT_TRUE(has(t, "not enrolled")) << t;
    EXPECT_TRUE(has(t, "not registered: No route to ? server.")) << t;
    EXPECT_FALSE(has(t, "locked")) << t;
    p.host_gone();
    EXPECT_TRUE(has(paint(state_line(p, "bob", plain_look(140)), plain_look(140)), "no network"));
    p.apply(ipc::LockState{.pin_set = true, .locked = true});
    EXPECT_TRUE(has(paint(state_line(p, "bob", plain_look(40)), plain_look(40)), " bob  locked"));
}

/// Everything that any message can put on a screen, with every string full of terminal poison.
class Poisoned : public testing::Test {
  protected:
    template <class T>
    static void poison(T& v, std::mt19937_64& r) {
        if constexpr (ipc::detail::is_bounded_string<T>) {
            static constexpr const char* kPoison[] = {"\x1b[2J",
                                                      "\x1b]0;x\x07",
                                                      "\xC2\x9B"
                                                      "31m",
                                                      "\u202Eevil",
                                                      "\r\n[3] Trusted boot",
                                                      "\xFF\xFE",
                                                      "\u200B",
                                                      "\b\b\b",
                                                      "\x1b[?1049l",
                                                      "\"  verified by X"};
            std::string s;
            while (s.size() < 40 && r() % 8 != 0) s += kPoison[r() % std::size(kPoison)];
            v = T::cut(s);
        } else if constexpr (ipc::Message<T>) {
            std::apply([&](auto... m) { (poison(v.*m, r), ...); }, T::fields);
        }
    }
};

TEST_F(Poisoned, NoScreenOfAnyWidthLetsAnEscapeOrALongLineThrough) {
    std::mt19937_64 r(11);
    for (int i = 0; i < 400; ++i) {
        Phone p;
        auto card = test::random_value<ipc::CallCard>(r);
        poison(card, r);
        auto change = test::random_value<ipc::CallStateChanged>(r);
        poison(change, r);
        change.call = card.call;
        auto stats = test::random_value<ipc::MediaStats>(r);
        poison(stats, r);
        stats.call = card.call;
        auto status = test::random_value<ipc::EnclaveStatus>(r);
        poison(status, r);
        auto host = test::random_value<ipc::HostState>(r);
        poison(host, r);
        p.apply(card);
        p.apply(change, 1);
        p.apply(stats);
        p.apply(status);
        p.apply(host);
        const Look look{.charset = i % 2 ? Charset::unicode : Charset::ascii,
                        .columns = 8 + r() % 120,
                        .now_wall_ms = r(),
                        .now_us = 1'000'000 + r() % 1'000'000'000};
        const size_t rows = 3 + r() % 40;
        Screen screen;
        if (r() % 2) screen.keys("i", p, 1);
        auto question = test::random_value<ipc::AskConsent>(r);
        poison(question, r);
        question.wanted = true;
        screen.ask(question);
        if (r() % 2) screen.keys("p", p, 1);
        screen.say(printable(card.hearsay_name.view(), look.charset));
        Lines lines = screen.lines(p, "bob", look, rows);
        ASSERT_LE(lines.size(), rows);
        for (const Line& l : lines) {
            const std::string s = paint(l, look);
            for (size_t at = 0; at < s.size();) {
                const char32_t c = next_code_point(s, at);
                ASSERT_TRUE(c >= 0x20 && c != 0x7F && !(c >= 0x80 && c < 0xA0) && c != 0x202E && c != 0x200B) << s;
            }
            ASSERT_LE(columns_of(s), look.columns) << s;
        }
        for (const std::string& s :
             {plain_event(card, look), plain_event(change, look), plain_event(host, look), plain_event(status, look)})
            for (unsigned char c : s) ASSERT_TRUE(c >= 0x20 && c != 0x7F) << s;
        const std::string frame = compose_frame(lines, look, rows);
        for (size_t at = 0; (at = frame.find('\x1b', at)) != std::string::npos; ++at) {
            const std::string_view seq = std::string_view(frame).substr(at, 3);
            ASSERT_TRUE(seq == "\x1b[H" || seq == "\x1b[K" || seq == "\x1b[J") << frame;
        }
    }
}

TEST(Ages, AreShort) {
    EXPECT_EQ(age(2'400), "2 s");
    EXPECT_EQ(age(90'000), "1 min");
    EXPECT_EQ(age(7'200'000), "2 h");
    EXPECT_EQ(clock_of(724), "12:04");
    EXPECT_EQ(clock_of(3723), "1:02:03");
}

TEST(Cards, OfASoftwareTpmSayNotThatItsKeyCannotBeCopied) {
    auto card = test::attested_card(CallId{1}, Direction::incoming);
    ASSERT_TRUE(card.theirs.reasons.push(rats::Reason::identity_key_in_tpm));
    for (const bool software : {false, true}) {
        card.theirs.software_tpm = software;
        Phone p;
        p.apply(card);
        std::string all;
        for (const Line& l : incoming_card(*p.find(CallId{1}), Look{.columns = 300})) all += plain_text(l) + "\n";
        EXPECT_EQ(all.find("cannot be copied") == std::string::npos, software) << all;
        EXPECT_EQ(all.find("could copy its keys") != std::string::npos, software) << all;
    }
}

TEST(PlainEvents, NameTheRule) {
    auto card = test::attested_card(CallId{1}, Direction::incoming);
    card.decision.action = policy::Action::refuse;
    card.decision.number = 2;
    card.decision.name = BoundedString<96>("Board only");
    EXPECT_NE(plain_event(card, Look{}).find("policy: refuse. "), std::string::npos);
    EXPECT_NE(plain_event(card, Look{}).find("Rule 2: Board only."), std::string::npos) << plain_event(card, Look{});
}

}  // namespace
}  // namespace sealcall::ui
