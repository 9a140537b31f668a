// Certificates as a relying party reads them: strict profiles, foreign bytes. Trusted base.
#pragma once

#include "attestation/checks.h"

namespace sealcall::attestation {

/// The AK certificate of a device (docs/attestation.md, "AK certificate").
struct AkCertificate {
    Bytes spki;  ///< DER SubjectPublicKeyInfo
    DeviceClaims device;
};

/// Authority roots, ready for checks. What is no CA certificate of version 3 vouches for nobody and is left out.
using Anchors = std::vector<X509Ptr>;
Anchors read_anchors(const std::vector<rats::CertificateDer>& roots);

/// Profile, chain to one of `anchors` at `wall_ms`. Errors: bad_certificate; untrusted_certificate, detail =
/// X509_V_ERR_*.
Result<AkCertificate> check_ak_certificate(ByteSpan der, const Anchors& anchors, uint64_t wall_ms);
Result<AkCertificate> check_ak_certificate(ByteSpan der, const std::vector<rats::CertificateDer>& anchors,
                                           uint64_t wall_ms);

/// True when `spki` is an uncompressed P-256 key in the one form that RFC 5480 gives it.
bool is_canonical_p256_spki(ByteSpan spki);

/// True for "sip:user@host" in visible ASCII without angle brackets or quotes, at most 256 bytes.
bool is_sip_address(std::string_view uri);

}  // namespace sealcall::attestation
