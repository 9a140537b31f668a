// Hierarchy authorisations of a managed device in the keeping of its authority: sealed by the device, opened only with
// the authority's escrow key. P-256 ECDH with a one-time key, HKDF-SHA256, AES-256-GCM; the device's id is bound in, so
// that one device's escrow cannot be passed off as another's. What is sealed is foreign until it opens.
//
//   sealed := version (1) | one-time public key, uncompressed point (65) | ciphertext | tag (16)
#pragma once

#include "attestation/openssl.h"
#include "sealcall/base/bytes.h"

namespace sealcall::authority {

/// Authorisation values as the TPM takes them (TPM 2.0 Part 2, 10.4.5); empty: not set.
struct HierarchyAuthorisations {
    BoundedBytes<64> owner, endorsement, lockout;
    static constexpr auto fields = std::tuple{&HierarchyAuthorisations::owner, &HierarchyAuthorisations::endorsement,
                                              &HierarchyAuthorisations::lockout};
    bool operator==(const HierarchyAuthorisations&) const = default;
};

/// `escrow_key`: DER SubjectPublicKeyInfo that the authority gave; `ek`: hex SHA-256 of the EK's SubjectPublicKeyInfo.
/// Errors: bad_key, crypto_failed.
Result<Bytes> seal_escrow(ByteSpan escrow_key, const std::string& ek, const HierarchyAuthorisations& authorisations);
/// Errors: bad_value (not for this key or device, or changed), crypto_failed.
Result<HierarchyAuthorisations> open_escrow(EVP_PKEY* escrow_key, const std::string& ek, ByteSpan sealed);

}  // namespace sealcall::authority
