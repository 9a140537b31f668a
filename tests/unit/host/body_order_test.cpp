#include "host/call/body_order.h"

#include <gtest/gtest.h>

#include <string>

namespace sealcall::host {
namespace {

Bytes body(uint32_t n, char content = 'x') {
    return {std::byte(n >> 24), std::byte(n >> 16 & 0xff), std::byte(n >> 8 & 0xff), std::byte(n & 0xff),
            std::byte(content)};
}

/// Last byte of the number of each body.
std::string numbers(const std::vector<Bytes>& bodies) {
    std::string s;
    for (const Bytes& b : bodies) s += std::to_string(std::to_integer<int>(b[3])) + " ";
    return s;
}

TEST(BodyOrder, PassesWhatComesInOrder) {
    BodyOrder o;
    for (uint32_t n = 0; n < 100; ++n) {
        auto out = o.take(body(n));
        ASSERT_EQ(out.size(), 1u);
        EXPECT_EQ(out[0], body(n));
    }
    EXPECT_EQ(o.held(), 0u);
}

TEST(BodyOrder, HoldsWhatOvertookUntilTheMissingOneComes) {
    BodyOrder o;
    EXPECT_EQ(numbers(o.take(body(2))), "");
    EXPECT_EQ(numbers(o.take(body(1))), "");
    EXPECT_EQ(numbers(o.take(body(4))), "");
    EXPECT_EQ(numbers(o.take(body(0))), "0 1 2 ");
    EXPECT_EQ(o.held(), 1u);
    EXPECT_EQ(numbers(o.take(body(3))), "3 4 ");
    EXPECT_EQ(o.held(), 0u);
}

TEST(BodyOrder, HoldsAtMostAWindowWhateverComes) {
    BodyOrder o;
    for (int round = 0; round < 3; ++round)
        for (uint32_t n = 1; n < 50; ++n) {
            const bool held = o.take(body(n)).empty();
            EXPECT_EQ(held, n <= BodyOrder::kWindow);
        }
    EXPECT_EQ(o.held(), size_t{BodyOrder::kWindow});
}

TEST(BodyOrder, KeepsTheFirstOfTwoWithTheSameNumber) {
    BodyOrder o;
    EXPECT_TRUE(o.take(body(1, 'a')).empty());
    EXPECT_TRUE(o.take(body(1, 'b')).empty());
    auto out = o.take(body(0));
    ASSERT_EQ(out.size(), 2u);
    EXPECT_EQ(out[1], body(1, 'a'));
}

TEST(BodyOrder, PassesDuplicatesAndNonsenseForTheEnclaveToJudge) {
    BodyOrder o;
    EXPECT_EQ(numbers(o.take(body(0))), "0 ");
    EXPECT_EQ(numbers(o.take(body(0))), "0 ");
    EXPECT_EQ(o.take(body(UINT32_MAX)).size(), 1u);
    EXPECT_EQ(o.take(Bytes(3)).size(), 1u);
    EXPECT_EQ(numbers(o.take(body(1))), "1 ");
}

TEST(BodyOrder, GivesUpTheMissingOneAndGoesOnBehindIt) {
    BodyOrder o;
    EXPECT_TRUE(o.take(body(2)).empty());
    EXPECT_TRUE(o.take(body(5)).empty());
    EXPECT_EQ(numbers(o.give_up()), "2 5 ");
    EXPECT_EQ(o.held(), 0u);
    EXPECT_EQ(numbers(o.take(body(6))), "6 ");
}

}  // namespace
}  // namespace sealcall::host
