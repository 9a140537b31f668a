// `sealcall evidence ek`: is this the certificate of a genuine TPM's endorsement key?
#include <iostream>

#include "attestation/foreign/ek_check.h"
#include "evidence_findings.h"
#include "files.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

namespace fs = std::filesystem;
using namespace sealcall::attestation::foreign;

constexpr size_t kCertificateMax = 64 * 1024, kBundleMax = 1024 * 1024;
constexpr size_t kCertificatesMax = 64;  ///< as check_ek_chain takes

void add_file(const fs::path& file, std::vector<Bytes>& out) {
    const std::string content = evidence_file(file.string(), kBundleMax);
    auto found = read_certificates(as_bytes(content));
    if (!found)
        throw Problem(
            "There is no certificate to read in " + printable(file.string(), 200) + ": " + found.error().what + ".",
            "Keep only certificates in that directory, as PEM or DER.");
    out.insert(out.end(), found->begin(), found->end());
    if (out.size() > kCertificatesMax)
        throw Problem("There are more than 64 certificates in one place.", "Name the ones of this TPM's vendor.");
}

/// A directory of certificate files, or one file.
std::vector<Bytes> certificates_at(const std::string& place) {
    std::vector<Bytes> out;
    if (place.empty()) return out;
    std::error_code error;
    if (!fs::is_directory(place, error)) {
        add_file(place, out);
        return out;
    }
    std::vector<fs::path> files;
    for (fs::directory_iterator at(place, error), end; !error && at != end; at.increment(error))
        if (at->is_regular_file(error)) files.push_back(at->path());
    if (error)
        throw Problem(printable(place, 200) + " cannot be read: " + error.message() + ".", "Check who may read it.");
    std::ranges::sort(files);
    for (const fs::path& file : files) add_file(file, out);
    if (out.empty())
        throw Problem("There is no certificate in " + printable(place, 200) + ".", "Name another directory.");
    return out;
}

}  // namespace

int run_evidence_ek(const Context& context) {
    const EkOptions& o = context.options.ek;
    const std::string certificate = evidence_file(o.certificate, kCertificateMax);
    EkQuestion q;
    q.certificate = as_bytes(certificate);
    q.roots = certificates_at(o.roots);
    q.intermediates = certificates_at(o.intermediates);
    q.wall_ms = evidence_time(o.at);
    q.expired = o.accept_expired_intermediates ? ExpiredIssuers::accepted : ExpiredIssuers::refused;
    const EkAnswer a = check_foreign_ek(q);
    nlohmann::json facts = {{"kind", a.kind},
                            {"subject", a.subject},
                            {"issuer", a.issuer},
                            {"serial", a.serial},
                            {"manufacturer", a.manufacturer},
                            {"model", a.model},
                            {"version", a.version},
                            {"not_before_ms", a.not_before_ms},
                            {"not_after_ms", a.not_after_ms},
                            {"at_ms", q.wall_ms},
                            {"roots", q.roots.size()}};
    if (!a.spki.empty()) facts["spki_sha256"] = to_hex(digest_of(a.spki));
    if (!context.json() && !a.kind.empty()) {
        std::cout << "Key       " << a.kind << "\nIssuer    " << printable(a.issuer) << "\n";
        if (!a.manufacturer.empty())
            std::cout << "TPM       " << printable(a.manufacturer + " " + a.model + " " + a.version) << "\n";
        std::cout << "Valid     " << local_time(a.not_before_ms) << " to " << local_time(a.not_after_ms) << "\n";
    }
    return answer(context, a.findings, std::move(facts), "one of these roots vouches for this endorsement key.",
                  "nothing that was named vouches for this endorsement key.");
}

}  // namespace sealcall::cli
