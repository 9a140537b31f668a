// Text of others on a person's screen: nothing of it moves the cursor, turns the writing or pretends to be ours.
#include "host/ui/text.h"

#include <gtest/gtest.h>

#include <random>

#include "host/ui/line.h"

namespace sealcall::ui {
namespace {

constexpr auto kU = Charset::unicode;
constexpr auto kA = Charset::ascii;
const std::string kBad = "\xEF\xBF\xBD";

TEST(Printable, KeepsOrdinaryTextOfManyScripts) {
    for (const char* s : {"Alice", "Zoë Müller", "Ольга", "山田太郎", "אבג", "e\u0301te\u0301", "☎ 42"})
        EXPECT_EQ(printable(s, kU), s);
}

TEST(Printable, ReplacesControlCharactersAndEscapes) {
    EXPECT_EQ(printable("a\x1b[2Jb", kU), "a" + kBad + "[2Jb");
    EXPECT_EQ(printable("a\r\nb\tc\x7f", kU), "a" + kBad + kBad + "b" + kBad + "c" + kBad);
    EXPECT_EQ(printable("\xC2\x9B"
                        "31m",
                        kU),
              kBad + "31m")
        << "C1 CSI";
    EXPECT_EQ(printable(std::string_view("a\0b", 3), kU), "a" + kBad + "b");
}

TEST(Printable, ReplacesWhatTurnsOrHidesText) {
    for (const char* s : {"\u202E", "\u202A", "\u2066", "\u2069", "\u200B", "\u200E", "\u200F", "\u061C", "\u2028",
                          "\uFEFF", "\u00AD", "\U000E0041", "\uE000", "\uFE0F", "\u3164", "\u2060"})
        EXPECT_EQ(printable(std::string("x") + s, kU), "x" + kBad) << testing::PrintToString(std::string(s));
}

TEST(Printable, ReplacesInvalidUtf8ByteByByte) {
    EXPECT_EQ(printable("\xC0\xAF", kU), kBad + kBad) << "overlong slash";
    EXPECT_EQ(printable("\xE0\x80\x9B", kU), kBad + kBad + kBad) << "overlong CSI";
    EXPECT_EQ(printable("\xED\xA0\x80", kU), kBad + kBad + kBad) << "surrogate";
    EXPECT_EQ(printable("\xF4\x90\x80\x80", kU), kBad + kBad + kBad + kBad) << "beyond U+10FFFF";
    EXPECT_EQ(printable("\xE2\x82", kU), kBad + kBad) << "cut short";
    EXPECT_EQ(printable("\xFFz", kU), kBad + "z");
}

TEST(Printable, LimitsPilesOfMarks) {
    std::string pile = "a";
    for (int i = 0; i < 20; ++i) pile += "\u0301";
    const std::string shown = printable(pile, kU);
    EXPECT_EQ(shown.substr(0, 5), "a\u0301\u0301");
    EXPECT_EQ(shown.substr(5, 3), kBad);
    EXPECT_EQ(printable("\u0301x", kU), kBad + "x") << "a mark would join our own text";
}

TEST(Printable, FallsBackToAscii) { EXPECT_EQ(printable("Zoë 山", kA), "Zo? ?"); }

TEST(Printable, RandomBytesNeverLeaveAControlCharacter) {
    std::mt19937 r(7);
    for (int i = 0; i < 3000; ++i) {
        std::string s(r() % 40, ' ');
        for (char& c : s) c = static_cast<char>(r());
        for (Charset charset : {kU, kA}) {
            const std::string out = printable(s, charset);
            for (size_t at = 0; at < out.size();) {
                const size_t before = at;
                const char32_t c = next_code_point(out, at);
                ASSERT_TRUE(c != kReplacement || at - before == 3) << "invalid UTF-8 came out";
                ASSERT_GE(c, 0x20u);
                ASSERT_FALSE(c >= 0x7F && c <= 0x9F);
                ASSERT_TRUE(charset == kU || c < 0x7F);
            }
            ASSERT_EQ(printable(out, charset), out) << "once is enough";
        }
    }
}

TEST(Says, StaysInsideItsQuotes) {
    EXPECT_EQ(says("Bob", 40, kU), "says: \"Bob\"");
    EXPECT_EQ(says("Bob\" verified by \"Example Corp", 60, kU), "says: \"Bob' verified by 'Example Corp\"");
    EXPECT_EQ(says("Bob\u201D  \u00BBx", 60, kU), "says: \"Bob'  'x\"");
    const std::string cut_off = says(std::string(500, 'x'), 30, kU);
    EXPECT_EQ(columns_of(cut_off), 30u);
    EXPECT_TRUE(cut_off.ends_with("\u2026\""));
    EXPECT_EQ(says("", 30, kU), "says: \"\"");
}

TEST(Cut, MarksWhatIsMissingAndCountsColumns) {
    EXPECT_EQ(cut("abcdef", 6, kU), "abcdef");
    EXPECT_EQ(cut("abcdefg", 6, kU), "abcde\u2026");
    EXPECT_EQ(cut("abcdefg", 6, kA), "abc...");
    EXPECT_EQ(cut("山田太郎", 5, kU), "山田\u2026");
    EXPECT_EQ(cut("山田", 1, kU), "");
    EXPECT_EQ(cut("abc", 0, kU), "");
    EXPECT_EQ(columns_of("山a\u0301"), 3u);
}

TEST(Wrap, BreaksBetweenWordsAndInsideLongOnes) {
    EXPECT_EQ(wrap("one two three", 8), (std::vector<std::string>{"one two", "three"}));
    EXPECT_EQ(wrap("abcdefghij", 4), (std::vector<std::string>{"abcd", "efgh", "ij"}));
    EXPECT_EQ(wrap("", 10), std::vector<std::string>{""});
    EXPECT_EQ(wrap("山田", 1).size(), 2u) << "ends even when nothing fits";
    for (size_t w = 1; w < 30; ++w)
        for (const auto& l : wrap("Nothing is known about that device, or it could not be checked.", w))
            EXPECT_LE(columns_of(l), std::max<size_t>(w, 2));
}

TEST(Paint, OnlyOurOwnEscapesLeave) {
    const Line line{{"ok \x1b[2J\x07 bad", Style::red}};
    EXPECT_EQ(paint(line, Look{.colour = false, .charset = kU}), "ok " + kBad + "[2J" + kBad + " bad");
    EXPECT_EQ(paint(line, Look{.colour = true, .charset = kA}), "\x1b[1;31mok ?[2J? bad\x1b[0m");
}

TEST(Paint, CutsAtTheEdgeAndEndsItsColour) {
    const Line line{{"12345", Style::green}, {"67890", Style::red}, {"x"}};
    EXPECT_EQ(paint(line, Look{.charset = kU, .columns = 7}), "123456\u2026");
    EXPECT_EQ(paint(line, Look{.colour = true, .charset = kU, .columns = 5}), "\x1b[32m12345\x1b[0m");
}

TEST(Spread, DropsTheRightSideWhenThereIsNoRoom) {
    const Look wide{.columns = 20};
    EXPECT_EQ(plain_text(spread({{"left"}}, {{"right"}}, wide)), "left           right");
    EXPECT_EQ(plain_text(spread({{"left"}}, {{"a long right side"}}, wide)), "left");
}

}  // namespace
}  // namespace sealcall::ui
