// `sealcall authority bundle`, `sealcall bundle show` and `sealcall bundle install`.
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

#include "attestation/binding.h"
#include "attestation/bundle.h"
#include "attestation/bundle_writer.h"
#include "attestation/certificates.h"
#include "authority_access.h"
#include "authority_bundle.h"
#include "commands.h"
#include "compile.h"
#include "files.h"
#include "partners.h"
#include "policy/document.h"
#include "problem.h"
#include "sealcall/base/time.h"
#include "store.h"

namespace sealcall::cli {
namespace {

namespace fs = std::filesystem;
using attestation::ReferenceSet;

constexpr uint64_t kDayMs = 24ULL * 3600 * 1000;

template <class T>
T must(Result<T> result, const char* what) {
    if (!result) throw Problem(std::string(what) + " failed: " + result.error().what + ".", "");
    return std::move(result).value();
}

Digest digest_from(const std::string& hex) {
    Digest out{};
    const auto bytes = from_hex(hex);
    if (!bytes || bytes->size() != out.size())
        throw Problem("\"" + printable(hex, 80) + "\" is no SHA-256 in hex.", "", exit_status::kUsage);
    std::ranges::copy(*bytes, out.begin());
    return out;
}

/// What a word after --revoke means: an address, a certificate, or a key's digest.
void strike_off(LocalAuthority& local, const std::string& who, const std::string& reason) {
    if (who.starts_with("sip:")) {
        const auto users = local.administration.list_users();
        if (std::ranges::find(users, who, &authority::UserRecord::uri) == users.end())
            throw Problem("No key was ever certified for " + printable(who) + " here.",
                          "`sealcall authority list DIR` shows the addresses.", exit_status::kUsage);
        local.administration.revoke_user(local.actor, who, reason);
        return;
    }
    std::error_code failed;
    const Digest key = fs::exists(who, failed) ? digest_of(spki_of_certificate_file(who)) : digest_from(who);
    local.administration.revoke_key(local.actor, to_hex(key), reason);
}

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
        default:
            return e.what;
    }
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
    const unsigned char* at = as_u8(der.data());
    attestation::QuietErrors quiet;
    attestation::X509Ptr x(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    if (!x) throw Problem("The file " + file.string() + " holds no certificate.", "", exit_status::kUsage);
    return attestation::to_der(i2d_X509_PUBKEY, X509_get_X509_PUBKEY(x.get()));
}

namespace {

/// What the last bundle of this authority says that the next one keeps: its version.
void keep_from_last(ByteSpan last, ByteSpan signer, reference::BundleFacts& facts) {
    if (last.empty()) return;
    const auto opened = ReferenceSet::open(last, signer, 0);
    if (!opened)
        throw Problem(
            "The last bundle of this authority is damaged: " + std::string(bundle_sentence(opened.error())) + ".",
            "Restore bundle.bin from a copy, or put it away.");
    facts.version = std::max(facts.version, opened->head().version + 1);
}

/// Phones refuse a bundle whose policy they cannot read.
Bytes policy_of(const authority::Store& store) {
    Bytes policy = store.policy();
    if (!policy.empty() && !policy::read_document(policy))
        throw Problem("The policy of this authority (policy.bin) is damaged.",
                      "Sign it again: sealcall policy sign FILE DIR", exit_status::kUsage);
    return policy;
}

}  // namespace

SignedBundleFacts sign_next_bundle(const fs::path& dir, const reference::ReferenceStore& references,
                                   const std::vector<std::string>& revoke, uint32_t days) {
    LocalAuthority local(authority::Store::open(dir));
    const authority::Store& store = local.store;
    const auto key = must(attestation::key_from_pem(store.root_key_pem()), "Reading the root key");
    const Bytes spki = must(attestation::public_key_der(key.get()), "Reading the root key");
    try {
        for (const std::string& who : revoke) strike_off(local, who, "");
    } catch (const authority::Refusal& refusal) {
        throw Problem(refusal.what(), refusal.next(), exit_status::kUsage);
    }
    SignedBundleFacts out{.file = dir / authority::kBundleFile};
    const auto sign = [&](const authority::BundleGround& ground) {
        reference::BundleFacts facts{.authority = store.settings().name,
                                     .version = ground.above + 1,
                                     .issued_ms = ground.now_ms,
                                     .next_update_ms = ground.now_ms + days * kDayMs,
                                     .anchors = {store.root_certificate()},
                                     .revoked = ground.revoked,
                                     .partners = {}};
        keep_from_last(store.bundle(), spki, facts);
        facts.policy = policy_of(store);
        for (auto& partner : authority::read_partners(store)) {
            facts.partners.push_back(std::move(partner.verifier));
            facts.anchors.push_back(std::move(partner.root));
        }
        authority::SignedBundle made{.version = facts.version, .next_update_ms = facts.next_update_ms, .bytes = {}};
        made.bytes = must(attestation::sign_bundle(reference::compile(references, facts), key.get()), "Signing");
        // What phones would refuse must not leave this place.
        const auto opened = ReferenceSet::open(made.bytes, spki, facts.version);
        if (!opened) throw Problem(std::string("The bundle would not be believed: ") + opened.error().what + ".", "");
        out.references = opened->references();
        out.runtime = opened->runtime();
        out.revoked = opened->head().revoked.size();
        return made;
    };
    const auto signed_bundle = local.administration.publish_bundle(local.actor, sign);
    out.version = signed_bundle.version;
    out.next_update_ms = signed_bundle.next_update_ms;
    return out;
}

void print_signed(const SignedBundleFacts& f, bool json) {
    if (json) {
        print_json({{"ok", true},
                    {"file", f.file.string()},
                    {"version", f.version},
                    {"next_update_ms", f.next_update_ms},
                    {"references", f.references},
                    {"runtime", f.runtime},
                    {"revoked", f.revoked}});
        return;
    }
    std::cout << "Signed bundle " << f.version << ": " << f.references << " values for the boot, " << f.runtime
              << " for programs, " << f.revoked << " struck off keys.\n"
              << "The next one is due before " << local_time(f.next_update_ms) << ".\n"
              << "Give " << f.file.string() << " to the phones: sealcall bundle install FILE\n";
}

int run_authority_bundle(const Context& context) {
    const ReferenceOptions& o = context.options.reference;
    const fs::path store = o.store.empty() ? fs::path(o.authority) / "references" : fs::path(o.store);
    print_signed(sign_next_bundle(o.authority, reference::ReferenceStore::open(store), o.revoke, o.days),
                 context.json());
    return exit_status::kOk;
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
