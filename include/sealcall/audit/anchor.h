// What binds the audit log to a TPM: an NV index of the extend type into which heads of the log go, and what the
// attestation key signs about it and about the secrets of calls. Whoever checks a log needs only this and the
// authority's certificate.
#pragma once

#include <cstdint>
#include <string_view>

namespace sealcall::audit {

/// H(before || head), SHA-256, at each anchor; never back, not even by who has its authValue (Part 1, 37.2.6).
/// AUTHREAD, AUTHWRITE, NO_DA, NT_EXTEND, WRITTEN. Not ORDERLY: it must not fall back when the power is cut.
inline constexpr uint32_t kIndex = 0x01800120, kIndexAttributes = 0x22040044;
/// Extended once when the index is made, so that it is never without contents.
inline constexpr std::string_view kIndexBegin = "sealcall audit index 1";

/// The counters that end the secrets of calls, one a slot: AUTHREAD, AUTHWRITE, NO_DA, ORDERLY, NT_COUNTER, WRITTEN.
inline constexpr uint32_t kCounterIndex = 0x01800100, kCounterAttributes = 0x26040014;
/// TPMA_OBJECT of a sealed secret: fixedTPM, fixedParent, noDA; neither userWithAuth nor adminWithPolicy.
inline constexpr uint32_t kSealedAttributes = 0x00000412;

/// What a signature is for (attestation::audit_qualifying_data).
inline constexpr std::string_view kForAnchor = "anchor", kForCreation = "creation", kForEnd = "end", kForLive = "live";

}  // namespace sealcall::audit
