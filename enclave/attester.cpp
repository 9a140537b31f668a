#include "enclave/attester.h"

#include "attestation/binding.h"
#include "attestation/tpm_structs.h"

namespace sealcall::enclave {

Result<Attester> Attester::create(tpm::Tpm& tpm, const ipc::ConfigureEnclave& config,
                                  std::shared_ptr<const PlatformLogs> logs) {
    Attester a;
    a.logs_ = std::move(logs);
    a.body_.boot_log = PlatformLogs::offer(*a.logs_->boot());
    TRY(a.body_.ak_public, tpm.ak_public());
    TRY(a.body_.identity_public, tpm.identity_public());
    TRY(auto identity, attestation::parse_tpmt_public(a.body_.identity_public.view()));
    TRY(Bytes spki, attestation::spki_der(identity));
    a.identity_spki_ = attestation::sha256(spki);
    TRY(auto certified, tpm.certify_identity(attestation::certify_identity_qualifying_data(a.identity_spki_)));
    a.body_.certify_attest = std::move(certified.attest);
    a.body_.certify_signature = std::move(certified.signature);
    a.body_.ak_certificate = config.ak_certificate;
    a.body_.sealcall_log = config.sealcall_log;
    return a;
}

Result<OwnEvidence> Attester::make(tpm::Tpm& tpm, rats::BindingInput binding) const {
    rats::EvidenceBody body = body_;
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
