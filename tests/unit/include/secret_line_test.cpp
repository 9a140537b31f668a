// What a person types where a PIN or password is asked for.
#include "host/terminal/secret_line.h"

#include <gtest/gtest.h>

namespace sealcall {
namespace {

using Line = SecretLine<8>;

/// Types all of it; what stands there then.
std::string after(std::string_view keys) {
    Line line;
    for (char c : keys) EXPECT_EQ(line.key(c), Line::Key::edited);
    const size_t n = line.size();
    const Secret<8> typed = line.take();
    return std::string(as_chars(typed.reveal(SecretAccess{}))).substr(0, n);
}

TEST(SecretLine, TakesNoControlCharacters) { EXPECT_EQ(after(std::string_view("a\0b\tc\x1b\x7f", 7)), "ab"); }

TEST(SecretLine, BackspaceTakesAWholeCharacter) {
    EXPECT_EQ(after("a\xc3\xa4\x7f"), "a");
    EXPECT_EQ(after("a\xe2\x82\xac\x08z"), "az");
    EXPECT_EQ(after("\x7f\x7fz"), "z");
}

TEST(SecretLine, LeavesNothingOfWhatWasTakenBack) {
    Line line;
    for (char c : std::string_view("abcdefgh\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f")) line.key(c);
    EXPECT_EQ(line.take(), Secret<8>());
}

TEST(SecretLine, BeginsAnewAfterTooMuch) {
    Line line;
    for (char c : std::string_view("123456789")) line.key(c);
    EXPECT_TRUE(line.too_long());
    line.key('\x7f');
    EXPECT_FALSE(line.too_long());
    EXPECT_EQ(line.size(), 8u);
    for (char c : std::string_view("9x\x15"
                                   "abc"))
        line.key(c);
    EXPECT_FALSE(line.too_long());
    EXPECT_EQ(line.size(), 3u);
}

TEST(SecretLine, CtrlDGivesUpAndFinishesNothing) {
    Line line;
    line.key('a');
    EXPECT_EQ(line.key('\x04'), Line::Key::given_up);
    EXPECT_EQ(line.key('\x03'), Line::Key::given_up);
    EXPECT_EQ(line.key('\r'), Line::Key::finished);
}

TEST(EscapeFilter, TakesSequencesOut) {
    EscapeFilter f;
    std::string keys;
    for (char c : std::string_view("a\x1b[3~b\x1bOHc\x1b\x1b[Ad\x1b[1;5De"))
        if (f.take(c) == EscapeFilter::Byte::key) keys += c;
    EXPECT_EQ(keys, "abcde");
    EXPECT_FALSE(f.begun());
    (void)f.take('\x1b');
    EXPECT_TRUE(f.lone());
    EXPECT_FALSE(f.lone());
    EXPECT_EQ(f.take('x'), EscapeFilter::Byte::key);
}

}  // namespace
}  // namespace sealcall
