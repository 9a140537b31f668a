// The authority's side of the bundle: putting it in order and signing it. Tools only.
#pragma once

#include "attestation/openssl.h"
#include "sealcall/rats/bundle.h"

namespace sealcall::attestation {

/// Lists in the order that the enclave asks for; of two references with equal PCR and digest the stricter one stays
/// (forbidden, then the first).
rats::Bundle sorted_bundle(const rats::Bundle& bundle);

/// encode(SignedBundle) of exactly these bytes: nothing is sorted or checked, the enclave does that. Errors:
/// crypto_failed, too_large.
Result<Bytes> sign_bundle(const rats::Bundle& bundle, EVP_PKEY* key);

}  // namespace sealcall::attestation
