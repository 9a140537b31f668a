#include "enclave/attester.h"

#include "attestation/binding.h"
#include "attestation/tpm_structs.h"
#include "enclave/sip_name.h"

namespace sealcall::enclave {

Result<Attester> Attester::create(tpm::Tpm& tpm, const ipc::ConfigureEnclave& config,
                                  std::shared_ptr<const PlatformLogs> logs) {
    Attester a;
    a.logs_ = std::move(logs);
    a.sealcall_log_ = config.sealcall_log;
    TRY_STATUS(a.add(tpm, {}, config.ak_certificate.view()));
    for (const auto& key : config.partner_keys) TRY_STATUS(a.add(tpm, key.partner.view(), key.ak_certificate.view()));
    return a;
}

Status Attester::add(tpm::Tpm& tpm, std::string_view partner, ByteSpan ak_certificate) {
    TRY_STATUS(tpm.use_ak(partner));
    rats::EvidenceBody body;
    body.boot_log = PlatformLogs::offer(*logs_->boot());
    TRY(body.ak_public, tpm.ak_public());
    TRY(body.identity_public, tpm.identity_public());
    TRY(auto identity, attestation::parse_tpmt_public(body.identity_public.view()));
    TRY(Bytes spki, attestation::spki_der(identity));
    identity_spki_ = attestation::sha256(spki);
    TRY(auto certified, tpm.certify_identity(attestation::certify_identity_qualifying_data(identity_spki_)));
    body.certify_attest = std::move(certified.attest);
    body.certify_signature = std::move(certified.signature);
    TRY(body.ak_certificate, rats::CertificateDer::from(ak_certificate));
    body.sealcall_log = sealcall_log_;
    shown_.push_back({.partner = std::string(partner), .body = std::move(body)});
    return {};
}

Result<OwnEvidence> Attester::make(tpm::Tpm& tpm, rats::BindingInput binding, std::string_view peer_domain) const {
    const auto own_key = std::ranges::find_if(shown_, [&](auto& s) { return same_host(s.partner, peer_domain); });
    const Shown& shown = own_key == shown_.end() ? shown_.front() : *own_key;
    TRY_STATUS(tpm.use_ak(shown.partner));
    rats::EvidenceBody body = shown.body;
    body.round = binding.round;
    OwnEvidence own{.evidence = {}, .boot_log = logs_->boot(), .runtime_log = {}};
    rats::Evidence& evidence = own.evidence;
    evidence.body = BoundedBytes<24576>(ipc::encode(body));
    binding.evidence_body = attestation::sha256(evidence.body.view());
    TRY(Digest signed_bytes, attestation::quote_qualifying_data(binding));
    TRY(auto quotes, tpm.quote(signed_bytes));
    evidence.quote = std::move(quotes.main.attest);
    evidence.quote_signature = std::move(quotes.main.signature);
    evidence.quote10 = std::move(quotes.pcr10.attest);
    evidence.quote10_signature = std::move(quotes.pcr10.signature);
    for (const auto& value : quotes.pcrs)
        if (!evidence.pcrs.push(value)) return Error{Errc::tpm_bad_response, "too many PCRs", 0};
    // After the quote, so that it holds at least what was quoted; PCR 10 tells which beginning of it counts.
    own.runtime_log = logs_->read_runtime();
    evidence.runtime_log = PlatformLogs::offer(*own.runtime_log);
    return own;
}

}  // namespace sealcall::enclave
