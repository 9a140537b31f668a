// `sealcall authority bundle`, and the signing of bundles for the other commands that end with one.
#include <algorithm>
#include <iostream>
#include <iterator>
#include <set>

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

/// What the words after --revoke mean: an address, a certificate, or a key's digest.
authority::StrikeOff strike_off(LocalAuthority& local, const std::vector<std::string>& words) {
    authority::StrikeOff out;
    for (const std::string& who : words) {
        if (who.starts_with("sip:")) {
            if (!local.administration.knows_user(who))
                throw Problem("No key was ever certified for " + printable(who) + " here.",
                              "`sealcall authority list DIR` shows the addresses.", exit_status::kUsage);
            out.users.push_back(who);
            continue;
        }
        std::error_code failed;
        const Digest key = fs::exists(who, failed) ? digest_of(spki_of_certificate_file(who)) : digest_from(who);
        out.keys.push_back(to_hex(key));
    }
    return out;
}

/// What the last bundle of this authority says, that the next one follows. Nothing: this is the first one.
std::optional<ReferenceSet> last_bundle(ByteSpan last, ByteSpan signer) {
    if (last.empty()) return {};
    auto opened = ReferenceSet::open(last, signer, 0);
    if (!opened)
        throw Problem(
            "The last bundle of this authority is damaged: " + std::string(bundle_sentence(opened.error())) + ".",
            "Restore bundle.bin from a copy, or from a phone. If there is none, put it away and use --fewer.");
    return *std::move(opened);
}

/// Where the values come from: what was named, else what the last bundle was made from, else DIR/references if that is
/// there. A name that leads nowhere would sign a bundle that trusts no platform.
fs::path store_for(const authority::Store& authority, const std::string& named) {
    const fs::path dir = !named.empty() ? fs::path(named) : authority.reference_store();
    if (dir.empty()) return authority.dir() / "references";
    if (!named.empty()) must_be_a_store(named);
    if (ReferenceStore::exists(dir)) return dir;
    throw Problem("The reference store of this authority's last bundle is gone: " + printable(dir.string()) +
                      ". Nothing was signed.",
                  "Bring it back, or say where it is now: --store DIR", exit_status::kUsage);
}

std::string values(size_t count) { return std::to_string(count) + (count == 1 ? " value" : " values"); }

/// "4, 7"
std::string pcr_list(uint32_t mask) {
    std::string out;
    for (uint32_t pcr = 0; pcr < 24; ++pcr)
        if ((mask >> pcr & 1) != 0) out += (out.empty() ? "" : ", ") + std::to_string(pcr);
    return out;
}

/// Counts values gained and lost. A value is kept when it keeps its kind, or is forbidden from now on. True: more are
/// lost than were given up by their numbers.
bool loses_values(const ReferenceSet& last, const rats::Bundle& next, const BundleWish& wish,
                  SignedBundleFacts& facts) {
    std::set<std::pair<uint8_t, Digest>> given_up;
    for (const rats::Reference& r : wish.decided)
        if (last.find(r.pcr, r.digest)) given_up.emplace(r.pcr, r.digest);
    size_t kept = 0;
    for (const auto* list : {&next.references.items(), &next.runtime.items()})
        for (const rats::Reference& r : *list) {
            const auto was = last.find(r.pcr, r.digest);
            if (!was || (was->kind != r.kind && r.kind != rats::ReferenceKind::forbidden)) continue;
            ++kept;
            given_up.erase({r.pcr, r.digest});
        }
    facts.gained = next.references.size() + next.runtime.size() - kept;
    facts.lost = last.references() + last.runtime() - kept;
    return facts.lost > given_up.size();
}

/// What the next bundle would take from the last one and nobody gave up by name, each as the end of "It would ...".
std::vector<std::string> losses(const std::optional<ReferenceSet>& last, uint64_t newest, const rats::Bundle& next,
                                const BundleWish& wish, const std::vector<std::string>& removed_partners,
                                SignedBundleFacts& facts) {
    std::vector<std::string> out;
    const uint64_t found = last ? last->head().version : 0;
    if (found < newest)
        out.push_back("not keep what bundle " + std::to_string(newest) + " has, the last one, because " +
                      (last ? "bundle.bin is number " + std::to_string(found) : "there is no bundle.bin"));
    if (!last) return out;
    if (loses_values(*last, next, wish, facts))
        out.push_back("lose " + values(facts.lost) + " of the " + std::to_string(last->references() + last->runtime()) +
                      " that bundle " + std::to_string(found) + " has, and gain " + std::to_string(facts.gained));
    // A bundle without values looked at nothing.
    const uint32_t unwatched = last->references() == 0 ? 0 : last->head().boot_pcrs & ~next.boot_pcrs;
    if (unwatched != 0) out.push_back("look no more at what started in PCR " + pcr_list(unwatched));
    for (const rats::PartnerVerifier& p : last->partners()) {
        const auto same = [&](const rats::PartnerVerifier& n) { return n.issuer == p.issuer; };
        if (std::ranges::none_of(next.partners.items(), same) &&
            std::ranges::find(removed_partners, p.issuer.str()) == removed_partners.end())
            out.push_back("not name the partner " + printable(p.issuer.str(), 128));
    }
    return out;
}

[[noreturn]] void refuse(const std::vector<std::string>& losses, uint64_t version, const SignedBundleFacts& facts) {
    std::string what = "Bundle " + std::to_string(version) + " would ";
    for (size_t i = 0; i < losses.size(); ++i) what += (i == 0 ? "" : "; it would ") + losses[i];
    throw Problem(what + ". The store is " + printable(facts.store.string()) +
                      (ReferenceStore::exists(facts.store) ? "" : ", which is not there") + ". Nothing was signed.",
                  "Name the right store (--store DIR), or restore what is gone: every phone has a copy of its bundle. "
                  "If all of that shall go, say so: --fewer. Single values go by their numbers: sealcall reference "
                  "approve --withdraw ID --authority DIR",
                  exit_status::kUsage);
}

/// What the last bundle strikes off and the database has forgotten, because an older copy of it was restored.
std::vector<Digest> forgotten(const ReferenceSet& last, const authority::BundleGround& ground) {
    std::vector<Digest> out;
    if (last.head().version > ground.above)
        std::ranges::set_difference(last.head().revoked.items(), ground.revoked, std::back_inserter(out));
    return out;
}

}  // namespace

void must_be_a_store(const std::string& dir) {
    if (std::ranges::any_of(dir, [](unsigned char c) { return c < 0x20; }))
        throw Problem("The name of a store has no control characters.", "Rename the directory.", exit_status::kUsage);
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
    const authority::StrikeOff strikes = strike_off(local, wish.revoke);
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
        authority::SignedBundle made;
        if (last) {
            facts.version = std::max(facts.version, last->head().version + 1);
            facts.policy = to_bytes(last->policy());
            made.learned = forgotten(*last, ground);
            facts.revoked.insert(facts.revoked.end(), made.learned.begin(), made.learned.end());
            std::ranges::sort(facts.revoked);
        }
        if (wish.policy) facts.policy = *wish.policy;
        if (!facts.policy.empty() && !policy::read_document(facts.policy))  // phones could not either
            throw Problem("The policy of the last bundle is not one that this version reads.",
                          "Sign it again: sealcall policy sign FILE DIR", exit_status::kUsage);
        for (auto& partner : authority::read_partners(store)) {
            facts.partners.push_back(std::move(partner.verifier));
            facts.anchors.push_back(std::move(partner.root));
        }
        const rats::Bundle next = reference::compile(ReferenceStore::open(out.store), facts);
        out.given_up = losses(last, ground.above, next, wish, authority::removed_partners(store), out);
        if (!wish.fewer && !out.given_up.empty()) refuse(out.given_up, facts.version, out);
        made.version = facts.version;
        made.next_update_ms = facts.next_update_ms;
        made.bytes = must(attestation::sign_bundle(next, key.get()), "Signing");
        // What phones would refuse must not leave this place.
        const auto opened = ReferenceSet::open(made.bytes, spki, facts.version);
        if (!opened) throw Problem(std::string("The bundle would not be believed: ") + opened.error().what + ".", "");
        out.references = opened->references();
        out.runtime = opened->runtime();
        out.revoked = opened->head().revoked.size();
        out.learned = made.learned.size();
        out.policy = facts.policy;
        // Before the bundle is there: the other way round, a stop between would sign of the old store once more.
        if (ReferenceStore::exists(out.store)) store.write_reference_store(out.store);
        return made;
    };
    const auto signed_bundle = local.administration.publish_bundle(local.actor, strikes, sign);
    out.version = signed_bundle.version;
    out.next_update_ms = signed_bundle.next_update_ms;
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
                    {"revoked", f.revoked},
                    {"learned", f.learned},
                    {"given_up", f.given_up}});
        return;
    }
    std::cout << "Signed bundle " << f.version << ": " << f.references << " values for the boot, " << f.runtime
              << " for programs, " << f.revoked << " struck off keys, " << policy_words(f.policy) << ".\n";
    if (from_store) std::cout << "The values are those of " << printable(f.store.string()) << ".\n";
    if (f.gained != 0 || f.lost != 0)
        std::cout << "Beside the bundle before: " << values(f.gained) << " gained, " << f.lost << " lost.\n";
    for (const std::string& loss : f.given_up) std::cout << "As --fewer allows, it does " << loss << ".\n";
    if (f.learned != 0)
        std::cout << "Of the struck off keys, " << f.learned
                  << " are from the bundle before: the database is an older one, and knows them again now.\n";
    std::cout << "The next one is due before " << local_time(f.next_update_ms) << ".\n"
              << "Give " << f.file.string() << " to the phones: sealcall bundle install FILE\n";
}

int run_authority_bundle(const Context& context) {
    const ReferenceOptions& o = context.options.reference;
    BundleWish wish{
        .store = o.store, .revoke = o.revoke, .policy = {}, .decided = {}, .fewer = o.fewer, .days = o.days};
    print_signed(sign_next_bundle(o.authority, wish), context.json());
    return exit_status::kOk;
}

}  // namespace sealcall::cli
