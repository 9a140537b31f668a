#include "collect_evidence.h"

#include "files.h"
#include "problem.h"
#include "sealcall/base/time.h"

namespace sealcall::cli {
namespace {

/// A log as far as the Evidence offers it. Empty when it is not the one that was offered: then it was changed
/// meanwhile, and nothing of it is worth anything.
template <size_t N>
BoundedBytes<N> offered(const UniqueFd& log, const rats::LogOffer& offer, const char* what) {
    if (offer.size == 0) return {};
    const Bytes bytes = beginning_of(log, std::min<size_t>(offer.size, N));
    if (bytes.size() != offer.size || digest_of(bytes) != offer.digest)
        throw Problem(std::string("The ") + what + " changed while it was read.", "Try again.");
    return BoundedBytes<N>(bytes);
}

}  // namespace

attestation::EvidenceFile collect_evidence(const ProfileStore& store, Provisioning& provisioning, const OwnLogs& logs,
                                           const Digest& nonce, ShowLogs show) {
    const auto keys = store.keys();
    if (!keys)
        throw Problem("The profile " + store.paths().profile + " has no keys yet.", "sealcall init",
                      exit_status::kNotSetUp);
    const auto enrolment = store.enrolment();
    const ipc::Provisioned ready = provisioning.provision(&*keys, {});
    if (!ready.ok)
        throw Problem("The keys could not be used: " + ready.problem.str() + ".",
                      "`sealcall doctor` says what is wrong with the TPM.", exit_status::kNotSetUp);
    const ipc::CollectedEvidence made =
        provisioning.collect(nonce, enrolment ? enrolment->ak_certificate : rats::CertificateDer{});
    if (!made.ok)
        throw Problem("The evidence could not be made: " + made.problem.str() + ".",
                      "Try again; `sealcall doctor` says what is wrong with the TPM.");
    attestation::EvidenceFile file;
    file.nonce = nonce;
    file.collected_ms = wall_ms();
    file.evidence = made.evidence;
    for (size_t i = 0; enrolment && i < enrolment->anchors.size(); ++i)
        if (!file.chain.push(enrolment->anchors[i])) break;
    if (show == ShowLogs::no) return file;
    const auto body = ipc::decode<rats::EvidenceBody>(made.evidence.body.view());
    if (!body) throw Problem("The enclave made evidence that cannot be read.", "Please report this.");
    file.boot_log = offered<rats::kBootLogMax>(logs.boot, body->boot_log, "log of the firmware");
    file.runtime_log = offered<rats::kRuntimeLogMax>(logs.runtime, made.evidence.runtime_log, "kernel's list");
    return file;
}

}  // namespace sealcall::cli
