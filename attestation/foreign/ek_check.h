// "Is this the certificate of a genuine TPM's endorsement key?" of a file from elsewhere, against roots that the person
// names. For tools; not part of the trusted base. What an authority does with a certificate is in endorsement.h.
#pragma once

#include "attestation/endorsement.h"
#include "attestation/foreign/finding.h"

namespace sealcall::attestation::foreign {

/// What to do about an issuer that had expired by the time of the question: vendors let intermediates run out under
/// certificates that never do.
enum class ExpiredIssuers : uint8_t {
    refused,
    accepted,  ///< when it was valid on the day it issued; the EK certificate itself must be valid all the same
};

struct EkQuestion {
    ByteSpan certificate;              ///< DER or BER, PEM, either with 0xFF or 0x00 padding behind it
    std::vector<Bytes> roots;          ///< DER; trusted as they are, self-signed or not
    std::vector<Bytes> intermediates;  ///< DER; helpful, not trusted
    uint64_t wall_ms = 0;
    ExpiredIssuers expired = ExpiredIssuers::refused;
};

struct EkAnswer {
    Findings findings;
    std::string kind;                          ///< "RSA 2048", "ECC P-256", ...
    std::string subject, issuer, serial;       ///< one line each; serial in hexadecimal
    std::string manufacturer, model, version;  ///< of the TPM, from the subject alternative name; may be empty
    uint64_t not_before_ms = 0, not_after_ms = 0;
    Bytes spki;
};

/// Names of findings: certificate, padding, key, validity, chain, expired_issuer.
EkAnswer check_foreign_ek(const EkQuestion& question);

/// Every certificate of a file: PEM, any number, or one in DER or BER. Errors: bad_certificate, too_large (1 MiB, 64
/// certificates).
Result<std::vector<Bytes>> read_certificates(ByteSpan file);

}  // namespace sealcall::attestation::foreign
