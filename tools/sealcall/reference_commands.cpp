// `sealcall reference import` and `sealcall reference export`.
#include <charconv>
#include <iostream>

#include "attestation/certificates.h"
#include "attestation/evidence_file.h"
#include "authority_bundle.h"
#include "commands.h"
#include "compile.h"
#include "files.h"
#include "problem.h"
#include "reference_evidence.h"
#include "store.h"
#include "tools/reference/collect.h"

namespace sealcall::cli {
namespace {

using reference::Entry;
using reference::EntryState;
using reference::ReferenceStore;

constexpr size_t kLogFileMax = size_t{128} * 1024 * 1024;

Bytes must_read(const std::string& file) {
    const auto content = read_file(file, kLogFileMax);
    if (!content) throw Problem("There is no file " + file + ".", "", exit_status::kUsage);
    return to_bytes(as_bytes(*content));
}

/// "0,2,4,7" and "0-4".
uint32_t pcr_mask(const std::string& list) {
    const Problem wrong("\"" + printable(list, 80) + "\" is no list of PCRs.",
                        "Give numbers from 0 to 23 without 10, for example 0,2,4,7.", exit_status::kUsage);
    uint32_t out = 0;
    std::string_view rest = list;
    const auto number = [&]() -> uint32_t {
        uint32_t n = 0;
        const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), n);
        if (error != std::errc() || n >= 24) throw wrong;
        rest.remove_prefix(static_cast<size_t>(end - rest.data()));
        return n;
    };
    for (;;) {
        const uint32_t first = number();
        uint32_t last = first;
        if (rest.starts_with('-')) {
            rest.remove_prefix(1);
            last = number();
        }
        for (uint32_t pcr = first; pcr <= last; ++pcr) out |= 1u << pcr;
        if (rest.empty()) break;
        if (!rest.starts_with(',')) throw wrong;
        rest.remove_prefix(1);
    }
    if ((out >> 10 & 1) != 0) throw wrong;
    return out;
}

std::vector<Entry> from_allow_list(const std::string& file, const std::string& key_file) {
    if (key_file.empty())
        throw Problem("Who signed the list?", "Give the signer's certificate with --key.", exit_status::kUsage);
    const Bytes list = must_read(file), signature = must_read(file + ".sig");
    const Bytes spki = spki_of_certificate_file(key_file);
    const unsigned char* at = as_u8(spki.data());
    const attestation::PkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
    if (!key) throw Problem("The certificate " + key_file + " holds no key.", "", exit_status::kUsage);
    reference::check_list(as_chars(list), signature, key.get());
    std::vector<Entry> out;
    for (Entry& e : ReferenceStore::parse(as_chars(list), file)) {
        e.source = file;
        out.push_back(std::move(e));
    }
    return out;
}

}  // namespace

int run_reference_import(const Context& context) {
    const ReferenceOptions& o = context.options.reference;
    const uint32_t pcrs = o.pcrs.empty() ? ReferenceStore::open(o.store).boot_pcrs() : pcr_mask(o.pcrs);
    std::vector<Entry> found;
    size_t left_out = 0;
    const auto take = [&](std::vector<Entry> more) {
        found.insert(found.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    };
    if (!o.log.empty()) {
        const Bytes log = must_read(o.log);
        take(attestation::looks_like_evidence_file(log) ? entries_of_evidence(o, as_chars(log), pcrs, left_out)
                                                        : reference::from_boot_log(log, pcrs, o.log));
    }
    if (!o.ima.empty()) take(reference::from_ima_list(must_read(o.ima), o.ima, left_out));
    if (!o.sealcall_log.empty()) take(reference::from_sealcall_log(must_read(o.sealcall_log), o.sealcall_log));
    if (!o.allow_list.empty() && o.corim.empty()) take(from_allow_list(o.allow_list, o.key));
    if (!o.corim.empty()) {
        size_t more = 0;
        take(reference::from_corim(must_read(o.corim), o.key.empty() ? Bytes() : must_read(o.key), o.corim, more));
        left_out += more;
    }
    if (o.log.empty() && o.ima.empty() && o.sealcall_log.empty() && o.allow_list.empty() && o.corim.empty())
        throw Problem("Nothing to import was named.",
                      "Give --evidence, --log, --ima, --sealcall-log, --corim or --allow-list.", exit_status::kUsage);
    ReferenceStore store = ReferenceStore::open_to_change(o.store);
    if (!o.pcrs.empty()) store.set_boot_pcrs(pcrs);
    const size_t read = found.size(), added = store.add(std::move(found));
    store.save();
    if (context.json()) {
        print_json({{"ok", true},
                    {"read", read},
                    {"added", added},
                    {"left_out", left_out},
                    {"entries", store.entries().size()}});
        return exit_status::kOk;
    }
    std::cout << "Read " << read << " values; " << added << " are new and wait for approval.\n";
    if (left_out != 0) std::cout << left_out << " entries were left out: they do not say what was run.\n";
    std::cout << "Next: sealcall reference approve --store " << o.store << " --all\n";
    return exit_status::kOk;
}

int run_reference_export(const Context& context) {
    const ReferenceOptions& o = context.options.reference;
    must_be_a_store(o.store);
    const ReferenceStore store = ReferenceStore::open(o.store);
    const authority::Store authority = authority::Store::open(o.authority);
    std::vector<Entry> approved;
    for (const Entry& e : store.entries())
        if (e.state == EntryState::approved) approved.push_back(e);
    const std::string list = ReferenceStore::format(approved);
    const auto key = attestation::key_from_pem(authority.root_key_pem());
    if (!key) throw Problem("The root key of the authority cannot be read.", "Restore it from a copy.");
    write_file(o.out + ".sig", reference::sign_list(list, key->get()), 0644);
    write_file(o.out, list, 0644);
    if (context.json()) {
        print_json({{"ok", true}, {"entries", approved.size()}, {"file", o.out}, {"signature", o.out + ".sig"}});
        return exit_status::kOk;
    }
    std::cout << "Wrote " << approved.size() << " approved values to " << o.out << ", signed in " << o.out << ".sig.\n";
    return exit_status::kOk;
}

}  // namespace sealcall::cli
