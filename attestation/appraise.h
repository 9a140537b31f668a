// The verifier's whole work as one pure function: no I/O, no clock, no state. It can only lower what the enclave found.
#pragma once

#include "attestation/checks.h"

namespace sealcall::attestation {

/// The logs that came with a request; empty where there is none.
struct RequestLogs {
    ByteSpan boot, runtime;
};

/// The response, and what goes before it in VerifierRuntime messages.
struct VerifierFindings : rats::VerifierResponse {
    std::vector<Digest> runtime;  ///< what was extended into PCR 10, in order
};

/// Parts 1 to 3 for one request. `request` of the answer stays zero: the process that holds the message fills it in.
/// `events` and `runtime` are what the logs say was extended, for the enclave to replay; every record of sealcall's own
/// log was compared with its content. A log that cannot be read is as wrong as one that does not replay.
VerifierFindings appraise(const rats::VerifierRequest& request, const RequestLogs& logs = {});

/// What the enclave and the verifier both expect of a request's Evidence.
Expectation expectation_of(const rats::VerifierRequest& request);

}  // namespace sealcall::attestation
