// Levels 3 and 4: what was measured against what the administrator approved (docs/attestation.md, "Levels"). Only
// lowers a result that has replayed. Trusted base.
#pragma once

#include "attestation/bundle.h"
#include "attestation/checks.h"

namespace sealcall::attestation {

/// SHA-256 of the UEFI variable SecureBoot with the value 1, as firmware extends it into PCR 7 (PC Client Platform
/// Firmware Profile 1.05, 10.2.2 and 3.3.4.8: EV_EFI_VARIABLE_DRIVER_CONFIG over UEFI_VARIABLE_DATA).
Digest secure_boot_on_digest();

/// `result` is what apply_replay left; `references` null: nobody has approved anything. The answer is never better than
/// `result`: at most measured without approval, trusted_boot without an approved runtime, failed with a forbidden one.
rats::AttestationResult apply_references(rats::AttestationResult result, const rats::Measured& measured,
                                         uint8_t measurement_pcr, const ReferenceSet* references);

/// What the kernel extends into PCR 10 before any program: the entry boot_aggregate (IMA, template ima-ng), with
/// SHA-256 over the values of PCR 0 to `last`: 9, or 7 before Linux 5.8.
Digest boot_aggregate_entry(const std::vector<rats::PcrValue>& pcrs, uint8_t last);

/// What parts 1 and 2 (`ceiling`), the verifier's answer and its lists come to: the lowest of all. The
/// lists are only a claim: they count as far as they replay to the quoted values. A boot_aggregate of the quoted values
/// needs nobody's approval, and is no program: a list of it alone tells of none.
rats::AttestationResult conclude(const Appraised& ceiling, const rats::VerifierResponse& said,
                                 const rats::Measured& measured, uint8_t measurement_pcr,
                                 const ReferenceSet* references);

}  // namespace sealcall::attestation
