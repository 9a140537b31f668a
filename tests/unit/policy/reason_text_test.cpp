#include "sealcall/policy/reason_text.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace sealcall::policy {
namespace {

template <class E>
std::vector<E> every() {
    std::vector<E> out;
    for (size_t i = 0; i <= static_cast<size_t>(ipc::EnumRange<E>::last); ++i) out.push_back(static_cast<E>(i));
    return out;
}

template <class E>
std::vector<Text> texts() {
    std::vector<Text> out;
    for (E e : every<E>()) out.push_back(text(e));
    return out;
}

std::vector<Text> all_texts() {
    std::vector<Text> out = texts<rats::Reason>();
    for (auto part : {texts<Rule>(), texts<ipc::EndReason>()}) out.insert(out.end(), part.begin(), part.end());
    return out;
}

TEST(ReasonText, EveryEnumeratorHasOneSentence) {
    for (const Text& t : all_texts()) {
        ASSERT_FALSE(t.sentence.empty());
        EXPECT_EQ(t.sentence.back(), '.') << t.sentence;
        EXPECT_FALSE(std::islower(static_cast<unsigned char>(t.sentence.front()))) << t.sentence;
        EXPECT_EQ(t.sentence.find(". "), std::string_view::npos) << "one sentence: " << t.sentence;
        EXPECT_LE(t.sentence.size(), 120u) << t.sentence;
        if (!t.next_step.empty()) {
            EXPECT_EQ(t.next_step.back(), '.') << t.next_step;
        }
    }
}

TEST(ReasonText, EverySentenceIsItsOwn) {
    std::set<std::string_view> seen;
    for (const Text& t : texts<rats::Reason>()) EXPECT_TRUE(seen.insert(t.sentence).second) << t.sentence;
    seen.clear();
    for (const Text& t : texts<ipc::EndReason>()) EXPECT_TRUE(seen.insert(t.sentence).second) << t.sentence;
}

TEST(ReasonText, SpeaksOfTheWorldAndNotOfTheCode) {
    for (const Text& t : all_texts())
        for (const char* word : {"PCR", "TPM", "quote", "nonce", "enclave", "AK", "EK", "DTLS", "SRTP", "TLS", "hash",
                                 "attest", "fingerprint", "CEL", "0x", "_"})
            for (std::string_view part : {t.sentence, t.next_step})
                EXPECT_EQ(part.find(word), std::string_view::npos) << word << " in: " << part;
}

TEST(ReasonText, WhatIsMissingOrWrongHasANextStep) {
    for (rats::Reason r : every<rats::Reason>()) {
        if (r <= rats::Reason::vouched_by_partner && r != rats::Reason::tpm_genuine_lab) continue;
        EXPECT_FALSE(text(r).next_step.empty()) << text(r).sentence;
    }
    for (Rule r : every<Rule>())
        if (r != Rule::meets_minimum) {
            EXPECT_FALSE(text(r).next_step.empty()) << text(r).sentence;
        }
}

TEST(LevelText, ShowsWordShapeColourAndAsciiTogether) {
    std::set<std::string_view> words, shapes;
    for (rats::Level l : every<rats::Level>()) {
        const LevelText& t = text(l);
        EXPECT_EQ(t.ascii, std::string("[") + t.digit + "]");
        EXPECT_TRUE(words.insert(t.word).second);
        EXPECT_TRUE(shapes.insert(t.shape).second);
        EXPECT_FALSE(t.colour.empty());
        EXPECT_FALSE(t.meaning.empty());
    }
    EXPECT_EQ(text(rats::Level::failed).digit, 'X');
    EXPECT_EQ(text(rats::Level::measured).word, "Measured");
}

TEST(LevelText, FailedAndUnverifiedLookDifferent) {
    EXPECT_NE(text(rats::Level::failed).colour, text(rats::Level::unverified).colour);
}

}  // namespace
}  // namespace sealcall::policy
