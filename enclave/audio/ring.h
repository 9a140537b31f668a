// Ring: one producer thread, one consumer thread, no locks, no allocation: what a sound callback may use.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <span>

namespace sealcall::audio {

template <class T, size_t N>
class Ring {
    static_assert((N & (N - 1)) == 0, "a power of two");

  public:
    /// Items that can be read. Exact for the consumer, a lower bound for others.
    [[nodiscard]] size_t size() const {
        return written_.load(std::memory_order_acquire) - read_.load(std::memory_order_acquire);
    }
    /// Producer. All of `in` or nothing.
    bool push(std::span<const T> in) {
        const size_t at = written_.load(std::memory_order_relaxed);
        if (N - (at - read_.load(std::memory_order_acquire)) < in.size()) return false;
        for (size_t i = 0; i < in.size(); ++i) items_[(at + i) % N] = in[i];
        written_.store(at + in.size(), std::memory_order_release);
        return true;
    }
    /// Consumer. Fills as much of `out` as there is and returns the number of items.
    size_t pop(std::span<T> out) {
        const size_t at = read_.load(std::memory_order_relaxed);
        const size_t n = std::min(out.size(), written_.load(std::memory_order_acquire) - at);
        for (size_t i = 0; i < n; ++i) out[i] = items_[(at + i) % N];
        read_.store(at + n, std::memory_order_release);
        return n;
    }
    /// Consumer. Throws away what can be read.
    void drain() { read_.store(written_.load(std::memory_order_acquire), std::memory_order_release); }

  private:
    std::array<T, N> items_{};
    alignas(64) std::atomic<size_t> written_{0};
    alignas(64) std::atomic<size_t> read_{0};
};

}  // namespace sealcall::audio
