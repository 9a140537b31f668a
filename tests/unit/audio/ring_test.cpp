#include "enclave/audio/ring.h"

#include <gtest/gtest.h>

#include <thread>

namespace sealcall::audio {
namespace {

TEST(Ring, TakesAllOrNothing) {
    Ring<int, 8> ring;
    const std::array<int, 5> five{1, 2, 3, 4, 5};
    EXPECT_TRUE(ring.push(five));
    EXPECT_FALSE(ring.push(five));
    EXPECT_EQ(ring.size(), 5U);
    std::array<int, 8> out{};
    EXPECT_EQ(ring.pop(out), 5U);
    EXPECT_EQ(out[4], 5);
    EXPECT_EQ(ring.pop(out), 0U);
}

TEST(Ring, DrainEmptiesIt) {
    Ring<int, 4> ring;
    EXPECT_TRUE(ring.push(std::array{1, 2, 3}));
    ring.drain();
    EXPECT_EQ(ring.size(), 0U);
    EXPECT_TRUE(ring.push(std::array{4, 5, 6, 7}));
}

TEST(Ring, KeepsOrderBetweenTwoThreads) {
    Ring<uint32_t, 64> ring;
    constexpr uint32_t kCount = 200000;
    std::thread producer([&] {
        for (uint32_t i = 0; i < kCount;) {
            const std::array<uint32_t, 3> three{i, i + 1, i + 2};
            if (ring.push(three))
                i += 3;
            else
                std::this_thread::yield();
        }
    });
    uint32_t expected = 0;
    std::array<uint32_t, 7> out{};
    bool in_order = true;
    while (expected < kCount) {
        const size_t n = ring.pop(out);
        if (n == 0) std::this_thread::yield();
        for (size_t i = 0; i < n; ++i) in_order = in_order && out[i] == expected++;
    }
    producer.join();
    EXPECT_TRUE(in_order);
}

}  // namespace
}  // namespace sealcall::audio
