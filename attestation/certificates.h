// The issuing side: what an authority makes. Not part of the trusted base; used by tools only. Keys here are software
// keys of an authority, never a phone's. Profiles: docs/attestation.md, "AK certificate" and "Other certificates".
#pragma once

#include "attestation/checks.h"
#include "attestation/openssl.h"

namespace sealcall::attestation {

/// From and until, ms since 1970 UTC; seconds count.
struct Validity {
    uint64_t not_before_ms = 0;
    uint64_t not_after_ms = 0;
};

/// An authority: its key and its own certificate. Both stay the caller's.
struct Authority {
    EVP_PKEY* key = nullptr;
    ByteSpan certificate;  ///< DER
};

/// Names of a SIP server or phone for the hop's TLS (RFC 5922): at least one.
struct HostNames {
    std::vector<std::string> dns;
    std::vector<std::string> addresses;  ///< numeric, IPv4 or IPv6
    std::vector<std::string> uris;       ///< "sip:example.com"
};

/// A new P-256 software key.
Result<PkeyPtr> make_software_key();

/// DER SubjectPublicKeyInfo of a key.
Result<Bytes> public_key_der(EVP_PKEY* key);
/// The same of the key that a DER certificate is for; nothing else is checked. Errors: bad_certificate.
Result<Bytes> certificate_key(ByteSpan der);

/// A self-signed root that may issue end entity certificates only (pathlen 0). Errors: bad_value, crypto_failed.
Result<Bytes> make_authority_root(EVP_PKEY* key, std::string_view common_name, const Validity& validity);

/// The AK certificate; `claims.device` becomes subject serialNumber, `claims.authority` is ignored (it is the issuer's
/// name). The caller has seen TPM2_ActivateCredential succeed for this AK. Errors: bad_key (not a restricted signing
/// key), bad_value.
Result<Bytes> issue_ak_certificate(const Authority& authority, const PublicArea& ak, const DeviceClaims& claims,
                                   const Validity& validity);

/// The user's certificate for a TPM-resident identity key; `spki` is a P-256 SubjectPublicKeyInfo. Errors: wrong_name,
/// bad_key.
Result<Bytes> issue_identity_certificate(const Authority& authority, ByteSpan spki, std::string_view sip_uri,
                                         const Validity& validity);

/// A certificate for SIP over TLS on one hop: a software key, and no person's name.
Result<Bytes> issue_host_certificate(const Authority& authority, ByteSpan spki, const HostNames& names,
                                     const Validity& validity);

/// The certificate of the authority's own HTTPS service: serverAuth and kOidAuthorityUsage.
Result<Bytes> issue_service_certificate(const Authority& authority, ByteSpan spki, const HostNames& names,
                                        const Validity& validity);
/// True if the certificate has kOidAuthorityUsage; nothing else is checked.
bool is_service_certificate(ByteSpan der);

/// What a PKCS#10 request of an identity key asks for (RFC 2986).
struct CertificateRequest {
    Bytes spki;       ///< P-256, canonical
    std::string uri;  ///< the one SAN URI asked for
};
/// Proves possession: the request is signed by the key in it. Errors: bad_certificate, bad_signature, wrong_name,
/// bad_key.
Result<CertificateRequest> check_certificate_request(ByteSpan der);

/// PEM both ways. Reading takes exactly one object of the kind. Errors: bad_certificate, bad_key.
Result<Bytes> certificate_to_pem(ByteSpan der);
Result<Bytes> certificate_from_pem(ByteSpan pem);
Result<Bytes> key_to_pem(EVP_PKEY* key);  ///< PKCS#8, unencrypted: the file's mode protects it
Result<PkeyPtr> key_from_pem(ByteSpan pem);

}  // namespace sealcall::attestation
