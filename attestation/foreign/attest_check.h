// "Did this TPM key sign this?" of files from elsewhere: TPM2_Quote and TPM2_Certify. Every check that is made stands
// in the findings, under a stable name. For tools; not part of the trusted base, and decides about no call.
#pragma once

#include "attestation/foreign/finding.h"
#include "attestation/foreign/pcr_values.h"

namespace sealcall::attestation::foreign {

/// The bytes of the files, as they were read, and what the person said about them.
struct AttestQuestion {
    ByteSpan ak, attest, signature;
    std::optional<Bytes> nonce;    ///< quote: without one nothing is fresh; certify: optional
    std::optional<ByteSpan> pcrs;  ///< quote only
    ByteSpan object;               ///< certify only: the public area
    Sha1 sha1 = Sha1::refused;
    uint16_t scheme = kTpmAlgNull;  ///< of a plain signature
    uint16_t hash = kTpmAlgNull;    ///< of a plain signature; and what another one must be, when given
};

/// What the files say, as far as they could be read. Believe it only when `findings.holds()`.
struct AttestAnswer {
    Findings findings;
    std::string ak_kind, ak_form;
    Bytes ak_name;  ///< empty: the key's file has none
    uint16_t scheme = 0, hash = 0;
    std::optional<Attest> attest;
    PcrBanks pcrs;                       ///< the quoted PCRs only
    std::optional<PublicObject> object;  ///< certify
};

/// Names of findings: ak, ak_attributes, attest, signature_format, sha1, signature, type, nonce, nonce_length,
/// pcr_selection, pcr_bank, pcr_digest_length, pcr_values, pcr_digest, clock_safe.
AttestAnswer check_foreign_quote(const AttestQuestion& question);

/// Names of findings: as above up to nonce, then public, name, object_attributes, clock_safe.
AttestAnswer check_foreign_certify(const AttestQuestion& question);

/// A sentence for the error of a parser.
std::string sentence(const Error& error);

}  // namespace sealcall::attestation::foreign
