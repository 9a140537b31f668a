// CBOR of others, read in place (RFC 8949): no tree is built and nothing is allocated by a length that the input
// states, which is why this is no libcbor. Definite lengths only; integers need not be in their shortest form. For the
// verifier and tools; not part of the trusted base, whose own reader and writer are stricter.
#pragma once

#include "sealcall/base/bytes.h"

namespace sealcall::attestation {

enum class CborType : uint8_t { uint, negative, bytes, text, array, map, tag, other };

class CborCursor {
  public:
    static constexpr unsigned kDepthMax = 24;  ///< of nested arrays, maps and tags that `skip` follows

    explicit CborCursor(ByteSpan in) : in_(in) {}
    [[nodiscard]] bool done() const { return at_ == in_.size(); }
    [[nodiscard]] size_t offset() const { return at_; }

    /// Type of the next item. Error: truncated.
    [[nodiscard]] Result<CborType> type() const;
    /// Each takes one item of its kind, or the head of one. Errors: truncated, bad_value (another type; an indefinite
    /// length; a count that cannot fit into what is left), with the offset as detail.
    Result<uint64_t> uint() { return head(CborType::uint); }
    Result<int64_t> integer();
    Result<ByteSpan> bytes();
    Result<std::string_view> text();
    Result<uint64_t> tag() { return head(CborType::tag); }
    Result<size_t> array();
    Result<size_t> map();
    /// Passes over one whole item. Error also: too_large, deeper than kDepthMax.
    Status skip() { return skip(0); }
    /// The bytes of the next whole item, which is passed over.
    Result<ByteSpan> item();
    /// Error: trailing_bytes.
    [[nodiscard]] Status finish() const;

  private:
    struct Head {
        CborType type;
        uint64_t argument;
    };
    Result<Head> any_head();
    Result<uint64_t> head(CborType wanted);
    Result<ByteSpan> run(CborType wanted);
    Status skip(unsigned depth);

    ByteSpan in_;
    size_t at_ = 0;
};

}  // namespace sealcall::attestation
