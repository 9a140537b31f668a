// What an authority does before it vouches for a phone of its own: the request as it comes from a phone's host, and the
// appraisal, which is that of a relying party (checks.h, levels.h) with the authority's own anchors and references. Not
// part of the trusted base. Everything in a request is foreign.
#pragma once

#include <functional>

#include "attestation/appraise.h"
#include "attestation/bundle.h"

namespace sealcall::attestation {

/// bytes: encode(rats::VerifierRequest), boot log, runtime log
inline constexpr size_t kPassportRequestMax =
    ipc::max_size<rats::VerifierRequest>() + rats::kBootLogMax + rats::kRuntimeLogMax;

struct PassportRequest {
    rats::VerifierRequest request;
    Bytes boot_log, runtime_log;
};
/// Errors: those of the codec; too_large (a log), trailing_bytes, truncated.
Result<PassportRequest> parse_passport_request(ByteSpan bytes);

/// What the authority knows itself.
struct PassportRules {
    std::vector<rats::CertificateDer> anchors;
    uint64_t wall_ms = 0;
    uint8_t measurement_pcr = 13;
    const ReferenceSet* references = nullptr;  ///< null: nothing is approved
    rats::Reason revocations_unknown = rats::Reason::none;
};

/// A verifier's answer; `measured` is only a claim until it replays.
struct VerifierWord {
    rats::VerifierResponse response;
    rats::Measured measured;
};
/// Nothing: it could not be asked.
using AskVerifier = std::function<std::optional<VerifierWord>(const rats::VerifierRequest&, const RequestLogs&)>;

struct PassportAppraisal {
    Appraised ceiling;
    rats::AttestationResult result;
};
/// Puts the rules' own facts into `request`, checks it, asks a verifier, concludes.
PassportAppraisal appraise_own(PassportRequest& request, const PassportRules& rules, const AskVerifier& ask);

}  // namespace sealcall::attestation
