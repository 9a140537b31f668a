// JSON from outside, bounded before it is believed: size, depth, number of values, no key twice, nothing behind it. Not
// part of the trusted base. Never throws.
#pragma once

#include <nlohmann/json.hpp>

#include "sealcall/base/bytes.h"

namespace sealcall::attestation {

struct JsonBounds {
    size_t bytes = 65536;
    size_t depth = 16;     ///< of nested objects and arrays
    size_t values = 4096;  ///< of all kinds, keys not counted
};

/// Errors: too_large (what: "JSON size", "JSON depth", "JSON values"), not_canonical (a key stands twice), bad_value
/// (no JSON; invalid UTF-8 is none). detail of bad_value: the byte where it ends to be JSON.
Result<nlohmann::json> parse_bounded_json(std::string_view text, const JsonBounds& bounds);

}  // namespace sealcall::attestation
