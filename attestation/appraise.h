// The verifier's whole work as one pure function: no I/O, no clock, no state. It can only lower what the enclave found.
#pragma once

#include "attestation/checks.h"

namespace sealcall::attestation {

/// Parts 1 to 3 for one request. `request` of the answer stays zero: the process that holds the message fills it in.
/// `events` is what the logs say was extended, for the enclave to replay; every record's digest was compared with its
/// content.
rats::VerifierResponse appraise(const rats::VerifierRequest& request);

/// What the enclave and the verifier both expect of a request's Evidence.
Expectation expectation_of(const rats::VerifierRequest& request);

}  // namespace sealcall::attestation
