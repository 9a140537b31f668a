// One codec for every typed message of ours: between processes (schema.h) and between phones (rats/wire.h).
// A message is an aggregate with `static constexpr auto fields = std::tuple{&T::a, ...}`. Wire form: the fields in that
// order, integers big-endian, bool as 0 or 1, enums as their underlying integer and never beyond `EnumRange<E>::last`,
// BoundedBytes and BoundedString as length then bytes, BoundedList as u16 count then items. There is exactly one
// encoding of a value, and every encoding that decodes is valid.
#pragma once

#include <tuple>
#include <type_traits>

#include "sealcall/base/bytes.h"
#include "sealcall/base/secret.h"
#include "sealcall/base/strong.h"

namespace sealcall::ipc {

/// Enumerators run from 0 to `last` without gaps; a value beyond is refused.
template <class E>
struct EnumRange;

template <class T>
concept Message = requires {
    T::fields;
};

namespace detail {
template <class T>
inline constexpr bool is_strong = false;
template <class U, class Tag>
inline constexpr bool is_strong<Strong<U, Tag>> = true;
template <class T>
inline constexpr bool is_bounded_bytes = false;
template <size_t N>
inline constexpr bool is_bounded_bytes<BoundedBytes<N>> = true;
template <class T>
inline constexpr bool is_bounded_string = false;
template <size_t N>
inline constexpr bool is_bounded_string<BoundedString<N>> = true;
template <class T>
inline constexpr bool is_bounded_list = false;
template <class T, size_t N>
inline constexpr bool is_bounded_list<BoundedList<T, N>> = true;
template <class T>
inline constexpr bool is_secret = false;
template <size_t N>
inline constexpr bool is_secret<Secret<N>> = true;
template <class T>
inline constexpr bool is_byte_array = false;
template <size_t N>
inline constexpr bool is_byte_array<std::array<std::byte, N>> = true;

template <size_t N>
using LengthOf = std::conditional_t<(N < 65536), uint16_t, uint32_t>;
}  // namespace detail

template <class T>
void encode_value(ByteWriter& w, const T& v) {
    using namespace detail;
    if constexpr (std::is_same_v<T, bool>) {
        w.u8(v ? 1 : 0);
    } else if constexpr (std::is_enum_v<T>) {
        w.uint(static_cast<std::underlying_type_t<T>>(v));
    } else if constexpr (std::is_unsigned_v<T>) {
        w.uint(v);
    } else if constexpr (is_strong<T>) {
        w.uint(v.value);
    } else if constexpr (is_byte_array<T>) {
        w.bytes(v);
    } else if constexpr (is_bounded_bytes<T>) {
        w.uint(static_cast<LengthOf<T::kMax>>(v.size()));
        w.bytes(v.view());
    } else if constexpr (is_secret<T>) {
        w.bytes(v.reveal(SecretAccess{}));
    } else if constexpr (is_bounded_string<T>) {
        w.uint(static_cast<LengthOf<T::kMax>>(v.size()));
        w.bytes(as_bytes(v.view()));
    } else if constexpr (is_bounded_list<T>) {
        w.u16(static_cast<uint16_t>(v.size()));
        for (const auto& item : v) encode_value(w, item);
    } else {
        static_assert(Message<T>);
        std::apply([&](auto... m) { (encode_value(w, v.*m), ...); }, T::fields);
    }
}

template <class T>
Status decode_value(ByteReader& r, T& v) {
    using namespace detail;
    if constexpr (std::is_same_v<T, bool>) {
        TRY(uint8_t b, r.u8());
        if (b > 1) return Error{Errc::not_canonical, "bool", b};
        v = b == 1;
    } else if constexpr (std::is_enum_v<T>) {
        using U = std::underlying_type_t<T>;
        TRY(U u, r.uint<U>());
        if (u > static_cast<U>(EnumRange<T>::last)) return Error{Errc::bad_value, "enum", u};
        v = static_cast<T>(u);
    } else if constexpr (std::is_unsigned_v<T>) {
        TRY(v, r.uint<T>());
    } else if constexpr (is_strong<T>) {
        TRY(v.value, r.uint<typename T::value_type>());
    } else if constexpr (is_byte_array<T>) {
        TRY(ByteSpan b, r.bytes(v.size()));
        std::ranges::copy(b, v.begin());
    } else if constexpr (is_bounded_bytes<T>) {
        TRY(auto n, r.uint<LengthOf<T::kMax>>());
        if (n > T::kMax) return Error{Errc::too_large, "bytes", n};
        TRY(ByteSpan b, r.bytes(n));
        v = T(b);
    } else if constexpr (is_secret<T>) {
        TRY(ByteSpan b, r.bytes(T::kSize));
        TRY(v, T::from(b));
    } else if constexpr (is_bounded_string<T>) {
        TRY(auto n, r.uint<LengthOf<T::kMax>>());
        if (n > T::kMax) return Error{Errc::too_large, "string", n};
        TRY(ByteSpan b, r.bytes(n));
        TRY(v, T::from(as_chars(b)));
    } else if constexpr (is_bounded_list<T>) {
        TRY(uint16_t n, r.u16());
        if (n > T::kMax) return Error{Errc::too_large, "list", n};
        for (uint16_t i = 0; i < n; ++i) {
            typename T::value_type item{};
            TRY_STATUS(decode_value(r, item));
            CHECK(v.push(std::move(item)));
        }
    } else {
        static_assert(Message<T>);
        Status s;
        std::apply([&](auto... m) { (void)((s = decode_value(r, v.*m), s.has_value()) && ...); }, T::fields);
        return s;
    }
    return {};
}

/// The most bytes that a value of T can take on the wire.
template <class T>
constexpr size_t max_size() {
    using namespace detail;
    if constexpr (std::is_same_v<T, bool>) {
        return 1;
    } else if constexpr (std::is_enum_v<T> || std::is_unsigned_v<T> || is_byte_array<T>) {
        return sizeof(T);
    } else if constexpr (is_strong<T>) {
        return sizeof(typename T::value_type);
    } else if constexpr (is_secret<T>) {
        return T::kSize;
    } else if constexpr (is_bounded_bytes<T> || is_bounded_string<T>) {
        return sizeof(LengthOf<T::kMax>) + T::kMax;
    } else if constexpr (is_bounded_list<T>) {
        return 2 + T::kMax * max_size<typename T::value_type>();
    } else {
        return std::apply(
            []<class... M>(M... m) {
                return (size_t{0} + ... + []<class C, class F>(F C::*) { return max_size<F>(); }(m));
            },
            T::fields);
    }
}

/// The bytes of one value, without a message number.
template <class T>
Bytes encode(const T& v) {
    ByteWriter w;
    encode_value(w, v);
    return w.take();
}

/// One value that takes up all of `in`; anything else is an error.
template <class T>
Result<T> decode(ByteSpan in) {
    ByteReader r(in);
    T v{};
    TRY_STATUS(decode_value(r, v));
    TRY_STATUS(r.finish());
    return v;
}

/// Message number (u16) and body, as it goes over a link.
template <Message T>
Bytes encode_message(const T& v) {
    ByteWriter w;
    w.u16(T::kId);
    encode_value(w, v);
    return w.take();
}

/// The same in one piece of memory that never moved, for what holds a secret: Link::send_and_wipe.
template <Message T>
Bytes encode_secret(const T& v) {
    ByteWriter w(2 + max_size<T>());
    w.u16(T::kId);
    encode_value(w, v);
    return w.take();
}

}  // namespace sealcall::ipc

/// The last value of an enumeration that travels: what is above it is refused. At namespace scope, outside all others.
#define SEALCALL_ENUM_LAST(E, L)           \
    template <>                            \
    struct sealcall::ipc::EnumRange<E> {   \
        static constexpr auto last = E::L; \
    }
