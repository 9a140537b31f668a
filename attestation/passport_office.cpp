#include "attestation/passport_office.h"

#include "attestation/levels.h"

namespace sealcall::attestation {

namespace {

using rats::Level;
using rats::Reason;

Expectation expectation_by(const PassportRequest& in, const PassportRules& rules) {
    Expectation out = expectation_of(in.request);
    out.references = rules.references;
    out.revocations_unknown = rules.revocations_unknown;
    for (const auto& value : in.request.evidence.pcrs)
        if (value.pcr == rules.measurement_pcr) out.identity_policy_pcr = value.value;
    return out;
}

}  // namespace

Result<PassportRequest> parse_passport_request(ByteSpan bytes) {
    PassportRequest out;
    ByteReader r(bytes);
    TRY_STATUS(ipc::decode_value(r, out.request));
    if (out.request.boot_log_size > rats::kBootLogMax || out.request.runtime_log_size > rats::kRuntimeLogMax)
        return Error{Errc::too_large, "log", 0};
    TRY(ByteSpan boot, r.bytes(out.request.boot_log_size));
    TRY(ByteSpan runtime, r.bytes(out.request.runtime_log_size));
    TRY_STATUS(r.finish());
    out.boot_log = to_bytes(boot);
    out.runtime_log = to_bytes(runtime);
    return out;
}

PassportAppraisal appraise_own(PassportRequest& in, const PassportRules& rules, const AskVerifier& ask) {
    in.request.anchors = {};
    for (const auto& anchor : rules.anchors) CHECK(in.request.anchors.push(anchor));
    in.request.wall_ms = rules.wall_ms;
    in.request.measurement_pcr = rules.measurement_pcr;
    PassportAppraisal out;
    out.ceiling = check_evidence(in.request.evidence, expectation_by(in, rules));
    out.result = out.ceiling.result;
    if (out.result.level <= Level::unverified) return out;
    // The sizes that came are claims of a host about the logs: only what fits the quote counts, as in a call.
    const auto word = ask(in.request, {.boot = in.boot_log, .runtime = in.runtime_log});
    if (!word) {
        out.result.level = Level::unverified;
        out.result.reasons = {};
        CHECK(out.result.reasons.push(Reason::could_not_check));
        return out;
    }
    out.result = conclude(out.ceiling, word->response, word->measured, rules.measurement_pcr, rules.references);
    return out;
}

}  // namespace sealcall::attestation
