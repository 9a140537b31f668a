// Secret<N>: key bytes that wipe themselves, compare in constant time and cannot be printed or copied by accident.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <span>

#include "sealcall/base/bytes.h"

namespace sealcall {

/// Overwrites memory in a way the compiler may not drop.
inline void wipe(void* p, size_t n) {
    if (n == 0) return;  // an empty span may have no address
    std::memset(p, 0, n);
    __asm__ __volatile__("" : : "r"(p) : "memory");
}

/// The token that opens a Secret. `grep "SecretAccess{"` lists every place that touches key bytes.
struct SecretAccess {
    explicit SecretAccess() = default;
};

template <size_t N>
class Secret {
  public:
    static constexpr size_t kSize = N;
    Secret() = default;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    Secret(Secret&& o) noexcept : v_(o.v_) { o.clear(); }
    Secret& operator=(Secret&& o) noexcept {
        if (this != &o) {
            v_ = o.v_;
            o.clear();
        }
        return *this;
    }
    ~Secret() { clear(); }
    static Result<Secret> from(ByteSpan b) {
        if (b.size() != N) return Error{Errc::bad_value, "secret length", static_cast<uint32_t>(b.size())};
        Secret s;
        std::ranges::copy(b, s.v_.begin());
        return s;
    }
    [[nodiscard]] std::span<const std::byte, N> reveal(SecretAccess) const { return v_; }
    [[nodiscard]] std::span<std::byte, N> reveal(SecretAccess) { return v_; }
    void clear() { wipe(v_.data(), N); }
    /// Constant time.
    bool operator==(const Secret& o) const {
        unsigned d = 0;
        for (size_t i = 0; i < N; ++i) d |= static_cast<unsigned>(v_[i] ^ o.v_[i]);
        return d == 0;
    }

  private:
    std::array<std::byte, N> v_{};
};

}  // namespace sealcall
