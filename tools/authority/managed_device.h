// Is a phone managed (docs/attestation.md, "AK certificate")? What can be seen in an enrolment, and what cannot.
#pragma once

#include "attestation/tpm_structs.h"

namespace sealcall::authority {

/// True when `log` is a guard's (its own record first, its cap last, the enclave's right before) and the identity key
/// can be used only while the measurement PCR holds what the log replays to. That shows which state the key is bound
/// to. It does not show that a guard was there: whoever reaches the TPM of another computer first can extend the same
/// public values. So an authority says "managed" only where an administrator vouches for the installation.
bool is_bound_to_guard(const attestation::PublicArea& identity, ByteSpan log, uint8_t measurement_pcr);

}  // namespace sealcall::authority
