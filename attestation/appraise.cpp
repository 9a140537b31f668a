#include "attestation/appraise.h"

#include "attestation/cel.h"

namespace sealcall::attestation {

namespace {

using rats::Level;
using rats::Reason;

/// The events of sealcall's own log. Errors: a record that lies, is of another PCR, or a log that cannot be read.
Status read_log(const rats::VerifierRequest& request, rats::VerifierResponse& out) {
    TRY(auto body, ipc::decode<rats::EvidenceBody>(request.evidence.body.view()));
    TRY(auto records, parse_cel(body.sealcall_log.view()));
    for (const auto& record : records) {
        if (record.pcr != request.measurement_pcr || !is_honest(record))
            return Error{Errc::replay_mismatch, "record", static_cast<uint32_t>(record.number)};
        if (!out.events.push({.pcr = record.pcr, .digest = record.digest, .reference = 0}))
            return Error{Errc::too_large, "events", 0};
    }
    return {};
}

}  // namespace

Expectation expectation_of(const rats::VerifierRequest& request) {
    Expectation out;
    out.binding = request.binding;
    out.identity_spki = request.binding.attester_tls_spki;
    out.anchors = request.anchors.items();
    out.wall_ms = request.wall_ms;
    out.measurement_pcr = request.measurement_pcr;
    return out;
}

rats::VerifierResponse appraise(const rats::VerifierRequest& request) {
    rats::VerifierResponse out;
    Appraised ceiling = check_evidence(request.evidence, expectation_of(request));
    out.level = ceiling.result.level;
    out.reasons = ceiling.result.reasons;
    if (out.level == Level::failed) return out;
    if (!read_log(request, out)) {
        rats::VerifierResponse refused;
        refused.level = Level::failed;
        CHECK(refused.reasons.push(Reason::log_does_not_replay));
        return refused;
    }
    rats::AttestationResult result = apply_replay(ceiling.result, ceiling.pcrs, out.events.items());
    out.level = std::min(result.level, ceiling.result.level);
    out.reasons = result.reasons;
    return out;
}

}  // namespace sealcall::attestation
