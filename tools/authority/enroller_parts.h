// What both halves of the enroller share.
#pragma once

#include "enroller.h"
#include "files.h"
#include "sealcall/ipc/codec.h"

namespace sealcall::authority {

/// The value of something that only fails when the authority itself is broken.
template <class T>
T whole(Result<T> result, const char* what) {
    if (!result) throw std::runtime_error(std::string(what) + ": " + result.error().what);
    return std::move(result).value();
}

/// hex SHA-256.
std::string hash_hex(ByteSpan bytes);
/// hex SHA-256 over EK, AK and identity key: the same phone asking again.
std::string keys_of(const EnrolmentRequest& request);
/// As the database calls it: "token", "renewal" or "directory".
std::string kind_word(const Admission& admission);
/// A device's id follows from its EK.
inline std::string device_id(const CheckedRequest& checked) { return checked.ek_hash.substr(0, 16); }

inline Bytes bytes_from_hex(const std::string& hex) {
    auto bytes = cli::from_hex(hex);
    if (!bytes) throw DatabaseError(DatabaseError::Kind::failed, "hex in the database is damaged");
    return std::move(*bytes);
}
inline Digest digest_from_hex(const std::string& hex) {
    const Bytes bytes = bytes_from_hex(hex);
    Digest out{};
    if (bytes.size() != out.size()) throw DatabaseError(DatabaseError::Kind::failed, "a digest is damaged");
    std::ranges::copy(bytes, out.begin());
    return out;
}

}  // namespace sealcall::authority
