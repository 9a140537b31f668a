// The checks of an enrolment request that need no database: keys of the right kind, the identity key certified by the
// attestation key's TPM, the endorsement. Everything in the request is foreign.
#pragma once

#include "attestation/checks.h"
#include "enrolment_service.h"
#include "store.h"

namespace sealcall::authority {

/// What the checks of a request found; all of it proven but the activation.
struct CheckedRequest {
    attestation::PublicArea ek, ak, identity;
    attestation::EkOrigin origin{};
    bool expired_intermediate = false;  ///< the maker's chain counts by policy only
    Bytes identity_spki, ak_spki;
    std::string ek_hash;  ///< hex SHA-256 of the EK's SubjectPublicKeyInfo
};

/// Throws Refusal.
CheckedRequest check_request(const EnrolmentRequest& request, const Settings& settings, const EndorsementRoots& roots,
                             uint64_t now_ms);

/// Throws Refusal if the authority certifies no such address.
void check_address(const std::string& uri, const Settings& settings);

/// True if this authority certifies the name for SIP transport: names of its domain, this host, and without a domain
/// any.
bool may_name_host(const Settings& settings, const std::string& name);

/// How a device runs, in an administrator's word: "embedded", "managed", or "managed-ima" (managed, and its kernel
/// keeps a list of what it runs: to show none later is to withhold it).
bool is_device_profile(const std::string& profile);
bool is_managed(std::string_view profile);
bool keeps_runtime_list(std::string_view profile);
inline constexpr const char* kDeviceProfiles = "It is \"embedded\", \"managed\" or \"managed-ima\".";
/// 1 to 64 letters, digits, dots and hyphens.
bool is_partner_name(const std::string& name);

}  // namespace sealcall::authority
