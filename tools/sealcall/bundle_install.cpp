// `sealcall bundle install`: a newer bundle into the profile, from a file or from the authority's service. What comes
// is foreign until the key of the enrolment's root signed it.
#include <iostream>

#include "attestation/bundle.h"
#include "authority_bundle.h"
#include "commands.h"
#include "files.h"
#include "https_url.h"
#include "policy/document.h"
#include "problem.h"
#include "remote_authority.h"
#include "sealcall/base/time.h"
#include "set_up.h"
#include "store.h"

namespace sealcall::cli {
namespace {

using attestation::ReferenceSet;

Enrolment must_be_enrolled(const Context& context) {
    auto enrolment = context.store.enrolment();
    if (!enrolment)
        throw Problem("The profile " + context.paths().profile + " is not enrolled, so no bundle is its own.",
                      "sealcall enroll", exit_status::kNotSetUp);
    return *std::move(enrolment);
}

/// Nothing: the authority has none that is newer.
std::optional<Bytes> from_service(const std::string& url, const Enrolment& enrolment, uint64_t have) {
    authority::RemoteOptions options{.host = {}, .port = 0, .root = {}, .token = {}};
    if (!parse_https_url(url, options.host, options.port))
        throw Problem("This is not the address of an authority: " + printable(url, 300), "Use https://HOST:PORT.",
                      exit_status::kUsage);
    options.root = digest_of(enrolment.anchors.front().view());
    try {
        return authority::RemoteAuthority(std::move(options)).bundle_after(have);
    } catch (const authority::Refusal& refusal) {
        throw Problem(refusal.what(), refusal.next(), exit_status::kRefused);
    }
}

std::optional<Bytes> fetch(const std::string& from, const Enrolment& enrolment, uint64_t have) {
    if (from.starts_with("https://")) return from_service(from, enrolment, have);
    if (!from.empty()) return bundle_file(from);
    if (enrolment.authority_url.empty())
        throw Problem("This phone was enrolled in a directory, so there is no service to ask.",
                      "Name the authority's bundle.bin, or an address https://HOST:PORT.", exit_status::kUsage);
    return from_service(enrolment.authority_url, enrolment, have);
}

/// The first bundle of an authority that had none when this phone was enrolled: the TPM has to learn who signs.
void take_first(const Context& context, ByteSpan bytes) {
    const auto facts = context.store.facts();
    if (!facts) throw Problem("This profile has no keys.", "sealcall init", exit_status::kNotSetUp);
    const UniqueFd lock = lock_file(context.paths().lock_file(), "The phone of this profile runs, or is being set up.",
                                    "End it first, then try again: the TPM learns who signs bundles only once.");
    const auto provisioning =
        start_provisioning(context.paths(), tpm_of(*facts), roles_directory(context.options.global));
    take_first_bundle(context.store, bytes, *provisioning);
}

int print(const Context& context, const ReferenceSet& set, bool newer) {
    const auto& head = set.head();
    if (context.json()) {
        print_json({{"ok", true}, {"new", newer}, {"version", head.version}, {"next_update_ms", head.next_update_ms}});
        return exit_status::kOk;
    }
    std::cout << "Bundle " << head.version << (newer ? " is in place, " : " is still the newest, ")
              << policy_words(set.policy()) << "; the next one is due before " << local_time(head.next_update_ms) << "."
              << (newer ? " A running phone takes it within seconds." : "") << "\n";
    return exit_status::kOk;
}

}  // namespace

int run_bundle_install(const Context& context) {
    const Enrolment enrolment = must_be_enrolled(context);
    const BoundedBytes<128> signer = bundle_signer_of(enrolment);
    const auto place = context.paths().bundle();
    const auto before = read_file(place, authority::kSignedBundleMax);
    const auto old = ReferenceSet::open(as_bytes(before.value_or("")), signer.view(), 0);
    const uint64_t have = old ? old->head().version : 0;
    const auto bytes = fetch(context.options.reference.bundle, enrolment, have);
    if (!bytes) {
        if (!old)
            throw Problem("The authority has signed no bundle yet.", "Ask its administrator.", exit_status::kRefused);
        return print(context, *old, false);
    }
    const auto set = ReferenceSet::open(*bytes, signer.view(), have);
    const Status holds = set ? set->in_time(wall_ms()) : Status(set.error());
    if (!holds)
        throw Problem(std::string("This bundle was not installed: ") + bundle_sentence(holds.error()) + ".",
                      "Get the newest one from the administrator.", exit_status::kRefused);
    if (!set->policy().empty() && !policy::read_document(set->policy()))
        throw Problem("This bundle was not installed: its policy is in a form that this sealcall does not know.",
                      "Update sealcall on this computer, or ask the administrator.", exit_status::kRefused);
    if (enrolment.bundle_signer.empty())
        take_first(context, *bytes);
    else
        write_file(place, *bytes, 0600);
    return print(context, *set, true);
}

}  // namespace sealcall::cli
