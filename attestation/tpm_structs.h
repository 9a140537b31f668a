// TPM 2.0 Part 2 structures as a relying party reads them. Trusted base: bounded, consumes all input or fails.
#pragma once

#include "attestation/openssl.h"
#include "sealcall/rats/wire.h"

namespace sealcall::attestation {

inline constexpr uint32_t kTpmGeneratedValue = 0xff544347;
inline constexpr uint16_t kTpmAlgRsa = 0x0001, kTpmAlgSha1 = 0x0004, kTpmAlgAes = 0x0006, kTpmAlgSha256 = 0x000b,
                          kTpmAlgSha384 = 0x000c, kTpmAlgSha512 = 0x000d, kTpmAlgNull = 0x0010, kTpmAlgRsassa = 0x0014,
                          kTpmAlgRsaes = 0x0015, kTpmAlgRsapss = 0x0016, kTpmAlgOaep = 0x0017, kTpmAlgEcdsa = 0x0018,
                          kTpmAlgEcdh = 0x0019, kTpmAlgEcc = 0x0023, kTpmAlgCfb = 0x0043;
inline constexpr uint16_t kTpmEccNistP256 = 0x0003, kTpmEccNistP384 = 0x0004;
inline constexpr uint32_t kTpmRhEndorsement = 0x4000000b;
inline constexpr uint16_t kTpmStAttestNv = 0x8014, kTpmStAttestCertify = 0x8017, kTpmStAttestQuote = 0x8018,
                          kTpmStAttestCreation = 0x801a;

/// TPMA_OBJECT (Part 2, 8.3).
struct ObjectAttributes {
    uint32_t bits = 0;
    [[nodiscard]] bool fixed_tpm() const { return bits >> 1 & 1; }
    [[nodiscard]] bool st_clear() const { return bits >> 2 & 1; }
    [[nodiscard]] bool fixed_parent() const { return bits >> 4 & 1; }
    [[nodiscard]] bool sensitive_data_origin() const { return bits >> 5 & 1; }
    [[nodiscard]] bool user_with_auth() const { return bits >> 6 & 1; }
    [[nodiscard]] bool admin_with_policy() const { return bits >> 7 & 1; }
    [[nodiscard]] bool no_da() const { return bits >> 10 & 1; }
    [[nodiscard]] bool encrypted_duplication() const { return bits >> 11 & 1; }
    [[nodiscard]] bool restricted() const { return bits >> 16 & 1; }
    [[nodiscard]] bool decrypt() const { return bits >> 17 & 1; }
    [[nodiscard]] bool sign() const { return bits >> 18 & 1; }
};

/// TPMT_PUBLIC of an ECC or RSA key (Part 2, 12.2.4).
struct PublicArea {
    uint16_t type = 0;
    uint16_t name_alg = 0;
    ObjectAttributes attributes;
    Bytes auth_policy;
    uint16_t symmetric_alg = 0, symmetric_bits = 0, symmetric_mode = 0;
    uint16_t scheme = 0, scheme_hash = 0;
    uint16_t curve = 0;         ///< ECC: 3 = P-256, 4 = P-384
    uint16_t rsa_bits = 0;      ///< RSA
    uint32_t rsa_exponent = 0;  ///< RSA; 0 = 65537
    Bytes x, y;                 ///< ECC, padded to the curve's length
    Bytes modulus;              ///< RSA
    Bytes name;                 ///< nameAlg (u16) || H(the bytes parsed)
};
Result<PublicArea> parse_tpmt_public(ByteSpan in);

/// A TPM2B of at most `max` bytes. Errors: too_large, truncated.
Result<Bytes> tpm2b(ByteReader& r, size_t max);

/// OpenSSL's hash of the TPM's number; null for SHA-1 and everything else that is not accepted here.
const EVP_MD* md_of(uint16_t tpm_alg);

/// Length in bytes of a digest by the TPM's algorithm number; 0 for SHA-1 and everything else that is not accepted
/// here.
size_t digest_size(uint16_t tpm_alg);

/// nameAlg || H(TPM_RH_ENDORSEMENT || Name): what a primary key of the endorsement hierarchy signs its attestations as
/// (Part 1, 16). Only there are resetCount and firmwareVersion not obfuscated.
Bytes endorsement_primary_qualified_name(const PublicArea& pub);

/// DER SubjectPublicKeyInfo of the key (RFC 5480, RFC 8017).
Result<Bytes> spki_der(const PublicArea& pub);

struct PcrSelection {
    uint16_t hash = 0;
    uint32_t pcrs = 0;  ///< bit i = PCR i
    bool operator==(const PcrSelection&) const = default;
};

/// TPMS_ATTEST (Part 2, 10.12.12), the kinds that sealcall uses.
struct Attest {
    uint16_t type = 0;
    Bytes qualified_signer;
    Bytes extra_data;
    uint64_t clock = 0;  ///< ms
    uint32_t reset_count = 0, restart_count = 0;
    bool safe = false;
    uint64_t firmware_version = 0;
    std::vector<PcrSelection> selection;  ///< quote
    Bytes pcr_digest;                     ///< quote
    Bytes name;                           ///< certify, creation, nv
    Bytes qualified_name;                 ///< certify
    Bytes creation_hash;                  ///< creation
    uint16_t nv_offset = 0;               ///< nv
    Bytes nv_contents;                    ///< nv
};
Result<Attest> parse_tpms_attest(ByteSpan in);

/// TPMT_SIGNATURE (Part 2, 11.3.4): ECDSA or RSASSA.
struct Signature {
    uint16_t scheme = 0, hash = 0;
    Bytes r, s;  ///< ECDSA
    Bytes rsa;   ///< RSASSA
};
Result<Signature> parse_tpmt_signature(ByteSpan in);

/// The key ready for checks; null for a point off its curve. Making it takes a third of the time of a check.
PkeyPtr tpm_public_key(const PublicArea& pub);

/// Verifies `signature` over `message` with `key`; SHA-1 is refused. Errors: bad_signature, bad_key.
Status verify_tpm_signature(const PublicArea& key, ByteSpan message, const Signature& signature);
/// The same with `key` made ready before, for a key that signed more than once.
Status verify_tpm_signature(const PublicArea& key, EVP_PKEY* ready, ByteSpan message, const Signature& signature);

}  // namespace sealcall::attestation
