#include "attestation/cbor_cursor.h"

namespace sealcall::attestation {

namespace {

Error wrong(const char* what, size_t at) { return Error{Errc::bad_value, what, static_cast<uint32_t>(at)}; }

}  // namespace

Result<CborType> CborCursor::type() const {
    if (done()) return Error{Errc::truncated, "CBOR", static_cast<uint32_t>(at_)};
    return static_cast<CborType>(static_cast<unsigned>(in_[at_]) >> 5);
}

Result<CborCursor::Head> CborCursor::any_head() {
    TRY(const CborType kind, type());
    const size_t start = at_;
    const unsigned info = static_cast<unsigned>(in_[at_++]) & 31;
    if (info < 24) return Head{kind, info};
    if (info > 27) return wrong("CBOR: indefinite or reserved length", start);
    const size_t n = size_t{1} << (info - 24);
    if (in_.size() - at_ < n) return Error{Errc::truncated, "CBOR", static_cast<uint32_t>(start)};
    uint64_t v = 0;
    for (size_t i = 0; i < n; ++i) v = v << 8 | static_cast<uint64_t>(in_[at_++]);
    return Head{kind, v};
}

Result<uint64_t> CborCursor::head(CborType wanted) {
    TRY(const CborType kind, type());
    if (kind != wanted) return wrong("CBOR: another type", at_);
    TRY(const Head h, any_head());
    return h.argument;
}

Result<int64_t> CborCursor::integer() {
    const size_t start = at_;
    TRY(const Head h, any_head());
    if ((h.type != CborType::uint && h.type != CborType::negative) || h.argument > INT64_MAX)
        return wrong("CBOR: no integer of 64 bits", start);
    const auto v = static_cast<int64_t>(h.argument);
    return h.type == CborType::uint ? v : -1 - v;
}

Result<ByteSpan> CborCursor::run(CborType wanted) {
    TRY(const uint64_t n, head(wanted));
    if (n > in_.size() - at_) return Error{Errc::truncated, "CBOR", static_cast<uint32_t>(at_)};
    const ByteSpan out = in_.subspan(at_, static_cast<size_t>(n));
    at_ += out.size();
    return out;
}

Result<ByteSpan> CborCursor::bytes() { return run(CborType::bytes); }

Result<std::string_view> CborCursor::text() {
    TRY(const ByteSpan out, run(CborType::text));
    return as_chars(out);
}

Result<size_t> CborCursor::array() {
    TRY(const uint64_t n, head(CborType::array));
    // An item takes a byte at least.
    if (n > in_.size() - at_) return wrong("CBOR: more items than bytes", at_);
    return static_cast<size_t>(n);
}

Result<size_t> CborCursor::map() {
    TRY(const uint64_t n, head(CborType::map));
    if (n > (in_.size() - at_) / 2) return wrong("CBOR: more items than bytes", at_);
    return static_cast<size_t>(n);
}

Status CborCursor::skip(unsigned depth) {
    if (depth > kDepthMax) return Error{Errc::too_large, "CBOR depth", static_cast<uint32_t>(at_)};
    const size_t start = at_;
    TRY(const Head h, any_head());
    uint64_t items = 0;
    switch (h.type) {
        case CborType::bytes:
        case CborType::text:
            if (h.argument > in_.size() - at_) return Error{Errc::truncated, "CBOR", static_cast<uint32_t>(start)};
            at_ += static_cast<size_t>(h.argument);
            return {};
        case CborType::array:
        case CborType::map:
            if (h.argument > in_.size() - at_) return wrong("CBOR: more items than bytes", start);
            items = h.type == CborType::map ? 2 * h.argument : h.argument;
            break;
        case CborType::tag:
            items = 1;
            break;
        default:
            return {};
    }
    for (; items > 0; --items) TRY_STATUS(skip(depth + 1));
    return {};
}

Result<ByteSpan> CborCursor::item() {
    const size_t start = at_;
    TRY_STATUS(skip());
    return in_.subspan(start, at_ - start);
}

Status CborCursor::finish() const {
    if (!done()) return Error{Errc::trailing_bytes, "CBOR", static_cast<uint32_t>(at_)};
    return {};
}

}  // namespace sealcall::attestation
