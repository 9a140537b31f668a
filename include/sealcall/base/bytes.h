// Bounded byte containers and the one checked reader and writer (big-endian) that every parser of ours uses.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sealcall/base/result.h"

namespace sealcall {

using ByteSpan = std::span<const std::byte>;
using Bytes = std::vector<std::byte>;
using Digest = std::array<std::byte, 32>;  ///< SHA-256

inline ByteSpan as_bytes(std::string_view s) { return std::as_bytes(std::span(s.data(), s.size())); }
inline std::string_view as_chars(ByteSpan b) {
    return {reinterpret_cast<const char*>(b.data()), b.size()};  // char may alias any object
}
inline const uint8_t* as_u8(const std::byte* p) { return reinterpret_cast<const uint8_t*>(p); }
inline uint8_t* as_u8(std::byte* p) { return reinterpret_cast<uint8_t*>(p); }
inline bool equal_bytes(ByteSpan a, ByteSpan b) { return std::ranges::equal(a, b); }
inline Bytes to_bytes(ByteSpan b) { return {b.begin(), b.end()}; }

/// Reads big-endian integers and runs of bytes; every call is checked, nothing is read past the end.
class ByteReader {
  public:
    explicit ByteReader(ByteSpan in) : in_(in) {}
    [[nodiscard]] size_t left() const { return in_.size() - at_; }
    [[nodiscard]] size_t offset() const { return at_; }
    [[nodiscard]] bool done() const { return left() == 0; }

    template <class U>
    Result<U> uint() {
        static_assert(std::is_unsigned_v<U>);
        if (left() < sizeof(U)) return Error{Errc::truncated, "integer", static_cast<uint32_t>(at_)};
        uint64_t v = 0;
        for (size_t i = 0; i < sizeof(U); ++i) v = v << 8 | static_cast<uint64_t>(in_[at_ + i]);
        at_ += sizeof(U);
        return static_cast<U>(v);
    }
    Result<uint8_t> u8() { return uint<uint8_t>(); }
    Result<uint16_t> u16() { return uint<uint16_t>(); }
    Result<uint32_t> u32() { return uint<uint32_t>(); }
    Result<uint64_t> u64() { return uint<uint64_t>(); }
    Result<ByteSpan> bytes(size_t n) {
        if (left() < n) return Error{Errc::truncated, "bytes", static_cast<uint32_t>(at_)};
        ByteSpan out = in_.subspan(at_, n);
        at_ += n;
        return out;
    }
    /// Fails unless all input was consumed.
    Status finish() const {
        if (!done()) return Error{Errc::trailing_bytes, "trailing bytes", static_cast<uint32_t>(left())};
        return {};
    }

  private:
    ByteSpan in_;
    size_t at_ = 0;
};

/// Appends big-endian integers and runs of bytes to a growing buffer.
class ByteWriter {
  public:
    ByteWriter() = default;
    /// What was written does not move in memory until `capacity` bytes are there.
    explicit ByteWriter(size_t capacity) { out_.reserve(capacity); }
    template <class U>
    ByteWriter& uint(U v) {
        static_assert(std::is_unsigned_v<U>);
        for (size_t i = sizeof(U); i-- > 0;) out_.push_back(static_cast<std::byte>(v >> (8 * i)));
        return *this;
    }
    ByteWriter& u8(uint8_t v) { return uint(v); }
    ByteWriter& u16(uint16_t v) { return uint(v); }
    ByteWriter& u32(uint32_t v) { return uint(v); }
    ByteWriter& u64(uint64_t v) { return uint(v); }
    ByteWriter& bytes(ByteSpan b) {
        out_.insert(out_.end(), b.begin(), b.end());
        return *this;
    }
    [[nodiscard]] size_t size() const { return out_.size(); }
    [[nodiscard]] const Bytes& view() const { return out_; }
    Bytes take() { return std::move(out_); }

  private:
    Bytes out_;
};

/// At most N bytes. Wire form: length as u16 (N < 65536) or u32, then the bytes.
template <size_t N>
class BoundedBytes {
  public:
    static constexpr size_t kMax = N;
    BoundedBytes() = default;
    /// Ends the process if too long: callers bound foreign input with `from` first.
    explicit BoundedBytes(ByteSpan b) : v_(b.begin(), b.end()) { CHECK(b.size() <= N); }
    static Result<BoundedBytes> from(ByteSpan b) {
        if (b.size() > N) return Error{Errc::too_large, "bytes", static_cast<uint32_t>(b.size())};
        return BoundedBytes(b);
    }
    [[nodiscard]] ByteSpan view() const { return v_; }
    [[nodiscard]] size_t size() const { return v_.size(); }
    [[nodiscard]] bool empty() const { return v_.empty(); }
    bool operator==(const BoundedBytes&) const = default;

  private:
    Bytes v_;
};

/// At most N bytes of text without NUL. Not trusted to be printable: screens go through `printable`.
template <size_t N>
class BoundedString {
  public:
    static constexpr size_t kMax = N;
    BoundedString() = default;
    explicit BoundedString(std::string_view s) : v_(s) { CHECK(s.size() <= N); }
    static Result<BoundedString> from(std::string_view s) {
        if (s.size() > N) return Error{Errc::too_large, "string", static_cast<uint32_t>(s.size())};
        if (s.find('\0') != std::string_view::npos) return Error{Errc::bad_value, "NUL in string", 0};
        return BoundedString(s);
    }
    /// Cuts what does not fit; for text that only a person reads.
    static BoundedString cut(std::string_view s) { return BoundedString(s.substr(0, std::min(N, s.find('\0')))); }
    [[nodiscard]] std::string_view view() const { return v_; }
    [[nodiscard]] const std::string& str() const { return v_; }
    [[nodiscard]] size_t size() const { return v_.size(); }
    [[nodiscard]] bool empty() const { return v_.empty(); }
    bool operator==(const BoundedString&) const = default;

  private:
    std::string v_;
};

/// At most N values. Wire form: count as u16, then the values.
template <class T, size_t N>
class BoundedList {
  public:
    static constexpr size_t kMax = N;
    using value_type = T;
    [[nodiscard]] bool push(T v) {
        if (v_.size() >= N) return false;
        v_.push_back(std::move(v));
        return true;
    }
    /// Removes what `unwanted` is true of; each is asked once, in order.
    template <class P>
    void erase_if(P unwanted) {
        std::erase_if(v_, [&](const T& v) { return unwanted(v); });
    }
    [[nodiscard]] const std::vector<T>& items() const { return v_; }
    [[nodiscard]] size_t size() const { return v_.size(); }
    [[nodiscard]] bool empty() const { return v_.empty(); }
    auto begin() const { return v_.begin(); }
    auto end() const { return v_.end(); }
    bool operator==(const BoundedList&) const = default;

  private:
    std::vector<T> v_;
};

}  // namespace sealcall
