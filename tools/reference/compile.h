// From a store and an authority's own facts to the bundle that phones believe, and signed allow lists between
// administrators. Throws Problem.
#pragma once

#include "attestation/openssl.h"
#include "reference_store.h"

namespace sealcall::reference {

struct BundleFacts {
    std::string authority;
    uint64_t version = 0, issued_ms = 0, next_update_ms = 0;
    std::vector<Bytes> anchors;   ///< DER
    std::vector<Digest> revoked;  ///< SHA-256 of SPKIs
    std::vector<rats::PartnerVerifier> partners;
    Bytes policy = {};  ///< compiled; empty: none
};

/// Approved entries in order; what does not fit a bundle is a Problem, never left out.
rats::Bundle compile(const ReferenceStore& store, const BundleFacts& facts);

/// Detached signature of an exported list: ECDSA P-256 with SHA-256, DER, over "sealcall-allow-list/1" and the list.
Bytes sign_list(std::string_view list, EVP_PKEY* key);
/// Problem when it does not hold.
void check_list(std::string_view list, ByteSpan signature, EVP_PKEY* key);

}  // namespace sealcall::reference
