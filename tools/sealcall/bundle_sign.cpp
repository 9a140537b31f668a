// `sealcall authority bundle`, and the signing of bundles for the other commands that end with one.
#include <algorithm>
#include <iostream>

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
using reference::ReferenceStore;

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

/// What the last bundle of this authority says, that the next one follows. Nothing: this is the first one.
std::optional<ReferenceSet> last_bundle(ByteSpan last, ByteSpan signer) {
    if (last.empty()) return {};
    auto opened = ReferenceSet::open(last, signer, 0);
    if (!opened)
        throw Problem(
            "The last bundle of this authority is damaged: " + std::string(bundle_sentence(opened.error())) + ".",
            "Restore bundle.bin from a copy, or put it away.");
    return *std::move(opened);
}

/// Phones refuse a bundle whose policy they cannot read.
Bytes policy_of(const authority::Store& store) {
    Bytes policy = store.policy();
    if (!policy.empty() && !policy::read_document(policy))
        throw Problem("The policy of this authority (policy.bin) is damaged.",
                      "Sign it again: sealcall policy sign FILE DIR", exit_status::kUsage);
    return policy;
}

/// Where the values come from: what was named, else what the last bundle was made from, else DIR/references if that is
/// there. A name that leads nowhere would sign a bundle that trusts no platform.
fs::path store_for(const authority::Store& authority, const std::string& named) {
    const fs::path remembered = authority.reference_store();
    const fs::path dir = !named.empty() ? fs::path(named) : remembered;
    if (dir.empty()) return authority.dir() / "references";
    if (!named.empty()) must_be_a_store(named);
    if (ReferenceStore::exists(dir)) return dir;
    throw Problem("The reference store of this authority's last bundle is gone: " + printable(dir.string()) +
                      ". Nothing was signed.",
                  "Bring it back, or say where it is now: --store DIR", exit_status::kUsage);
}

std::string values(size_t count) { return std::to_string(count) + (count == 1 ? " value" : " values"); }

/// Counts what changes, and lets no value go that nobody gave up.
void compare(const ReferenceSet& last, const rats::Bundle& next, const BundleWish& wish, SignedBundleFacts& facts) {
    const auto has = [&](const rats::Reference& r) { return last.find(r.pcr, r.digest).has_value(); };
    const size_t before = last.references() + last.runtime(), after = next.references.size() + next.runtime.size();
    const auto kept =
        static_cast<size_t>(std::ranges::count_if(next.references, has) + std::ranges::count_if(next.runtime, has));
    facts.gained = after - kept;
    facts.lost = before - kept;
    const auto given_up = static_cast<size_t>(std::ranges::count_if(wish.withdrawn, has));
    if (wish.fewer || facts.lost <= given_up) return;
    throw Problem("Bundle " + std::to_string(next.version) + " would lose " + values(facts.lost) + " of the " +
                      std::to_string(before) + " that bundle " + std::to_string(last.head().version) +
                      " has, and gain " + std::to_string(facts.gained) + ". The store is " +
                      printable(facts.store.string()) +
                      (ReferenceStore::exists(facts.store) ? "" : ", which is not there") + ". Nothing was signed.",
                  "Name the right store: --store DIR. If they shall go, say so: --fewer", exit_status::kUsage);
}

}  // namespace

void must_be_a_store(const std::string& dir) {
    if (!ReferenceStore::exists(dir))
        throw Problem("There is no reference store in " + printable(dir) + ".",
                      "Correct the name, or make the store: sealcall reference import --store DIR ...",
                      exit_status::kUsage);
}

SignedBundleFacts sign_next_bundle(const fs::path& dir, const BundleWish& wish) {
    LocalAuthority local(authority::Store::open(dir));
    const authority::Store& store = local.store;
    const auto key = must(attestation::key_from_pem(store.root_key_pem()), "Reading the root key");
    const Bytes spki = must(attestation::public_key_der(key.get()), "Reading the root key");
    SignedBundleFacts out{.file = dir / authority::kBundleFile, .store = store_for(store, wish.store), .policy = {}};
    const ReferenceStore references = ReferenceStore::open(out.store);
    try {
        for (const std::string& who : wish.revoke) strike_off(local, who, "");
    } catch (const authority::Refusal& refusal) {
        throw Problem(refusal.what(), refusal.next(), exit_status::kUsage);
    }
    const auto sign = [&](const authority::BundleGround& ground) {
        reference::BundleFacts facts{.authority = store.settings().name,
                                     .version = ground.above + 1,
                                     .issued_ms = ground.now_ms,
                                     .next_update_ms = ground.now_ms + wish.days * kDayMs,
                                     .anchors = {store.root_certificate()},
                                     .revoked = ground.revoked,
                                     .partners = {}};
        const Bytes last_bytes = store.bundle();
        const auto last = last_bundle(last_bytes, spki);
        if (last) facts.version = std::max(facts.version, last->head().version + 1);
        facts.policy = wish.policy ? *wish.policy : policy_of(store);
        for (auto& partner : authority::read_partners(store)) {
            facts.partners.push_back(std::move(partner.verifier));
            facts.anchors.push_back(std::move(partner.root));
        }
        const rats::Bundle next = reference::compile(references, facts);
        if (last) compare(*last, next, wish, out);
        authority::SignedBundle made{.version = facts.version, .next_update_ms = facts.next_update_ms, .bytes = {}};
        made.bytes = must(attestation::sign_bundle(next, key.get()), "Signing");
        // What phones would refuse must not leave this place.
        const auto opened = ReferenceSet::open(made.bytes, spki, facts.version);
        if (!opened) throw Problem(std::string("The bundle would not be believed: ") + opened.error().what + ".", "");
        out.references = opened->references();
        out.runtime = opened->runtime();
        out.revoked = opened->head().revoked.size();
        out.policy = facts.policy;
        // Before the bundle is there, and not before it could be signed: what was refused changes nothing.
        if (wish.policy) store.write_policy(*wish.policy);
        return made;
    };
    const auto signed_bundle = local.administration.publish_bundle(local.actor, sign);
    out.version = signed_bundle.version;
    out.next_update_ms = signed_bundle.next_update_ms;
    if (ReferenceStore::exists(out.store)) store.write_reference_store(out.store);
    return out;
}

void print_signed(const SignedBundleFacts& f, bool json) {
    const bool from_store = ReferenceStore::exists(f.store);
    if (json) {
        const auto policy = policy::read_document(f.policy);
        print_json({{"ok", true},
                    {"file", f.file.string()},
                    {"version", f.version},
                    {"next_update_ms", f.next_update_ms},
                    {"references", f.references},
                    {"runtime", f.runtime},
                    {"gained", f.gained},
                    {"lost", f.lost},
                    {"store", from_store ? nlohmann::json(f.store.string()) : nullptr},
                    {"policy", policy ? nlohmann::json(policy->name.str()) : nullptr},
                    {"revoked", f.revoked}});
        return;
    }
    std::cout << "Signed bundle " << f.version << ": " << f.references << " values for the boot, " << f.runtime
              << " for programs, " << f.revoked << " struck off keys, " << policy_words(f.policy) << ".\n";
    if (from_store) std::cout << "The values are those of " << printable(f.store.string()) << ".\n";
    if (f.gained != 0 || f.lost != 0)
        std::cout << "Beside the bundle before: " << values(f.gained) << " gained, " << f.lost << " lost.\n";
    std::cout << "The next one is due before " << local_time(f.next_update_ms) << ".\n"
              << "Give " << f.file.string() << " to the phones: sealcall bundle install FILE\n";
}

int run_authority_bundle(const Context& context) {
    const ReferenceOptions& o = context.options.reference;
    BundleWish wish{
        .store = o.store, .revoke = o.revoke, .policy = {}, .withdrawn = {}, .fewer = o.fewer, .days = o.days};
    print_signed(sign_next_bundle(o.authority, wish), context.json());
    return exit_status::kOk;
}

}  // namespace sealcall::cli
