#include "attestation/evidence_file.h"

#include "attestation/binding.h"
#include "attestation/levels.h"

namespace sealcall::attestation {

namespace {

bool is_offered(ByteSpan log, const rats::LogOffer& offer) {
    return log.empty() || (log.size() == offer.size && sha256(log) == offer.digest);
}

/// Of the key that the Evidence names itself: there is no TLS peer to compare it with. Nothing: the key cannot be read,
/// and the check says so.
Digest identity_of(const rats::EvidenceBody& body) {
    auto identity = parse_tpmt_public(body.identity_public.view());
    if (!identity) return {};
    auto spki = spki_der(*identity);
    return spki ? sha256(*spki) : Digest{};
}

}  // namespace

bool looks_like_evidence_file(ByteSpan in) {
    return in.size() >= kEvidenceFileMagic.size() &&
           equal_bytes(in.first(kEvidenceFileMagic.size()), as_bytes(kEvidenceFileMagic));
}

Bytes encode_evidence_file(const EvidenceFile& file) {
    Bytes out = to_bytes(as_bytes(kEvidenceFileMagic));
    const Bytes rest = ipc::encode(file);
    out.insert(out.end(), rest.begin(), rest.end());
    return out;
}

Result<EvidenceFile> read_evidence_file(ByteSpan in) {
    if (in.size() > kEvidenceFileMax) return Error{Errc::too_large, "file of evidence", 0};
    if (!looks_like_evidence_file(in)) return Error{Errc::bad_value, "no file of evidence", 0};
    TRY(auto file, ipc::decode<EvidenceFile>(in.subspan(kEvidenceFileMagic.size())));
    auto body = ipc::decode<rats::EvidenceBody>(file.evidence.body.view());
    if (!body) return Error{Errc::bad_evidence, "the body cannot be read", 0};
    if (!is_offered(file.boot_log.view(), body->boot_log) ||
        !is_offered(file.runtime_log.view(), file.evidence.runtime_log))
        return Error{Errc::bad_evidence, "a log is not the one that the evidence names", 0};
    return file;
}

FileAppraisal appraise_file(const EvidenceFile& file, const FileGround& ground) {
    FileAppraisal out;
    if (auto body = ipc::decode<rats::EvidenceBody>(file.evidence.body.view())) out.body = *std::move(body);
    rats::VerifierRequest request;
    request.evidence = file.evidence;
    request.binding = file_binding(ground.nonce.value_or(file.nonce), identity_of(out.body));
    for (const auto& anchor : ground.anchors)
        if (!request.anchors.push(anchor)) break;
    request.wall_ms = ground.wall_ms;
    request.measurement_pcr = ground.measurement_pcr;
    Expectation expect = expectation_of(request);
    expect.references = ground.references;
    expect.revocations_unknown = ground.revocations_unknown;
    // As in a call: the identity key must be bound to the very state that is quoted.
    for (const auto& value : file.evidence.pcrs)
        if (value.pcr == ground.measurement_pcr) expect.identity_policy_pcr = value.value;
    out.ceiling = check_evidence(file.evidence, expect);
    out.result = out.ceiling.result;
    if (out.result.level == rats::Level::failed) return out;
    const VerifierFindings found =
        appraise(request, {.boot = file.boot_log.view(), .runtime = file.runtime_log.view()});
    out.measured = {
        .events = found.events.items(), .runtime = found.runtime, .startup_locality = found.startup_locality};
    out.result = conclude(out.ceiling, found, out.measured, ground.measurement_pcr, ground.references);
    return out;
}

}  // namespace sealcall::attestation
