// The 32 bytes that an attestation key signs. Trusted base: pure, no parsing of foreign bytes.
#pragma once

#include "sealcall/rats/wire.h"

namespace sealcall::attestation {

/// SHA-256 of any bytes.
Digest sha256(ByteSpan data);

/// qualifyingData of a quote: SHA-256 of the deterministic CBOR array (RFC 8949 4.2)
/// ["sealcall-attest/1", "quote", role, round, channel binding, verifier nonce, attester nonce, H(SPKI attester TLS),
///  H(SPKI peer TLS), H(DTLS certificate attester), H(DTLS certificate peer), H(both Hellos), H(rest of the Evidence)].
/// Fails with wrong_binding when the channel binding is all zero (RFC 9266: absent).
Result<Digest> quote_qualifying_data(const rats::BindingInput& in);

/// The binding of Evidence that goes into a file and answers no call. Its channel binding is a constant, which no TLS
/// exporter gives: no such Evidence is ever taken in a call, and none of a call as a file's. Round 0.
rats::BindingInput file_binding(const Digest& nonce, const Digest& identity_spki);

/// qualifyingData of TPM2_Certify over the identity key: SHA-256 of ["sealcall-attest/1", "certify-identity", H(SPKI)].
Digest certify_identity_qualifying_data(const Digest& identity_spki);

/// qualifyingData of what the AK signs for the audit log: SHA-256 of ["sealcall-attest/1", "audit", purpose, record,
/// head]; `head` is the SHA-256 of the record with that number, and so of the log up to there. Purposes:
/// sealcall/audit/anchor.h.
Digest audit_qualifying_data(std::string_view purpose, uint64_t record, const Digest& head);

/// H(encode(caller Hello) || encode(callee Hello)).
Digest hash_hellos(const rats::Hello& caller, const rats::Hello& callee);

}  // namespace sealcall::attestation
