// Claims of an EAR from and to JSON: the inner part of ear.h. Not part of the trusted base.
#pragma once

#include <nlohmann/json.hpp>

#include "attestation/ear.h"

namespace sealcall::attestation {

inline Error ear_error(EarFault fault, const char* what, Errc code = Errc::bad_value) {
    return Error{code, what, static_cast<uint32_t>(fault)};
}

/// Reads the claims of a token whose signature is good, by their eat_profile. Checks types, ranges, bounds and that no
/// status is better than its own vector; no clock, no expectation. exp and nbf are read by `read_ear_times` before.
Result<Ear> parse_ear_claims(const nlohmann::json& claims);

/// iat, exp, nbf: integers (or floats, of Veraison) of seconds.
Status read_ear_times(const nlohmann::json& claims, Ear& out);

Result<nlohmann::json> ear_claims_json(const Ear& ear);

}  // namespace sealcall::attestation
