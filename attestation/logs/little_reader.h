// The checked reader for formats of firmware and kernel, which are little-endian.
#pragma once

#include "sealcall/base/bytes.h"

namespace sealcall::logs {

/// Reads little-endian integers and runs of bytes; every call is checked, nothing is read past the end. An Error
/// carries the offset, cut to 32 bits.
class LittleReader {
  public:
    explicit LittleReader(ByteSpan in) : in_(in) {}
    [[nodiscard]] size_t left() const { return in_.size() - at_; }
    [[nodiscard]] size_t offset() const { return at_; }
    [[nodiscard]] bool done() const { return left() == 0; }
    [[nodiscard]] ByteSpan rest() const { return in_.subspan(at_); }
    /// What lies between two offsets that were already read.
    [[nodiscard]] ByteSpan between(size_t from, size_t to) const { return in_.subspan(from, to - from); }

    template <class U>
    Result<U> uint() {
        static_assert(std::is_unsigned_v<U>);
        if (left() < sizeof(U)) return Error{Errc::truncated, "integer", static_cast<uint32_t>(at_)};
        uint64_t v = 0;
        for (size_t i = sizeof(U); i-- > 0;) v = v << 8 | static_cast<uint64_t>(in_[at_ + i]);
        at_ += sizeof(U);
        return static_cast<U>(v);
    }
    Result<uint8_t> u8() { return uint<uint8_t>(); }
    Result<uint16_t> u16() { return uint<uint16_t>(); }
    Result<uint32_t> u32() { return uint<uint32_t>(); }
    Result<uint64_t> u64() { return uint<uint64_t>(); }
    Result<ByteSpan> bytes(uint64_t n) {
        if (left() < n) return Error{Errc::truncated, "bytes", static_cast<uint32_t>(at_)};
        const ByteSpan out = in_.subspan(at_, static_cast<size_t>(n));
        at_ += static_cast<size_t>(n);
        return out;
    }

  private:
    ByteSpan in_;
    size_t at_ = 0;
};

}  // namespace sealcall::logs
