// `sealcall bundle show`, and how bundles are read and spoken of.
#include <iostream>
#include <nlohmann/json.hpp>

#include "attestation/bundle.h"
#include "attestation/certificates.h"
#include "authority_bundle.h"
#include "commands.h"
#include "files.h"
#include "policy/document.h"
#include "problem.h"
#include "sealcall/base/time.h"
#include "store.h"

namespace sealcall::cli {
namespace {

namespace fs = std::filesystem;
using attestation::ReferenceSet;

Bytes enrolled_signer(const ProfileStore& store) {
    const auto enrolment = store.enrolment();
    if (!enrolment || enrolment->bundle_signer.empty())
        throw Problem("The authority of this profile published no bundle when the phone was enrolled.",
                      "Enrol again when it does: sealcall enroll --authority DIR", exit_status::kNotSetUp);
    return to_bytes(enrolment->bundle_signer.view());
}

}  // namespace

const char* bundle_sentence(const Error& e) {
    switch (e.code) {
        case Errc::bad_signature:
        case Errc::bad_key:
            return "it is not signed by that authority";
        case Errc::bundle_rolled_back:
            return "it is older than the one that is there";
        case Errc::bundle_stale:
            return "its next update is overdue";
        case Errc::clock_wrong:
            return "it was issued in the future, or this computer's clock is wrong";
        case Errc::truncated:
            return "the file is cut short, or is no bundle";
        case Errc::trailing_bytes:
            return "the file goes on behind the bundle";
        case Errc::too_large:
            return "the file is no bundle, or larger than one may be";
        case Errc::not_canonical:
        case Errc::bad_value:
            return "the file is damaged, or made for a newer sealcall";
        default:
            return e.what;
    }
}

std::string policy_words(ByteSpan policy) {
    if (policy.empty()) return "without a policy";
    const auto document = policy::read_document(policy);
    if (!document) return "with a policy that cannot be read";
    const size_t rules = document->rules.size();
    return "with the policy \"" + printable(document->name.view(), 128) + "\", " + std::to_string(rules) +
           (rules == 1 ? " rule" : " rules");
}

Bytes bundle_file(const fs::path& file) {
    const auto content = read_file(file, authority::kSignedBundleMax);
    if (!content) throw Problem("There is no bundle " + file.string() + ".", "", exit_status::kUsage);
    return to_bytes(as_bytes(*content));
}

Bytes spki_of_certificate_file(const fs::path& file) {
    const auto content = read_file(file);
    if (!content) throw Problem("There is no file " + file.string() + ".", "", exit_status::kUsage);
    Bytes der = to_bytes(as_bytes(*content));
    if (auto from_pem = attestation::certificate_from_pem(der)) der = *std::move(from_pem);
    auto key = attestation::certificate_key(der);
    if (!key) throw Problem("The file " + file.string() + " holds no certificate.", "", exit_status::kUsage);
    return *std::move(key);
}

int run_bundle_show(const Context& context) {
    const ReferenceOptions& o = context.options.reference;
    const Bytes bytes = bundle_file(o.bundle.empty() ? context.paths().bundle() : fs::path(o.bundle));
    const Bytes signer = o.signer.empty() ? enrolled_signer(context.store) : spki_of_certificate_file(o.signer);
    const auto set = ReferenceSet::open(bytes, signer, 0);
    if (!set)
        throw Problem(std::string("This bundle does not hold: ") + bundle_sentence(set.error()) + ".",
                      "Get it again from the administrator.", exit_status::kDoesNotHold);
    const auto& head = set->head();
    const Status in_time = set->in_time(wall_ms());
    if (context.json()) {
        auto pcrs = nlohmann::json::array(), partners = nlohmann::json::array();
        for (uint32_t pcr = 0; pcr < 24; ++pcr)
            if ((head.boot_pcrs >> pcr & 1) != 0) pcrs.push_back(pcr);
        for (const auto& p : set->partners()) partners.push_back(p.issuer.str());
        print_json({{"ok", in_time.has_value()},
                    {"authority", head.authority.str()},
                    {"version", head.version},
                    {"issued_ms", head.issued_ms},
                    {"next_update_ms", head.next_update_ms},
                    {"in_time", in_time.has_value()},
                    {"anchors", head.anchors.size()},
                    {"revoked", head.revoked.size()},
                    {"boot_pcrs", pcrs},
                    {"references", set->references()},
                    {"runtime", set->runtime()},
                    {"partners", partners},
                    {"policy_bytes", set->policy().size()}});
        return in_time ? exit_status::kOk : exit_status::kDoesNotHold;
    }
    std::cout << "Bundle " << head.version << " of " << printable(head.authority.view(), 128)
              << ", signed as it should be\n"
              << "  issued " << local_time(head.issued_ms) << ", the next one due before "
              << local_time(head.next_update_ms) << "\n  " << head.anchors.size() << " anchors, " << head.revoked.size()
              << " struck off keys, " << set->references() << " values for the boot, " << set->runtime()
              << " for programs, " << set->partners().size() << " partners, "
              << (set->policy().empty() ? "no policy" : "a policy (sealcall policy status)") << "\n";
    if (!in_time) std::cout << "It does not count now: " << bundle_sentence(in_time.error()) << ".\n";
    return in_time ? exit_status::kOk : exit_status::kDoesNotHold;
}

}  // namespace sealcall::cli
