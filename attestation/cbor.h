// Deterministic CBOR (RFC 8949 4.2.1), writing only, and only what is signed needs. Trusted base.
#pragma once

#include "sealcall/base/bytes.h"

namespace sealcall::attestation {

/// Appends items in the shortest form, definite lengths only. The caller writes as many items as it announced.
class CborWriter {
  public:
    CborWriter& array(size_t items);
    CborWriter& text(std::string_view utf8);
    CborWriter& bytes(ByteSpan b);
    CborWriter& uint(uint64_t v);
    [[nodiscard]] const Bytes& view() const { return out_.view(); }

  private:
    void head(uint8_t major, uint64_t argument);
    ByteWriter out_;
};

}  // namespace sealcall::attestation
