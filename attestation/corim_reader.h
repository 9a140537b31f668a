// The inner part of corim.h: small readers that corim.cpp and comid.cpp share. Not part of the trusted base.
#pragma once

#include "attestation/cbor_cursor.h"
#include "attestation/corim.h"

namespace sealcall::attestation::corim {

inline Error fault(CorimFault f, const char* what) { return Error{Errc::bad_value, what, static_cast<uint32_t>(f)}; }

/// The value, or `f` in place of the cursor's own error.
template <class T>
Result<T> as(Result<T> r, CorimFault f, const char* what) {
    if (!r) {
        const bool broken = r.error().code == Errc::truncated || r.error().code == Errc::too_large;
        return fault(broken ? CorimFault::cbor : f, what);
    }
    return r;
}
inline Status as(Status r, CorimFault f, const char* what) { return r ? r : Status(fault(f, what)); }

/// Calls `f(key)` for each entry of a map with the cursor at its value; keys that are text belong to extensions and are
/// passed over. `f` returns false for a key that it leaves to be passed over.
template <class F>
Status each_entry(CborCursor& c, const char* what, F f) {
    TRY(const size_t n, as(c.map(), CorimFault::structure, what));
    std::vector<int64_t> seen;
    for (size_t i = 0; i < n; ++i) {
        TRY(const CborType type, as(c.type(), CorimFault::cbor, what));
        if (type != CborType::uint && type != CborType::negative) {
            TRY_STATUS(as(c.skip(), CorimFault::cbor, what));
            TRY_STATUS(as(c.skip(), CorimFault::cbor, what));
            continue;
        }
        TRY(const int64_t key, as(c.integer(), CorimFault::structure, what));
        if (std::ranges::find(seen, key) != seen.end()) return fault(CorimFault::duplicate, what);
        if (seen.size() == 64) return fault(CorimFault::structure, what);
        seen.push_back(key);
        TRY(const bool taken, f(key));
        if (!taken) TRY_STATUS(as(c.skip(), CorimFault::cbor, what));
    }
    return {};
}

/// Text of at most 4096 bytes.
Result<std::string> short_text(CborCursor& c, const char* what);

/// A value with its tag's kind: 37 uuid, 111 oid, 550 ueid, 560 bytes, 554.. keys; bare text, integer or bytes.
Result<TypedValue> typed_value(CborCursor& c, const char* what);

/// concise-mid-tag: adds what it says to `out`.
Status read_comid(ByteSpan cbor, Corim& out);

/// The rules of `out.profile`, where it is known.
Status check_profile(const Corim& corim);

}  // namespace sealcall::attestation::corim
