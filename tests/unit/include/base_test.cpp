// The base types: results, bounded bytes, the checked reader, secrets that wipe themselves, descriptors that close.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <memory>
#include <new>

#include "sealcall/base/bytes.h"
#include "sealcall/base/secret.h"
#include "sealcall/base/strong.h"
#include "sealcall/base/time.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall {
namespace {

Result<int> half(int v) {
    if (v % 2 != 0) return Error{Errc::bad_value, "odd", static_cast<uint32_t>(v)};
    return v / 2;
}
Result<int> quarter(int v) {
    TRY(int h, half(v));
    TRY(int q, half(h));
    return q;
}
Status check_even(int v) {
    if (v % 2 != 0) return Error{Errc::bad_value, "odd", 0};
    return {};
}
Status both_even(int a, int b, int* reached) {
    TRY_STATUS(check_even(a));
    ++*reached;
    TRY_STATUS(check_even(b));
    ++*reached;
    return {};
}

TEST(Result, TryBindsTheValueOrReturnsTheError) {
    auto good = quarter(12);
    ASSERT_TRUE(good);
    EXPECT_EQ(*good, 3);
    auto bad = quarter(6);
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().code, Errc::bad_value);
    EXPECT_EQ(bad.error().detail, 3u);
    EXPECT_EQ(quarter(7).value_or(-1), -1);
    EXPECT_EQ(quarter(8).value_or(-1), 2);
}

TEST(Result, TryStatusStopsAtTheFirstError) {
    int reached = 0;
    EXPECT_TRUE(both_even(2, 4, &reached));
    EXPECT_EQ(reached, 2);
    reached = 0;
    EXPECT_FALSE(both_even(2, 3, &reached));
    EXPECT_EQ(reached, 1);
    reached = 0;
    EXPECT_FALSE(both_even(1, 3, &reached));
    EXPECT_EQ(reached, 0);
}

TEST(Result, CarriesMoveOnlyValues) {
    Result<std::unique_ptr<int>> r = std::make_unique<int>(5);
    ASSERT_TRUE(r);
    std::unique_ptr<int> p = std::move(r).value();
    EXPECT_EQ(*p, 5);
}

TEST(ResultDeathTest, TakingWhatIsNotThereEndsTheProcess) {
    Result<int> bad = Error{Errc::io, "x", 0};
    EXPECT_DEATH((void)bad.value(), "check_failed");
    Result<int> good = 1;
    EXPECT_DEATH((void)good.error(), "check_failed");
    Status ok;
    EXPECT_DEATH((void)ok.error(), "check_failed");
}

TEST(ByteReader, ReadsBigEndianAndNothingPastTheEnd) {
    ByteWriter w;
    w.u8(0x01).u16(0x0203).u32(0x04050607).u64(0x08090a0b0c0d0e0f).bytes(as_bytes("xy"));
    EXPECT_EQ(w.size(), 17u);
    for (size_t i = 0; i < 15; ++i) EXPECT_EQ(static_cast<size_t>(w.view()[i]), i + 1);
    ByteReader r(w.view());
    EXPECT_EQ(*r.u8(), 0x01);
    EXPECT_EQ(*r.u16(), 0x0203);
    EXPECT_EQ(*r.u32(), 0x04050607u);
    EXPECT_EQ(*r.u64(), 0x08090a0b0c0d0e0fu);
    EXPECT_FALSE(r.finish());
    auto too_much = r.bytes(3);
    ASSERT_FALSE(too_much);
    EXPECT_EQ(too_much.error().code, Errc::truncated);
    EXPECT_EQ(r.offset(), 15u) << "a failed read must not move";
    EXPECT_EQ(as_chars(*r.bytes(2)), "xy");
    EXPECT_TRUE(r.done());
    EXPECT_TRUE(r.finish());
    EXPECT_FALSE(r.u8());
    EXPECT_FALSE(r.bytes(SIZE_MAX)) << "no overflow of the offset";
    EXPECT_TRUE(r.bytes(0));
}

TEST(ByteReader, RefusesEveryShortInteger) {
    Bytes b(8);
    for (size_t n = 0; n < 8; ++n) {
        ByteReader r(ByteSpan(b).first(n));
        EXPECT_FALSE(r.u64());
        EXPECT_EQ(r.left(), n);
    }
}

TEST(Bounded, RefusesWhatIsTooLong) {
    EXPECT_TRUE(BoundedBytes<2>::from(as_bytes("ab")));
    EXPECT_FALSE(BoundedBytes<2>::from(as_bytes("abc")));
    EXPECT_TRUE(BoundedString<2>::from("ab"));
    EXPECT_EQ(BoundedString<2>::from("abc").error().code, Errc::too_large);
    EXPECT_EQ(BoundedString<9>::from(std::string_view("a\0b", 3)).error().code, Errc::bad_value);
    EXPECT_EQ(BoundedString<4>::cut("abcdef").view(), "abcd");
    EXPECT_EQ(BoundedString<4>::cut(std::string_view("a\0bc", 4)).view(), "a");
    EXPECT_EQ(BoundedString<4>::cut("").view(), "");
    BoundedList<int, 2> list;
    EXPECT_TRUE(list.push(1));
    EXPECT_TRUE(list.push(2));
    EXPECT_FALSE(list.push(3));
    EXPECT_EQ(list.size(), 2u);
}

TEST(BoundedDeathTest, AnUncheckedLongValueEndsTheProcess) {
    EXPECT_DEATH(BoundedBytes<2>(as_bytes("abc")), "check_failed");
    EXPECT_DEATH(BoundedString<2>("abc"), "check_failed");
}

TEST(Secret, ComparesMovesAndWipes) {
    auto a = Secret<4>::from(as_bytes("abcd"));
    auto b = Secret<4>::from(as_bytes("abcd"));
    auto c = Secret<4>::from(as_bytes("abce"));
    ASSERT_TRUE(a && b && c);
    EXPECT_TRUE(*a == *b);
    EXPECT_FALSE(*a == *c);
    EXPECT_FALSE(Secret<4>::from(as_bytes("abc")));
    Secret<4> moved = std::move(*a);
    EXPECT_TRUE(moved == *b);
    Secret<4> zero;
    EXPECT_TRUE(*a == zero) << "a secret that was moved from is zero";
    zero = std::move(moved);
    EXPECT_TRUE(zero == *b);
    EXPECT_TRUE(moved == Secret<4>());
    zero.clear();
    EXPECT_TRUE(zero == Secret<4>());
}

TEST(Secret, LeavesNothingBehindWhenItEnds) {
    using S = Secret<32>;
    static_assert(!std::is_copy_constructible_v<S> && !std::is_copy_assignable_v<S>);
    alignas(S) std::array<std::byte, sizeof(S)> place{};
    auto* s = new (place.data()) S();
    std::ranges::fill(s->reveal(SecretAccess{}), std::byte{0x5a});
    EXPECT_EQ(place[7], std::byte{0x5a});
    s->~S();
    for (size_t i = 0; i < sizeof(S); ++i) {
        const volatile std::byte* p = place.data() + i;
        const std::byte left = *p;
        EXPECT_EQ(left, std::byte{0}) << i;
    }
}

bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, ClosesOnceAndOnlyItsOwn) {
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ASSERT_GE(fd, 0);
    {
        UniqueFd a(fd);
        UniqueFd b(std::move(a));
        EXPECT_FALSE(a.valid());
        EXPECT_TRUE(b.valid());
        UniqueFd c;
        c = std::move(b);
        EXPECT_TRUE(is_open(fd));
        EXPECT_EQ(c.get(), fd);
    }
    EXPECT_FALSE(is_open(fd));
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    UniqueFd d(fd);
    EXPECT_EQ(d.release(), fd);
    EXPECT_FALSE(d.valid());
    EXPECT_TRUE(is_open(fd));
    d = UniqueFd(fd);
    d.reset();
    EXPECT_FALSE(is_open(fd));
    d.reset();
}

TEST(Strong, DifferentNamesAreDifferentTypes) {
    static_assert(!std::is_convertible_v<CallId, SessionId>);
    static_assert(!std::is_same_v<CallId, SessionId>);
    EXPECT_LT(CallId{1}, CallId{2});
    EXPECT_EQ(CallId{3}, CallId{3});
}

TEST(BootClock, NeverGoesBack) {
    auto a = BootClock::now();
    auto b = BootClock::now();
    EXPECT_LE(a, b);
    EXPECT_GT(a.time_since_epoch().count(), 0);
    EXPECT_GT(wall_ms(), 1600000000000ull);
}

}  // namespace
}  // namespace sealcall
