// Object identifiers of sealcall, all under the UUID arc 2.25.{062b6daa-611f-4bca-83c9-425fe6441c45} (ITU-T X.667), and
// the TCG's that we read. docs/attestation.md, "AK certificate".
#pragma once

#include "sealcall/rats/wire.h"

namespace sealcall::attestation {

/// Extended key usage: the subject key is an attestation key that the issuer saw activated.
inline constexpr const char* kOidAkUsage = "2.25.8200861021118798848766492409080323141.1";
/// Extension SealcallDevice: what the issuer found out about the device.
inline constexpr const char* kOidDevice = "2.25.8200861021118798848766492409080323141.2";

/// Of an authority's own service.
inline constexpr const char* kOidAuthorityUsage = rats::kAuthorityUsageOid;

/// tcg-kp-EKCertificate (TCG EK Credential Profile 2.5, 3.2.16).
inline constexpr const char* kOidEkUsage = "2.23.133.8.1";

}  // namespace sealcall::attestation
