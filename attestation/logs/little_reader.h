// The checked reader for formats of firmware and kernel, which are little-endian.
#pragma once

#include <utility>

#include "sealcall/base/bytes.h"

namespace sealcall::logs {

/// ByteReader with the other order of bytes. An Error carries the offset, cut to 32 bits.
class LittleReader : public ByteReader {
  public:
    explicit LittleReader(ByteSpan in) : ByteReader(in), all_(in) {}
    [[nodiscard]] ByteSpan rest() const { return all_.subspan(offset()); }
    /// What lies between two offsets that were already read.
    [[nodiscard]] ByteSpan between(size_t from, size_t to) const { return all_.subspan(from, to - from); }

    template <class U>
    Result<U> uint() {
        static_assert(std::is_unsigned_v<U>);
        TRY(const ByteSpan b, bytes(sizeof(U)));
        return assembled<U>(b, std::make_index_sequence<sizeof(U)>());
    }
    Result<uint16_t> u16() { return uint<uint16_t>(); }
    Result<uint32_t> u32() { return uint<uint32_t>(); }
    Result<uint64_t> u64() { return uint<uint64_t>(); }

  private:
    /// Without a loop: compilers see that it is one load.
    template <class U, size_t... I>
    static U assembled(ByteSpan b, std::index_sequence<I...>) {
        return static_cast<U>((... | static_cast<uint64_t>(static_cast<uint64_t>(b[I]) << (8 * I))));
    }

    ByteSpan all_;
};

}  // namespace sealcall::logs
