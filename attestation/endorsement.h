// Endorsement key certificates as chips really carry them, and TPM2_MakeCredential in software. For authorities; not
// part of the trusted base.
#pragma once

#include <string>

#include "attestation/tpm_structs.h"

namespace sealcall::attestation {

/// An EK certificate out of a TPM's NV storage (TCG EK Credential Profile 2.5).
struct EkCertificate {
    Bytes der;           ///< without the padding of the NV index
    Bytes spki;          ///< DER SubjectPublicKeyInfo
    std::string issuer;  ///< one line, for people
};

/// Cuts what follows the outer SEQUENCE when it is only padding (0xFF or 0x00). Errors: truncated, trailing_bytes.
Result<Bytes> trim_certificate(ByteSpan nv);

/// Reads and checks the profile: not a CA, key usage of a storage key (keyEncipherment or keyAgreement), EKU
/// tcg-kp-EKCertificate where an EKU stands, RSA 2048 and up or P-256 or P-384. Takes BER where OpenSSL does (some
/// vendors' certificates are not strict DER). Errors: bad_certificate, bad_key.
Result<EkCertificate> parse_ek_certificate(ByteSpan nv);

/// Chains the certificate to one of `roots` (trusted as they are, self-signed or not) at `wall_ms`.
/// Critical extensions that OpenSSL does not know pass only when they are the TCG's (subjectDirectoryAttributes and the
/// arc 2.23.133), in the certificate and in every intermediate. Errors: untrusted_certificate, detail = X509_V_ERR_*.
Status check_ek_chain(const EkCertificate& ek, const std::vector<Bytes>& roots, const std::vector<Bytes>& intermediates,
                      uint64_t wall_ms);

/// What to do about an intermediate (or a root that is no end of the chain itself) whose time is over: some vendors let
/// theirs expire while the chips below them live on. The EK certificate itself must be in its time in any case.
enum class ExpiredIntermediates : uint8_t { refuse, accept };
struct EkChain {
    bool expired_intermediate = false;  ///< accepted by policy: worth a warning
};
/// The same with that choice.
Result<EkChain> check_ek_chain(const EkCertificate& ek, const std::vector<Bytes>& roots,
                               const std::vector<Bytes>& intermediates, uint64_t wall_ms, ExpiredIntermediates expired);

/// The certificate speaks of this public area. Error: bad_key.
Status check_ek_key(const EkCertificate& ek, const PublicArea& ek_public);

/// What TPM2_ActivateCredential takes.
struct Credential {
    Bytes blob;    ///< contents of TPM2B_ID_OBJECT
    Bytes secret;  ///< contents of TPM2B_ENCRYPTED_SECRET
};
/// TPM2_MakeCredential (Part 1, 24 and annexes B.10.4, C.6.4): only the TPM that holds both the EK and an object named
/// `name` gives `credential` back. EKs: RSA 2048 (OAEP), P-256, P-384. Errors: bad_key (not a storage key), bad_value,
/// crypto_failed.
Result<Credential> make_credential(const PublicArea& ek, ByteSpan name, ByteSpan credential);

}  // namespace sealcall::attestation
