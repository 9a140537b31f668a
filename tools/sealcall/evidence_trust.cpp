#include "evidence_trust.h"

#include <filesystem>

#include "attestation/certificates.h"
#include "commands.h"
#include "evidence_findings.h"
#include "files.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

namespace fs = std::filesystem;
constexpr const char* kRootFile = "root.cert.pem";  // of an authority's directory
constexpr const char* kBundleFile = "bundle.bin";
constexpr size_t kBundleFileMax = ipc::max_size<rats::SignedBundle>();

rats::CertificateDer root_at(const std::string& place) {
    std::error_code error;
    const std::string file = fs::is_directory(place, error) ? (fs::path(place) / kRootFile).string() : place;
    const std::string content = evidence_file(file, kFileMax);
    Bytes der = to_bytes(as_bytes(content));
    if (auto from_pem = attestation::certificate_from_pem(der)) der = *std::move(from_pem);
    auto bounded = rats::CertificateDer::from(der);
    if (!bounded)
        throw Problem(printable(file, 200) + " holds no certificate of an authority.",
                      "Name the authority's directory, or its root.cert.pem.");
    return *bounded;
}

/// The anchors as the file says them, before any signature: only to look for a key that signed it.
std::vector<rats::CertificateDer> own_anchors(ByteSpan bundle) {
    ByteReader r(bundle);
    const auto size = r.u32();
    const auto body = size ? r.bytes(std::min<size_t>(*size, r.left())) : Result<ByteSpan>(size.error());
    attestation::BundleHead head;
    if (!body) return {};
    ByteReader inner(*body);
    if (!ipc::decode_value(inner, head)) return {};
    return head.anchors.items();
}

}  // namespace

EvidenceTrust::EvidenceTrust(const TrustOptions& options) {
    ground_.wall_ms = evidence_time(options.at);
    ground_.measurement_pcr = options.measurement_pcr;
    if (options.nonce) ground_.nonce = file_nonce(*options.nonce);
    std::string bundle = options.bundle;
    if (!options.authority.empty()) {
        ground_.anchors.push_back(root_at(options.authority));
        const fs::path beside = fs::path(options.authority) / kBundleFile;
        std::error_code error;
        if (bundle.empty() && fs::is_regular_file(beside, error)) bundle = beside.string();
    }
    if (!bundle.empty()) open_bundle(bundle, ground_.anchors);
}

void EvidenceTrust::open_bundle(const std::string& file, const std::vector<rats::CertificateDer>& signers) {
    const std::string content = evidence_file(file, kBundleFileMax);
    bytes_ = to_bytes(as_bytes(content));
    for (const auto& signer : signers.empty() ? own_anchors(bytes_) : signers) {
        const auto key = attestation::certificate_key(signer.view());
        if (!key) continue;
        auto opened = attestation::ReferenceSet::open(bytes_, *key, 0);
        if (!opened) continue;
        set_ = *std::move(opened);
        break;
    }
    if (!set_)
        throw Problem(printable(file, 200) + " is not a bundle that " +
                          (signers.empty() ? "one of its own authorities" : "this authority") + " has signed.",
                      "Get the newest bundle from the administrator.");
    ground_.anchors = set_->head().anchors.items();
    ground_.references = &*set_;
    const Status in_time = set_->in_time(ground_.wall_ms);
    if (!in_time)
        ground_.revocations_unknown =
            in_time.error().code == Errc::clock_wrong ? rats::Reason::clock_wrong : rats::Reason::revocation_list_stale;
}

}  // namespace sealcall::cli
