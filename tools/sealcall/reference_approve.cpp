// `sealcall reference approve`: what somebody decides about the store, and what is foreseen for an update.
#include <iostream>

#include "attestation/binding.h"
#include "authenticode.h"
#include "authority_bundle.h"
#include "collect.h"
#include "commands.h"
#include "files.h"
#include "problem.h"

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
    return out;
}

Entry& must_find(ReferenceStore& store, uint32_t id) {
    if (Entry* e = store.find_id(id)) return *e;
    throw Problem("There is no entry " + std::to_string(id) + " in the store.", "", exit_status::kUsage);
}

}  // namespace

int run_reference_approve(const Context& context) {
    const ReferenceOptions& o = context.options.reference;
    ReferenceStore store = ReferenceStore::open(o.store);
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
    const std::vector<Entry> foreseen = predicted(o, store.boot_pcrs());
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
    for (uint32_t id : o.ids) allow(must_find(store, id));
    for (uint32_t id : o.forbid) decide(must_find(store, id), EntryState::approved, rats::ReferenceKind::forbidden);
    for (uint32_t id : o.withdraw) {
        Entry& e = must_find(store, id);
        decide(e, EntryState::withdrawn, e.value.kind);
    }
    store.save();
    if (!context.json()) std::cout << changed << " entries changed.\n";
    if (!o.authority.empty()) {
        print_signed(sign_next_bundle(o.authority, store, {}, o.days), context.json());
    } else if (context.json()) {
        print_json({{"ok", true}, {"changed", changed}});
    }
    return exit_status::kOk;
}

}  // namespace sealcall::cli
