#include "attestation/appraise.h"

#include "attestation/binding.h"
#include "attestation/cel.h"
#include "attestation/logs/ima.h"
#include "attestation/logs/measured_boot.h"

namespace sealcall::attestation {

namespace {

using rats::Level;
using rats::Reason;

constexpr uint8_t kRuntimePcr = 10;

Status add_event(VerifierFindings& out, uint8_t pcr, const Digest& digest) {
    if (!out.events.push({.pcr = pcr, .digest = digest, .reference = 0})) return Error{Errc::too_large, "events", 0};
    return {};
}

/// What the firmware and the loaders extended. A log without a SHA-256 bank says nothing about what was quoted, and
/// neither do events of PCRs that are not quoted, such as those of a dynamic launch (17 to 22).
Status read_boot(ByteSpan log, const std::vector<rats::PcrValue>& pcrs, VerifierFindings& out) {
    auto boot = logs::read_boot_log(log);
    if (!boot && boot.error().code == Errc::unavailable) return {};
    if (!boot) return boot.error();
    out.startup_locality = boot->startup_locality;
    for (const logs::MeasuredEvent& e : boot->events)
        if (std::ranges::find(pcrs, e.pcr, &rats::PcrValue::pcr) != pcrs.end())
            TRY_STATUS(add_event(out, static_cast<uint8_t>(e.pcr), e.sha256));
    return {};
}

/// The events of sealcall's own log. Errors: a record that lies, is of another PCR, or a log that cannot be read.
Status read_own(ByteSpan log, uint8_t pcr, VerifierFindings& out) {
    TRY(auto records, parse_cel(log));
    for (const auto& record : records) {
        if (record.pcr != pcr || !is_honest(record))
            return Error{Errc::replay_mismatch, "record", static_cast<uint32_t>(record.number)};
        TRY_STATUS(add_event(out, record.pcr, record.digest));
    }
    return {};
}

/// The kernel's aggregate of the boot is the list's first entry: over PCR 0-7 before Linux 5.8, over 0-9 since. One of
/// another boot means another list. Other algorithms than SHA-256 are over banks that were not quoted.
bool is_of_this_boot(const logs::ImaEntry& first, const std::vector<rats::PcrValue>& pcrs) {
    if (first.name != "boot_aggregate" || first.file_algorithm != logs::kSha256) return true;
    ByteWriter w;
    for (const auto& v : pcrs) {
        if (v.pcr > 9) break;
        w.bytes(v.value);
        if (v.pcr == 7 && equal_bytes(first.file_hash, sha256(w.view()))) return true;
    }
    return equal_bytes(first.file_hash, sha256(w.view()));
}

/// The beginning of the kernel's list that gives the quoted PCR 10: the list grew while the TPM quoted.
Status read_runtime(ByteSpan list, const std::vector<rats::PcrValue>& pcrs, VerifierFindings& out) {
    const auto quoted = std::ranges::find(pcrs, kRuntimePcr, &rats::PcrValue::pcr);
    if (quoted == pcrs.end()) return Error{Errc::replay_mismatch, "PCR 10", 0};
    TRY(auto prefix, logs::find_ima_prefix(list, logs::kSha256, quoted->value));
    if (!prefix) return Error{Errc::replay_mismatch, "PCR 10", 0};
    if (prefix->entries > rats::kRuntimeEventsMax) return {};  // more than an answer holds: as if it were withheld
    bool this_boot = true;
    logs::ImaReplay replay(logs::kSha256, prefix->rule);
    out.runtime.reserve(prefix->entries);
    TRY_STATUS(logs::visit_ima_list(list, [&](const logs::ImaEntry& entry) {
        if (out.runtime.size() >= prefix->entries) return false;
        if (out.runtime.empty()) this_boot = is_of_this_boot(entry, pcrs);
        replay.add(entry);
        std::ranges::copy(replay.last_extended(), out.runtime.emplace_back().begin());
        return true;
    }));
    return this_boot ? Status{} : Error{Errc::replay_mismatch, "boot_aggregate", 0};
}

Status read_logs(const rats::VerifierRequest& request, const RequestLogs& logs, VerifierFindings& out) {
    TRY(auto body, ipc::decode<rats::EvidenceBody>(request.evidence.body.view()));
    if (!logs.boot.empty()) TRY_STATUS(read_boot(logs.boot, request.evidence.pcrs.items(), out));
    TRY_STATUS(read_own(body.sealcall_log.view(), request.measurement_pcr, out));
    if (!logs.runtime.empty()) TRY_STATUS(read_runtime(logs.runtime, request.evidence.pcrs.items(), out));
    out.runtime_events = static_cast<uint32_t>(out.runtime.size());
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

VerifierFindings appraise(const rats::VerifierRequest& request, const RequestLogs& logs) {
    VerifierFindings out;
    Appraised ceiling = check_evidence(request.evidence, expectation_of(request));
    out.level = ceiling.result.level;
    out.reasons = ceiling.result.reasons;
    if (out.level == Level::failed) return out;
    if (!read_logs(request, logs, out)) {
        VerifierFindings refused;
        refused.level = Level::failed;
        CHECK(refused.reasons.push(Reason::log_does_not_replay));
        return refused;
    }
    rats::AttestationResult result =
        apply_replay(ceiling.result, ceiling.pcrs,
                     {.events = out.events.items(), .runtime = out.runtime, .startup_locality = out.startup_locality});
    out.level = std::min(result.level, ceiling.result.level);
    out.reasons = result.reasons;
    return out;
}

}  // namespace sealcall::attestation
