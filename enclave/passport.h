// PASSporT (RFC 8225) for the Identity header (RFC 8224): the caller's TPM-resident key signs who calls whom with which
// DTLS certificate. It is verified against what the attestation channel says, so no JSON of a stranger is parsed:
// everything in it but `iat` is known, and the text must be exactly the one that those facts give.
#pragma once

#include <string>

#include "attestation/tpm_structs.h"

namespace sealcall::enclave {

struct PassportFacts {
    std::string orig;  ///< "sip:alice@example.com", the caller's certified name
    std::string dest;  ///< what was dialled
    Digest mky{};      ///< SHA-256 of the caller's DTLS certificate
};

/// How far the caller's clock may be off, either way.
inline constexpr uint64_t kPassportLifeS = 120;

/// base64url(header) "." base64url(payload): what is signed (RFC 8225 section 6, canonical by section 9). `iat`:
/// seconds of 1970. Errors: bad_value when a name holds what JSON would have to escape.
Result<std::string> passport_text(const PassportFacts& facts, uint64_t iat);

/// The whole value of the Identity header. `der`: ECDSA-SHA256 over the text. Errors: bad_signature.
Result<std::string> identity_header(const std::string& text, ByteSpan der);

/// Errors: wrong_binding (another caller, callee, DTLS key or time), bad_signature.
Status verify_identity_header(std::string_view header, const PassportFacts& facts, uint64_t now_s,
                              const attestation::PublicArea& identity_key);

}  // namespace sealcall::enclave
