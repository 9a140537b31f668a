// Hierarchy authorisations of a managed device in the keeping of its authority, as sealcall-guard writes them: CMS
// AuthEnvelopedData (RFC 5083) for the authority's escrow certificate. The device's id is among what is sealed, so that
// one device's escrow cannot be passed off as another's. Foreign until it opens; then lines of text:
//
//   device HEX   SHA-256 of the EK's SubjectPublicKeyInfo
//   owner HEX    endorsement HEX    lockout HEX
#pragma once

#include "attestation/openssl.h"
#include "sealcall/base/bytes.h"

namespace sealcall::authority {

/// Authorisation values as the TPM takes them (TPM 2.0 Part 2, 10.4.5).
struct HierarchyAuthorisations {
    BoundedBytes<64> owner, endorsement, lockout;
    bool operator==(const HierarchyAuthorisations&) const = default;
};

/// `ek`: hex SHA-256 of the EK's SubjectPublicKeyInfo. Errors: bad_value (not for this key or device, or changed).
Result<HierarchyAuthorisations> open_escrow(EVP_PKEY* escrow_key, const std::string& ek, ByteSpan sealed);

}  // namespace sealcall::authority
