#include "enclave/provision.h"

#include <poll.h>

#include "attestation/binding.h"
#include "attestation/tpm_structs.h"
#include "enclave/attester.h"
#include "enclave/sandbox/sandbox.h"
#include "enclave/vault/desk.h"
#include "sealcall/audit/anchor.h"
#include "sealcall/ipc/collect.h"

namespace sealcall::enclave {
namespace {

/// What a person can do about a TPM that says no.
const char* advice(Errc code) {
    switch (code) {
        case Errc::tpm_gone:
            return "the TPM went away; is it in use by another program?";
        case Errc::tpm_timeout:
            return "the TPM did not answer in time; try again";
        case Errc::tpm_locked_out:
            return "the TPM is locked after wrong authorisations; wait, or reset its lockout";
        case Errc::tpm_policy_refused:
            return "the TPM refuses the identity key: sealcall's own programs changed since it was made (renew it with "
                   "`sealcall init --renew-identity`)";
        case Errc::tpm_not_provisioned:
            return "this TPM holds objects at sealcall's places that sealcall did not make";
        default:
            return "the TPM refused";
    }
}

BoundedString<256> explain(const Error& e) {
    std::array<char, 24> rc{};
    std::snprintf(rc.data(), rc.size(), " (0x%x)", e.detail);
    return BoundedString<256>::cut(std::string(advice(e.code)) + ": " + e.what + (e.detail != 0 ? rc.data() : ""));
}

Result<ipc::Provisioned> provision(tpm::Tpm& tpm, const ipc::Provision& request) {
    ipc::Provisioned out;
    TRY_STATUS(tpm.provision());
    tpm::IdentityBlobs blobs{.public_area = to_bytes(request.identity_public.view()),
                             .private_area = to_bytes(request.identity_private.view())};
    if (blobs.public_area.empty()) {
        TRY(blobs, tpm.create_identity());
    }
    TRY_STATUS(tpm.load(blobs));
    TRY_STATUS(tpm.use_ak(request.partner.view()));
    TRY(out.identity_public, BoundedBytes<2048>::from(blobs.public_area));
    TRY(out.identity_private, BoundedBytes<2048>::from(blobs.private_area));
    TRY(Bytes srk_name, tpm.srk_name());
    TRY(out.srk_name, BoundedBytes<64>::from(srk_name));
    TRY(out.ak_public, tpm.ak_public());
    TRY(auto endorsement, tpm.endorsement());
    out.ek_public = std::move(endorsement.ek_public);
    out.ek_certificate = std::move(endorsement.ek_certificate);
    TRY(auto identity_public, tpm.identity_public());
    TRY(auto identity, attestation::parse_tpmt_public(identity_public.view()));
    TRY(Bytes spki, attestation::spki_der(identity));
    TRY(auto certified, tpm.certify_identity(attestation::certify_identity_qualifying_data(attestation::sha256(spki))));
    out.certify_attest = std::move(certified.attest);
    out.certify_signature = std::move(certified.signature);
    out.tpm_name = BoundedString<128>::cut(tpm.name());
    out.ok = true;
    return out;
}

ipc::CollectedEvidence collect(tpm::Tpm& tpm, const std::shared_ptr<const PlatformLogs>& logs,
                               const ipc::CollectEvidence& request) {
    ipc::CollectedEvidence out;
    ipc::ConfigureEnclave config;
    config.ak_certificate = request.ak_certificate;
    config.sealcall_log = request.sealcall_log;
    auto attester = Attester::create(tpm, config, logs);
    auto own = attester ? attester->make(tpm, attestation::file_binding(request.nonce, attester->identity_spki()), {})
                        : Result<OwnEvidence>(attester.error());
    out.ok = own.has_value();
    if (own)
        out.evidence = std::move(own->evidence);
    else
        out.problem = explain(own.error());
    return out;
}

ipc::CertifiedAudit certify_audit(tpm::Tpm& tpm, const ipc::CertifyAudit& request) {
    ipc::CertifiedAudit out;
    auto made = tpm.certify_audit(attestation::audit_qualifying_data(audit::kForLive, 0, request.nonce));
    out.ok = made.has_value();
    if (made) {
        out.attest = std::move(made->attest);
        out.signature = std::move(made->signature);
    } else {
        out.problem = explain(made.error());
    }
    return out;
}

void refuse(ipc::Link& control, BoundedString<256> problem) {
    ipc::Provisioned reply;
    reply.problem = std::move(problem);
    (void)control.send(reply);
}

Result<ByteSpan> wait_message(ipc::Link& link, std::span<std::byte> buffer) {
    for (;;) {
        auto message = link.receive(buffer);
        if (message || message.error().code != Errc::would_block) return message;
        pollfd p{.fd = link.fd(), .events = POLLIN, .revents = 0};
        (void)::poll(&p, 1, -1);
    }
}

}  // namespace

int serve_provisioning(ipc::Link& control, UniqueFd tpm_fd, UniqueFd vault_fd, std::shared_ptr<const PlatformLogs> logs,
                       const ipc::Provision& first) {
    tpm::Options options{.kind = first.tpm,
                         .auth_value = to_bytes(first.auth_value.view()),
                         .measurement_pcr = first.measurement_pcr,
                         .deadline = Millis{first.tpm == ipc::TpmKind::device ? 30000 : 5000}};
    auto opened = tpm::Tpm::open(std::move(tpm_fd), options);
    if (Status s = sandbox::enter(ipc::ProcessRole::enclave); !s) {
        refuse(control, BoundedString<256>("the sandbox could not be entered"));
        return 1;
    }
    if (!opened) {
        refuse(control, explain(opened.error()));
        return 1;
    }
    tpm::Tpm& tpm = **opened;
    auto done = provision(tpm, first);
    ipc::Provisioned reply;
    if (done) {
        reply = std::move(*done);
    } else {
        reply.problem = explain(done.error());
    }
    if (!control.send(reply)) return 1;

    vault::Desk desk(tpm, std::move(vault_fd));
    Bytes buffer(ipc::kMessageMax + 1);
    for (;;) {
        auto message = wait_message(control, buffer);
        if (!message) break;
        if (auto answer = desk.answer(*message)) {
            wipe(buffer.data(), message->size());  // it may have held a PIN
            if (!control.send_bytes(std::move(*answer))) break;
            continue;
        }
        if (auto activate = ipc::decode_message<ipc::Activate>(*message)) {
            auto credential =
                tpm.activate_credential(activate->credential_blob.view(), activate->encrypted_secret.view());
            ipc::Activated answer;
            answer.ok = credential.has_value() && credential->size() <= 64;
            if (answer.ok) {
                answer.credential = BoundedBytes<64>(*credential);
            } else {
                answer.problem = credential ? BoundedString<256>("credential too long") : explain(credential.error());
            }
            if (!control.send(answer)) break;
        } else if (auto pin = ipc::decode_message<ipc::PinAuthority>(*message)) {
            const Status pinned = tpm.pin_authority(pin->signer, pin->version);
            ipc::PinnedAuthority answer{.ok = pinned.has_value(), .problem = {}};
            if (!pinned) answer.problem = explain(pinned.error());
            if (!control.send(answer)) break;
        } else if (auto wanted = ipc::decode_message<ipc::CollectEvidence>(*message)) {
            if (!control.send(collect(tpm, logs, *wanted))) break;
        } else if (auto question = ipc::decode_message<ipc::CertifyAudit>(*message)) {
            if (!control.send(certify_audit(tpm, *question))) break;
        } else {
            break;  // Shutdown, or nothing that belongs here
        }
    }
    (void)tpm.shutdown();
    return 0;
}

}  // namespace sealcall::enclave
