// TPM 2.0 structures as other tools write them to files: public areas, attestations and signatures, raw or wrapped.
// Wider than tpm_structs.h (RSAPSS, SHA-1 where it is asked for, PEM and DER), and therefore for tools only: what
// decides about a call never comes through here. Trusts nothing it reads. Limits: 64 KiB a file, keys and digests as
// TPM 2.0 Part 2 bounds them.
#pragma once

#include <optional>

#include "attestation/openssl.h"
#include "attestation/tpm_structs.h"

namespace sealcall::attestation::foreign {

inline constexpr size_t kTpmFileMax = 65536;  ///< bytes

/// SHA-1 is history; it passes only for somebody who said so.
enum class Sha1 : uint8_t { refused, allowed };

/// Digest length in bytes of SHA-1, SHA-256, SHA-384, SHA-512; 0 for all else.
size_t any_digest_size(uint16_t tpm_alg);
/// "sha1", "sha256", "sha384", "sha512"; "" for all else. And back: 0 when unknown.
const char* hash_name(uint16_t tpm_alg);
uint16_t hash_of_name(std::string_view name);
/// "rsassa", "rsapss", "ecdsa"; "" for all else.
const char* scheme_name(uint16_t tpm_alg);
/// Digest of `data`; empty when the algorithm is none of the four.
Bytes digest_by(uint16_t tpm_alg, ByteSpan data);

/// TPMT_PUBLIC (Part 2, 12.2.4) of any object: the Name is always there, the key only of an RSA or ECC object.
struct PublicObject {
    uint16_t type = 0, name_alg = 0;
    ObjectAttributes attributes;
    Bytes auth_policy;
    uint16_t scheme = 0, scheme_hash = 0;  ///< TPM_ALG_NULL: the key does not say
    PkeyPtr key;                           ///< null for other types than RSA and ECC
    Bytes name;                            ///< nameAlg || H(TPMT_PUBLIC)
};
/// TPM2B_PUBLIC or TPMT_PUBLIC. Errors: truncated, trailing_bytes, bad_key (detail: the algorithm), too_large.
Result<PublicObject> read_public_object(ByteSpan file, Sha1 sha1);

/// How the file of a key was wrapped.
enum class KeyForm : uint8_t { tpm, spki, certificate };

/// An attestation key to check with.
struct AttestationKey {
    KeyForm form = KeyForm::spki;
    std::optional<PublicObject> object;  ///< form tpm only
    PkeyPtr key;
    std::string kind;  ///< "RSA 2048", "ECC P-256", ...
    [[nodiscard]] uint16_t scheme() const { return object ? object->scheme : kTpmAlgNull; }
    [[nodiscard]] uint16_t scheme_hash() const { return object ? object->scheme_hash : kTpmAlgNull; }
};
/// TPM2B_PUBLIC, TPMT_PUBLIC, or SubjectPublicKeyInfo or X.509 certificate as PEM or DER. RSA 2048 to 4096 and P-256,
/// P-384 only. A certificate's chain is not checked; one whose keyUsage does not sign is refused. Errors: as above, and
/// bad_certificate.
Result<AttestationKey> read_attestation_key(ByteSpan file, Sha1 sha1);

/// TPMS_ATTEST, bare or as TPM2B_ATTEST. `message` is what is signed.
struct AttestFile {
    Bytes message;
    Attest attest;
};
Result<AttestFile> read_attest(ByteSpan file);

/// A signature, and how it was made as far as its file says.
struct AnySignature {
    uint16_t scheme = kTpmAlgNull;  ///< TPM_ALG_NULL: plain bytes
    uint16_t hash = kTpmAlgNull;
    Bytes value;  ///< DER ECDSA-Sig-Value, or the RSA signature
};
/// TPMT_SIGNATURE (RSASSA, RSAPSS, ECDSA; Part 2, 11.3.4), or plain: DER ECDSA-Sig-Value or RSA bytes, as
/// `tpm2_quote --format plain` writes it. `key` tells plain forms apart. Errors: bad_evidence (detail: the algorithm),
/// truncated, trailing_bytes, too_large.
Result<AnySignature> read_signature(ByteSpan file, const AttestationKey& key, Sha1 sha1);

/// Completes a plain signature: by the key's own scheme, else by what the person said (`scheme`, `hash`; TPM_ALG_NULL:
/// nothing), else RSASSA or ECDSA with SHA-256. Error: bad_signature when two of them contradict each other.
Result<AnySignature> complete_signature(AnySignature signature, const AttestationKey& key, uint16_t scheme,
                                        uint16_t hash);

/// Verifies a complete signature. Errors: bad_signature, crypto_failed.
Status verify_any_signature(const AttestationKey& key, ByteSpan message, const AnySignature& signature);

/// A public key as PEM, DER (SubjectPublicKeyInfo or certificate). RSA 2048 to 4096, P-256, P-384. Errors: bad_key,
/// bad_certificate, too_large.
Result<PkeyPtr> read_public_key(ByteSpan file);
/// "RSA 2048", "ECC P-256", "ECC P-384"; empty for every other key.
std::string key_kind(EVP_PKEY* key);

}  // namespace sealcall::attestation::foreign
