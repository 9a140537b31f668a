// Bearer tokens as people paste them: enrolment tokens (one phone, once) and administrator tokens. The text carries the
// SHA-256 of the authority's root certificate, so that whoever was given a token can also tell the authority from
// anybody else. The authority keeps only SHA-256 of the secret: 160 random bits need no salt and no slow hash.
//
//   sct1_ <root, 52 characters> _ <secret, 32 characters>      enrolment
//   sca1_ <root, 52 characters> _ <secret, 32 characters>      administrator
//   characters: base32 of RFC 4648 6, lower case, without padding
#pragma once

#include <string>
#include <string_view>

#include "sealcall/base/bytes.h"

namespace sealcall::authority {

enum class BearerKind : uint8_t { enrolment, administrator };

struct Bearer {
    BearerKind kind{};
    Digest root{};                       ///< SHA-256 of the root certificate's DER
    std::array<std::byte, 20> secret{};  ///< 160 random bits
    bool operator==(const Bearer&) const = default;
};

inline constexpr size_t kBearerText = 5 + 52 + 1 + 32;  ///< characters

/// Takes exactly the text that `bearer_text` writes. Errors: bad_value, not_canonical.
Result<Bearer> parse_bearer(std::string_view text);
std::string bearer_text(const Bearer& bearer);
/// A new one. Throws std::runtime_error if the system gives no random numbers.
Bearer new_bearer(BearerKind kind, const Digest& root);
/// What the authority stores: hex SHA-256 of kind and secret.
std::string secret_hash(const Bearer& bearer);

/// `bytes` random bytes as hex.
std::string random_hex(size_t bytes);

}  // namespace sealcall::authority
