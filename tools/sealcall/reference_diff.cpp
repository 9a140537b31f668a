// `sealcall reference diff`: two boots, or a boot and the store, in words.
#include <iostream>

#include "attestation/binding.h"
#include "attestation/logs/explain.h"
#include "attestation/logs/ima.h"
#include "authority_bundle.h"
#include "collect.h"
#include "commands.h"
#include "files.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

using reference::ReferenceStore;

constexpr size_t kLogFileMax = size_t{128} * 1024 * 1024;
constexpr size_t kShownMax = 200;

struct Difference {
    uint32_t pcr = 0;
    std::string what;  ///< "added", "removed", "changed", "unknown", "forbidden", "waiting", "withdrawn"
    std::string digest, sentence;
};

Bytes must_read(const std::string& file) {
    const auto content = read_file(file, kLogFileMax);
    if (!content) throw Problem("There is no file " + file + ".", "", exit_status::kUsage);
    return to_bytes(as_bytes(*content));
}

logs::EventLog must_parse(const Bytes& bytes, const std::string& file) {
    auto log = logs::parse_event_log(bytes);
    if (!log)
        throw Problem("The log " + file + " cannot be read: " + log.error().what + ".",
                      "Look at it with `sealcall evidence replay`.");
    return *std::move(log);
}

std::vector<Difference> between_logs(const std::string& first, const std::string& second) {
    const Bytes a_bytes = must_read(first), b_bytes = must_read(second);
    const auto a = must_parse(a_bytes, first), b = must_parse(b_bytes, second);
    const auto bank = logs::best_bank(a);
    if (!bank || !b.has_bank(*bank))
        throw Problem("The logs have no bank in common.", "Take logs of the same machine.", exit_status::kUsage);
    std::vector<Difference> out;
    for (const auto& change :
         logs::compare_boots(a, logs::read_boot_facts(a, *bank), b, logs::read_boot_facts(b, *bank), *bank)) {
        using What = logs::EventChange::What;
        const char* what = change.what == What::added ? "added" : change.what == What::removed ? "removed" : "changed";
        out.push_back({change.pcr, what, "", change.sentence});
    }
    return out;
}

/// What of a machine's logs the store does not approve.
std::vector<Difference> against_store(const ReferenceOptions& o) {
    must_be_a_store(o.store);
    const ReferenceStore store = ReferenceStore::open(o.store);
    std::vector<reference::Entry> seen = reference::from_boot_log(must_read(o.log), store.boot_pcrs(), o.log);
    size_t left_out = 0;
    if (!o.ima.empty())
        for (auto& e : reference::from_ima_list(must_read(o.ima), o.ima, left_out)) seen.push_back(std::move(e));
    std::vector<Difference> out;
    for (const auto& e : seen) {
        const reference::Entry* known = store.find(e.value.pcr, e.value.digest);
        const bool forbidden = known != nullptr && known->state == reference::EntryState::approved &&
                               known->value.kind == rats::ReferenceKind::forbidden;
        if (known != nullptr && known->state == reference::EntryState::approved && !forbidden) continue;
        const char* what = known == nullptr ? "unknown" : forbidden ? "forbidden" : reference::name_of(known->state);
        out.push_back({e.value.pcr, what, to_hex(e.value.digest), e.text});
    }
    if (left_out != 0)
        out.push_back({10, "unknown", "", std::to_string(left_out) + " entries of the list do not say what was run."});
    return out;
}

}  // namespace

int run_reference_diff(const Context& context) {
    const ReferenceOptions& o = context.options.reference;
    if (o.second_log.empty() == o.store.empty())
        throw Problem("Compare with what?", "Name a second log, or a store with --store.", exit_status::kUsage);
    const auto differences = o.store.empty() ? between_logs(o.log, o.second_log) : against_store(o);
    const int status = differences.empty() ? exit_status::kOk : exit_status::kDoesNotHold;
    if (context.json()) {
        auto list = nlohmann::json::array();
        for (const auto& d : differences)
            list.push_back(
                {{"pcr", d.pcr}, {"what", d.what}, {"digest", d.digest}, {"sentence", printable(d.sentence)}});
        print_json({{"ok", differences.empty()}, {"differences", list}});
        return status;
    }
    if (differences.empty()) std::cout << "No difference.\n";
    size_t shown = 0;
    for (const auto& d : differences) {
        if (++shown > kShownMax) break;
        const std::string purpose = logs::purpose_of(d.pcr);
        std::cout << (purpose.empty() ? "PCR " + std::to_string(d.pcr) : purpose) << "\n    " << d.what << ": "
                  << printable(d.sentence) << "\n";
    }
    if (differences.size() > kShownMax)
        std::cout << "... and " << differences.size() - kShownMax << " more; --json shows all.\n";
    return status;
}

}  // namespace sealcall::cli
