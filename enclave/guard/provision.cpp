// sealcall-guard provision.
#include <openssl/rand.h>

#include "attestation/tpm_structs.h"
#include "enclave/guard/boot.h"
#include "enclave/guard/sealed_boot.h"
#include "enclave/tpm/policy_digest.h"

namespace sealcall::guard {
namespace {

using tpm::AuthFor;

constexpr Millis kTpmDeadline{30'000};
constexpr size_t kCertificateMax = 16 * 1024, kAuthorisationsMax = 4096;

Status failed(std::string& problem, std::string sentence, const Error& why) {
    std::array<char, 32> detail{};
    std::snprintf(detail.data(), detail.size(), " (0x%x)", why.detail);
    problem = std::move(sentence) + " " + why.what + detail.data() + ".";
    return why;
}

tpm::HierarchyAuths auths_from(const Secret<32>& secret, const Secret<32>& enclave) {
    const auto e = enclave.reveal(SecretAccess{});
    return {.owner = tpm::derive_auth(e, AuthFor::owner, 0),
            .endorsement = tpm::derive_auth(e, AuthFor::endorsement, 0),
            .lockout = tpm::derive_auth(secret.reveal(SecretAccess{}), AuthFor::lockout, 0)};
}

Result<Digest> device_of(tpm::Tpm& tpm) {
    TRY(const tpm::Endorsement endorsement, tpm.endorsement());
    TRY(const auto ek, attestation::parse_tpmt_public(endorsement.ek_public.view()));
    TRY(const Bytes spki, attestation::spki_der(ek));
    return tpm::sha256(spki);
}

/// To what the authority approves, if its approvals are there; else to `state`, and the next update needs another one.
Result<tpm::IdentityBlobs> seal_blobs(tpm::Tpm& tpm, const Secret<32>& secret, const Paths& paths,
                                      const Digest& state) {
    TRY(const auto approved, read_approvals(paths, state));
    if (!approved) return tpm.seal_boot(secret, state);
    if (!approved->approval) return Error{Errc::not_found, "no approval of what is measured now", 0};
    TRY_STATUS(tpm.accept_approval(approved->approval->number));
    return tpm.seal_approved(secret, approved->approver);
}

Result<SealedBoot> seal(tpm::Tpm& tpm, const Secret<32>& secret, const Paths& paths, const Digest& state) {
    TRY(const tpm::IdentityBlobs blobs, seal_blobs(tpm, secret, paths, state));
    TRY(const Bytes srk, tpm.srk_name());
    SealedBoot out;
    TRY(out.srk_name, BoundedBytes<64>::from(srk));
    TRY(out.public_area, BoundedBytes<2048>::from(blobs.public_area));
    TRY(out.private_area, BoundedBytes<2048>::from(blobs.private_area));
    return out;
}

}  // namespace

Status provision(const Provisioning& request, std::string& problem) {
    auto roles = read_approved(request.paths);
    if (!roles) return failed(problem, "The list of approved programs cannot be used.", roles.error());
    auto certificate = read_own_file(request.escrow_to, kCertificateMax);
    if (!certificate) return failed(problem, "The certificate for the escrow cannot be read.", certificate.error());
    Escrow previous;
    if (request.previous) {
        auto text = read_own_file(*request.previous, kAuthorisationsMax);
        if (!text) return failed(problem, "The authorisations in force cannot be read.", text.error());
        auto parsed = parse_escrow(as_chars(*text));
        wipe(text->data(), text->size());
        if (!parsed) return failed(problem, "The authorisations in force cannot be read.", parsed.error());
        previous = *std::move(parsed);
    }
    Secret<32> secret;
    if (RAND_bytes(as_u8(secret.reveal(SecretAccess{}).data()), 32) != 1)
        return failed(problem, "No random numbers.", Error{Errc::crypto_failed, "RAND_bytes", 0});
    const Secret<32> enclave = tpm::derive_auth(secret.reveal(SecretAccess{}), AuthFor::enclave, 0);

    auto fd = connect_tpm(request.paths.tpm);
    if (!fd) return failed(problem, "The TPM cannot be opened.", fd.error());
    auto tpm = tpm::Tpm::open(*std::move(fd), {.kind = kind_of(request.paths.tpm),
                                               .auth_value = to_bytes(enclave.reveal(SecretAccess{})),
                                               .measurement_pcr = kMeasurementPcr,
                                               .deadline = kTpmDeadline,
                                               .srk_name = {}});
    if (!tpm) return failed(problem, "The TPM does not answer.", tpm.error());
    // First what is needed to get out again, then what cannot be taken back.
    if (Status s = (*tpm)->authorise(request.previous ? &previous.auths : nullptr); !s)
        return failed(problem, "The TPM's authorisations are set already. Give them with --authorisations.", s.error());
    if (Status s = (*tpm)->forget_indices(); !s) return failed(problem, "Old counters cannot be removed.", s.error());
    if (Status s = (*tpm)->provision(); !s) return failed(problem, "The TPM cannot be prepared.", s.error());
    auto sealed = seal(**tpm, secret, request.paths, measured_value(*roles));
    if (!sealed) return failed(problem, "The boot secret cannot be sealed.", sealed.error());
    auto device = device_of(**tpm);
    if (!device) return failed(problem, "The TPM's endorsement key cannot be read.", device.error());
    const Escrow kept{.device = *device, .auths = auths_from(secret, enclave)};
    std::string text = print_escrow(kept);
    auto escrow = encrypt_for(*certificate, as_bytes(text));
    wipe(text.data(), text.size());
    if (!escrow) return failed(problem, "The escrow cannot be encrypted.", escrow.error());
    if (Status s = write_own_file(request.paths.escrow(), *escrow); !s)
        return failed(problem, "The escrow cannot be written.", s.error());
    if (Status s = write_own_file(request.paths.sealed(), ipc::encode_message(*sealed)); !s)
        return failed(problem, "The boot secret cannot be kept.", s.error());
    if (Status s = (*tpm)->set_hierarchy_auths(kept.auths); !s)
        return failed(problem,
                      "The TPM's authorisations could not be set; those in the escrow may be in force in part.",
                      s.error());
    return {};
}

}  // namespace sealcall::guard
