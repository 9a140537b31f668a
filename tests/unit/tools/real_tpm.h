// Provisioning over a real swtpm that `make_software_tpm` made: what the enclave does for init and enroll, in the
// test's process.
#pragma once

#include <gtest/gtest.h>

#include "attestation/binding.h"
#include "provisioning.h"
#include "software_tpm.h"
#include "temporary_dir.h"
#include "tests/unit/tpm/private_tpm.h"

namespace sealcall::test {

class RealTpm : public cli::Provisioning {
  public:
    explicit RealTpm(const std::filesystem::path& state) : swtpm_(state.string()) {
        tpm::Options options{.kind = ipc::TpmKind::swtpm_socket,
                             .auth_value = {},
                             .measurement_pcr = 13,
                             .deadline = tpm::test::kPatient};
        auto opened = tpm::Tpm::open(swtpm_.connect(), options);
        CHECK(opened.has_value());
        tpm_ = std::move(opened).value();
    }

    ipc::Provisioned provision(const ipc::Provisioned* existing, const std::string& partner) override {
        CHECK(tpm_->provision().has_value());
        tpm::IdentityBlobs blobs;
        if (existing)
            blobs = {.public_area = to_bytes(existing->identity_public.view()),
                     .private_area = to_bytes(existing->identity_private.view())};
        else
            blobs = tpm_->create_identity().value();
        CHECK(tpm_->load(blobs).has_value());
        CHECK(tpm_->use_ak(partner).has_value());
        ipc::Provisioned out;
        out.ok = true;
        out.identity_public = BoundedBytes<2048>(blobs.public_area);
        out.identity_private = BoundedBytes<2048>(blobs.private_area);
        out.srk_name = BoundedBytes<64>(tpm_->srk_name().value());
        out.ak_public = tpm_->ak_public().value();
        auto endorsement = tpm_->endorsement().value();
        out.ek_public = endorsement.ek_public;
        out.ek_certificate = endorsement.ek_certificate;
        const Bytes spki =
            attestation::spki_der(attestation::parse_tpmt_public(tpm_->identity_public().value().view()).value())
                .value();
        auto certified =
            tpm_->certify_identity(attestation::certify_identity_qualifying_data(attestation::sha256(spki))).value();
        out.certify_attest = certified.attest;
        out.certify_signature = certified.signature;
        out.tpm_name = BoundedString<128>::cut(tpm_->name());
        return out;
    }

    ipc::Activated activate(const ipc::Activate& challenge) override {
        ipc::Activated out;
        auto credential =
            tpm_->activate_credential(challenge.credential_blob.view(), challenge.encrypted_secret.view());
        out.ok = credential.has_value();
        if (credential)
            out.credential = BoundedBytes<64>(*credential);
        else
            out.problem = BoundedString<256>::cut(credential.error().what);
        return out;
    }

    ipc::PinnedAuthority pin(const ipc::PinAuthority& authority) override {
        const Status done = tpm_->pin_authority(authority.signer, authority.version);
        return {.ok = done.has_value(), .problem = {}};
    }
    /// Needs the enclave's attester; tests/integration/evidence_file has it.
    ipc::CollectedEvidence collect(const Digest&, const rats::CertificateDer&) override { return {}; }
    ipc::CertifiedAudit certify_audit(const Digest&) override { return {}; }
    /// Needs the enclave's desk; tests/integration/pin_and_vault has it.
    ipc::VaultState vault(Bytes) override { return {}; }
    ipc::VaultPage vault_page(const ipc::VaultRead&) override { return {}; }
    tpm::Tpm& tpm() { return *tpm_; }

  private:
    tpm::test::Swtpm swtpm_;
    std::unique_ptr<tpm::Tpm> tpm_;
};

}  // namespace sealcall::test
