// `sealcall reference approve`: what somebody decides about the store, and what is foreseen for an update.
#include <iostream>

#include "attestation/binding.h"
#include "attestation/certificates.h"
#include "attestation/state_approval.h"
#include "audit_trail.h"
#include "authenticode.h"
#include "authority_access.h"
#include "authority_bundle.h"
#include "collect.h"
#include "commands.h"
#include "files.h"
#include "problem.h"
#include "program_list.h"
#include "sealcall/base/hex.h"
#include "sealcall/ipc/link.h"
#include "store.h"

namespace sealcall::cli {
namespace {

using reference::Entry;
using reference::EntryState;
using reference::ReferenceStore;

Bytes must_read(const std::string& file) {
    const auto content = read_file(file, reference::kImageMax);
    if (!content) throw Problem("There is no file " + file + ".", "", exit_status::kUsage);
    return to_bytes(as_bytes(*content));
}

std::string program_list(const std::string& file) {
    auto content = read_file(file, reference::kProgramListMax);
    if (!content) throw Problem("There is no file " + file + ".", "", exit_status::kUsage);
    return *std::move(content);
}

/// "4:HEX:text".
Entry from_digest(const std::string& value) {
    const Problem wrong("\"" + printable(value, 120) + "\" is not PCR:SHA256:TEXT.", "", exit_status::kUsage);
    const size_t first = value.find(':'), second = value.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos || first == 0 || first > 2) throw wrong;
    uint32_t pcr = 0;
    for (char c : value.substr(0, first)) {
        if (c < '0' || c > '9') throw wrong;
        pcr = pcr * 10 + static_cast<uint32_t>(c - '0');
    }
    const auto digest = from_hex(value.substr(first + 1, second - first - 1));
    if (pcr >= 24 || !digest || digest->size() != 32) throw wrong;
    Entry e;
    e.value.pcr = static_cast<uint8_t>(pcr);
    std::ranges::copy(*digest, e.value.digest.begin());
    e.text = value.substr(second + 1);
    e.source = "predicted";
    return e;
}

std::vector<Entry> predicted(const ReferenceOptions& o, uint32_t boot_pcrs) {
    std::vector<Entry> out;
    for (const std::string& file : o.predict) {
        const Bytes image = must_read(file);
        const std::string name = std::filesystem::path(file).filename().string();
        out.push_back(reference::from_boot_image(image, name));
        if ((boot_pcrs >> 9 & 1) == 0) continue;
        Entry read{.value = {.pcr = 9, .digest = attestation::sha256(image)}, .text = {}, .source = "predicted"};
        read.text = "The boot loader read " + name + ".";
        out.push_back(std::move(read));
    }
    for (const std::string& pair : o.predict_file) {
        const size_t at = pair.find('=');
        if (at == std::string::npos || !pair.starts_with('/'))
            throw Problem("\"" + printable(pair, 120) + "\" is not PATH=FILE.", "", exit_status::kUsage);
        out.push_back(reference::from_file(must_read(pair.substr(at + 1)), pair.substr(0, at)));
    }
    for (const std::string& value : o.predict_digest) out.push_back(from_digest(value));
    for (const std::string& file : o.predict_programs)
        for (Entry& e : reference::from_program_list(program_list(file), "predicted")) out.push_back(std::move(e));
    return out;
}

/// The file of approvals so far, if there is one and it is of the same approver.
rats::StateApprovals approvals_in(const std::string& file, const rats::Approver& approver) {
    rats::StateApprovals out;
    out.approver = approver;
    const auto before = read_file(file);
    if (!before) return out;
    auto found = ipc::decode_message<rats::StateApprovals>(as_bytes(*before));
    if (!found || !(found->approver == approver))
        throw Problem("The file " + file + " is not one of approvals by this authority.", "Name another file.");
    return *std::move(found);
}

attestation::PkeyPtr root_key(const std::string& authority) {
    auto key = attestation::key_from_pem(authority::Store::open(authority).root_key_pem());
    if (!key) throw Problem("The root key of the authority cannot be read.", "Restore it from a copy.");
    return *std::move(key);
}

rats::StateApprovals approvals_so_far(const ReferenceOptions& o, EVP_PKEY* key) {
    const auto approver = attestation::approver_of(key);
    if (!approver)
        throw Problem(std::string("The authority cannot approve states: ") + approver.error().what + ".", "");
    return approvals_in(o.approvals, *approver);
}

/// Signs what will be measured on managed computers, under the number of the bundle that tells others of it. The newest
/// approvals are kept: computers that were not updated yet need theirs. Each opens secrets, so the authority's audit
/// trail has it before the file does.
size_t approve_states(const ReferenceOptions& o, uint64_t number) {
    const auto key = root_key(o.authority);
    rats::StateApprovals file = approvals_so_far(o, key.get());
    auto all = file.approvals.items();
    LocalAuthority local(authority::Store::open(o.authority));
    for (const std::string& list : o.predict_programs) {
        const Digest state = reference::measured_state(program_list(list));
        auto approval = attestation::approve_state(reference::kMeasurementPcr, state, number, key.get());
        if (!approval) throw Problem(std::string("Signing failed: ") + approval.error().what + ".", "");
        std::erase_if(all, [&](const rats::StateApproval& a) { return a.state == state; });
        all.push_back(*approval);
        local.registry.write([&](authority::Database& db) {
            authority::append_audit(db, local.actor, wall_ms(), "state.approved", to_hex(state),
                                    std::to_string(number));
            return true;
        });
    }
    const size_t from = all.size() > rats::kApprovalsMax ? all.size() - rats::kApprovalsMax : 0;
    file.approvals = {};
    for (size_t i = from; i < all.size(); ++i) CHECK(file.approvals.push(all[i]));
    write_file(o.approvals, ipc::encode_message(file), 0644);
    return all.size() - from;
}

Entry& must_find(ReferenceStore& store, uint32_t id) {
    if (Entry* e = store.find_id(id)) return *e;
    throw Problem("There is no entry " + std::to_string(id) + " in the store.", "", exit_status::kUsage);
}

}  // namespace

int run_reference_approve(const Context& context) {
    const ReferenceOptions& o = context.options.reference;
    if (!o.approvals.empty() && (o.predict_programs.empty() || o.authority.empty()))
        throw Problem("Approvals need programs and an authority that signs.",
                      "Give --predict-programs FILE and --authority DIR.", exit_status::kUsage);
    if (!o.approvals.empty()) (void)approvals_so_far(o, root_key(o.authority).get());  // before anything is signed
    // What is foreseen may begin a store; decisions about entries need one.
    const bool foresees =
        !o.predict.empty() || !o.predict_file.empty() || !o.predict_digest.empty() || !o.predict_programs.empty();
    if (!foresees) must_be_a_store(o.store);
    const std::vector<Entry> foreseen = predicted(o, ReferenceStore::open(o.store).boot_pcrs());
    ReferenceStore store = ReferenceStore::open_to_change(o.store);  // until the bundle is signed
    BundleWish wish{.store = o.store, .revoke = {}, .policy = {}, .decided = {}, .fewer = o.fewer, .days = o.days};
    size_t changed = 0;
    const auto decide = [&](Entry& e, EntryState state, rats::ReferenceKind kind) {
        changed += e.state != state || e.value.kind != kind ? 1 : 0;
        e.state = state;
        e.value.kind = kind;
    };
    const auto allow = [&](Entry& e) {
        const bool was_forbidden = e.value.kind == rats::ReferenceKind::forbidden;
        decide(e, EntryState::approved, was_forbidden ? rats::ReferenceKind::approved : e.value.kind);
    };
    store.add(foreseen);
    for (const Entry& f : foreseen) {
        // Approved once more if it was withdrawn; what is forbidden needs somebody to say so by its id.
        Entry& e = must_find(store, store.find(f.value.pcr, f.value.digest)->value.id);
        if (e.value.kind == rats::ReferenceKind::forbidden)
            throw Problem("Entry " + std::to_string(e.value.id) + " is forbidden: " + printable(e.text) + ".",
                          "Allow it by its id, if that is meant: --id " + std::to_string(e.value.id));
        allow(e);
    }
    if (o.all)
        for (const Entry& e : std::vector<Entry>(store.entries()))
            if (e.state == EntryState::waiting)
                decide(must_find(store, e.value.id), EntryState::approved, e.value.kind);
    for (uint32_t id : o.ids) {
        Entry& e = must_find(store, id);
        allow(e);
        wish.decided.push_back(e.value);
    }
    for (uint32_t id : o.forbid) decide(must_find(store, id), EntryState::approved, rats::ReferenceKind::forbidden);
    for (uint32_t id : o.withdraw) {
        Entry& e = must_find(store, id);
        decide(e, EntryState::withdrawn, e.value.kind);
        wish.decided.push_back(e.value);
    }
    store.save();
    if (!context.json()) std::cout << changed << " entries changed.\n";
    if (!o.authority.empty()) {
        const SignedBundleFacts facts = sign_next_bundle(o.authority, wish);
        const size_t approvals = o.approvals.empty() ? 0 : approve_states(o, facts.version);
        print_signed(facts, context.json());
        if (approvals != 0 && !context.json())
            std::cout << o.approvals << " holds " << approvals
                      << " approvals. Install it as /etc/sealcall/guard/approvals before the computers restart.\n";
    } else if (context.json()) {
        print_json({{"ok", true}, {"changed", changed}});
    }
    return exit_status::kOk;
}

}  // namespace sealcall::cli
