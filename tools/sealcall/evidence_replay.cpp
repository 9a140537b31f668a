// `sealcall evidence replay`: what the logs of a boot say, and whether PCR values are theirs.
#include <iomanip>
#include <iostream>

#include "attestation/foreign/pcr_values.h"
#include "attestation/logs/bank_replay.h"
#include "attestation/logs/explain.h"
#include "attestation/logs/ima.h"
#include "cel_json.h"
#include "commands.h"
#include "files.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

using namespace sealcall::logs;
using attestation::foreign::kPcrFileMax;
using attestation::foreign::PcrBanks;
using attestation::foreign::read_pcr_file;
using nlohmann::json;

std::string file_or_problem(const std::string& name, size_t most) {
    auto content = read_file(name, most);
    if (!content) throw Problem("There is no file " + printable(name, 200) + ".", "Name a file that exists.");
    return *std::move(content);
}

[[noreturn]] void not_readable(const std::string& name, const char* kind, const Error& error) {
    throw Problem(
        printable(name, 200) + " is not " + kind + ": " + error.what + " (at " + std::to_string(error.detail) + ").",
        "Check that the file is whole and of the right kind.");
}

/// One value to compare: what the file says, and what the log gives.
struct Comparison {
    uint16_t bank;
    uint32_t pcr;
    AnyDigest expected;
    const PcrValue* replayed;         ///< nullptr: the log has no such bank
    std::optional<ImaPrefix> prefix;  ///< of the kernel's list, for PCR 10
    [[nodiscard]] bool holds() const {
        return prefix || (replayed && replayed->complete && replayed->value == expected);
    }
};

std::vector<Comparison> compare(const PcrBanks& expected, const std::vector<BankReplay>& banks) {
    std::vector<Comparison> out;
    for (const auto& [bank, values] : expected) {
        const auto found = std::ranges::find(banks, bank, &BankReplay::algorithm);
        for (const auto& [pcr, value] : values)
            out.push_back({bank, pcr, AnyDigest::of(value), found == banks.end() ? nullptr : &found->pcrs[pcr], {}});
    }
    return out;
}

json pcrs_json(const std::vector<BankReplay>& banks) {
    json out = json::object();
    for (const BankReplay& bank : banks) {
        json& values = out[algorithm_name(bank.algorithm)] = json::object();
        for (uint32_t pcr = 0; pcr < kPcrCount; ++pcr)
            if (bank.pcrs[pcr].events > 0 && bank.pcrs[pcr].complete)
                values[std::to_string(pcr)] = to_hex(bank.pcrs[pcr].value.view());
    }
    return out;
}

json comparisons_json(const std::vector<Comparison>& all) {
    json out = json::array();
    for (const Comparison& c : all) {
        json row = {{"bank", algorithm_name(c.bank)}, {"pcr", c.pcr}, {"holds", c.holds()}};
        row["expected"] = to_hex(c.expected.view());
        if (c.prefix)
            row.update({{"ima_entries", c.prefix->entries},
                        {"ima_rule", c.prefix->rule == ImaRule::bank_hash ? "bank_hash" : "padded_sha1"}});
        else if (c.replayed && c.replayed->complete)
            row["replayed"] = to_hex(c.replayed->value.view());
        out.push_back(std::move(row));
    }
    return out;
}

/// Everything that the command read and found.
struct Replayed {
    EventLog log;
    BootFacts facts;
    std::vector<BankReplay> banks;
    Warnings warnings;
    std::vector<Comparison> compared;
    std::optional<ImaSummary> ima;
    std::optional<CelLog> cel;
    std::string boot_aggregate;  ///< how the list's first entry fits the log
    [[nodiscard]] bool holds() const {
        const bool list = !ima || (ima->dishonest == 0 && boot_aggregate.starts_with("pcr_"));
        return list && std::ranges::all_of(compared, &Comparison::holds);
    }
};

json events_json(const Replayed& r) {
    json out = json::array();
    for (const LogEvent& e : r.log.events) {
        json digests = json::object();
        for (const LogAlgorithm& a : r.log.algorithms)
            if (const ByteSpan d = r.log.digest_of(e, a.number); !d.empty())
                digests[algorithm_name(a.number)] = to_hex(d);
        json row = {
            {"index", e.index},      {"pcr", e.pcr},           {"type", event_type_name(e.type)}, {"offset", e.offset},
            {"size", e.data.size()}, {"extends", e.extends()}, {"digests", std::move(digests)}};
        if (!r.facts.facts.empty()) {
            const BootFact& fact = r.facts.facts[e.index];
            row.update({{"kind", kind_name(fact.kind)},
                        {"proven", fact.proven()},
                        {"name", fact.name},
                        {"detail", fact.detail},
                        {"sentence", sentence_of(fact)}});
        }
        out.push_back(std::move(row));
    }
    return out;
}

const char* state_name(SecureBoot::State state) {
    if (state == SecureBoot::State::on) return "on";
    return state == SecureBoot::State::off ? "off" : "unknown";
}

json secure_boot_json(const SecureBoot& sb) {
    json databases = json::object();
    for (const KeyDatabase& db : sb.databases) {
        json certificates = json::array();
        for (const DatabaseCertificate& c : db.content.certificates)
            certificates.push_back({{"subject", c.subject}, {"sha256", to_hex(c.sha256)}, {"owner", c.owner.text()}});
        databases[db.name] = {{"event", db.event},           {"proven", db.proven},
                              {"readable", db.readable},     {"certificates", std::move(certificates)},
                              {"hashes", db.content.hashes}, {"others", db.content.others}};
    }
    json out = {{"state", state_name(sb.state)}, {"databases", std::move(databases)}};
    if (sb.state != SecureBoot::State::unknown) out["event"] = sb.event;
    return out;
}

json ima_json(const Replayed& r) {
    const ImaSummary& ima = *r.ima;
    json out = {{"entries", ima.entries},
                {"violations", ima.violations},
                {"dishonest", ima.dishonest},
                {"pcr10",
                 {{"sha1", to_hex(ima.sha1.view())},
                  {"sha256", to_hex(ima.sha256.view())},
                  {"sha256_padded_sha1", to_hex(ima.sha256_padded.view())}}},
                {"boot_aggregate", r.boot_aggregate}};
    if (ima.dishonest > 0) out["first_dishonest"] = ima.first_dishonest;
    return out;
}

json warnings_json(const Warnings& warnings) {
    json out = json::array();
    for (const LogWarning& w : warnings.list) {
        json row = {{"text", w.text}};
        if (w.event != LogWarning::kWholeLog) row["event"] = w.event;
        out.push_back(std::move(row));
    }
    return out;
}

void print_banks(const std::vector<BankReplay>& banks) {
    for (const BankReplay& bank : banks) {
        std::cout << algorithm_name(bank.algorithm) << ":\n";
        for (uint32_t pcr = 0; pcr < kPcrCount; ++pcr) {
            const PcrValue& v = bank.pcrs[pcr];
            if (v.events == 0 && v.complete) continue;
            std::cout << "  " << std::left << std::setw(2) << pcr << ": "
                      << (v.complete ? "0x" + to_hex(v.value.view())
                                     : "not known: an event has no digest for this bank")
                      << "\n";
        }
    }
}

void print_comparisons(const std::vector<Comparison>& all, bool with_ima) {
    for (const Comparison& c : all) {
        if (c.prefix)
            std::cout << "PCR 10 (" << algorithm_name(c.bank) << ") is that of the first " << c.prefix->entries
                      << " entries of the kernel's list.\n";
        if (c.holds()) continue;
        std::cout << "PCR " << c.pcr << " (" << algorithm_name(c.bank) << ") is not explained: expected "
                  << to_hex(c.expected.view()) << "\n";
        if (c.pcr == 10 && !with_ima)
            std::cout << "  This is the kernel's own list of files: give it with --ima.\n";
        else if (!c.replayed)
            std::cout << "  The log has no such bank.\n";
    }
}

void print_secure_boot(const SecureBoot& sb) {
    std::cout << "Secure Boot: " << state_name(sb.state) << "\n";
    for (const KeyDatabase& db : sb.databases) {
        std::cout << "  " << std::left << std::setw(4) << db.name << (db.proven ? "" : " (claimed)") << " "
                  << db.content.certificates.size() << " certificates, " << db.content.hashes << " hashes\n";
        for (const DatabaseCertificate& c : db.content.certificates) std::cout << "         " << c.subject << "\n";
    }
}

const char* aggregate_sentence(const std::string& how) {
    if (how == "pcr_0_to_9") return "fits the log (PCR 0 to 9)";
    if (how == "pcr_0_to_7") return "fits the log (PCR 0 to 7)";
    if (how == "no_tpm") return "zero: the kernel had no TPM, so nothing ties this list to the log";
    if (how == "absent") return "not there, so nothing ties this list to the log";
    if (how == "not_comparable") return "of a bank that the log does not have";
    return "does not fit the log: the list is of another boot";
}

void print_ima(const Replayed& r) {
    const ImaSummary& ima = *r.ima;
    std::cout << "Kernel's list: " << ima.entries << " entries, " << ima.violations << " violations\n"
              << "  PCR 10 sha1: " << to_hex(ima.sha1.view()) << "\n"
              << "  PCR 10 sha256: " << to_hex(ima.sha256.view()) << "\n"
              << "  PCR 10 sha256, kernels before 5.8: " << to_hex(ima.sha256_padded.view()) << "\n"
              << "  boot_aggregate: " << aggregate_sentence(r.boot_aggregate) << "\n";
    if (ima.dishonest > 0)
        std::cout << "  " << ima.dishonest << " entries do not say what was measured; the first is number "
                  << ima.first_dishonest << ".\n";
}

void print_warnings(const Warnings& warnings) {
    for (const LogWarning& w : warnings.list)
        std::cout << "warning: " << (w.event == LogWarning::kWholeLog ? "" : "event " + std::to_string(w.event) + ": ")
                  << w.text << "\n";
    if (warnings.count > warnings.list.size())
        std::cout << "warning: and " << warnings.count - warnings.list.size() << " more\n";
}

void print_cel(const CelLog& log);

void print_all(const Replayed& r) {
    for (const BootFact& fact : r.facts.facts) {
        std::cout << std::right << std::setw(5) << fact.event;
        if (r.log.events[fact.event].extends())
            std::cout << "  PCR " << std::left << std::setw(2) << fact.pcr << "  ";
        else
            std::cout << "          ";
        std::cout << sentence_of(fact) << "\n";
    }
    print_banks(r.banks);
    if (!r.log.events.empty()) print_secure_boot(r.facts.secure_boot);
    if (r.ima) print_ima(r);
    if (r.cel) print_cel(*r.cel);
    print_warnings(r.warnings);
    print_comparisons(r.compared, r.ima.has_value());
    if (!r.compared.empty())
        std::cout << (r.holds() ? "It holds: all " + std::to_string(r.compared.size()) + " values are explained.\n"
                                : "It does not hold.\n");
    else if (!r.holds())
        std::cout << "It does not hold.\n";
}

/// How the first entry of the kernel's list fits the firmware's log: it binds the two to one boot.
std::string fit_boot_aggregate(const ImaSummary& ima, const std::vector<BankReplay>& banks) {
    if (!ima.boot_aggregate) return "absent";
    if (std::ranges::all_of(ima.boot_aggregate->bytes, [](std::byte b) { return b == std::byte{0}; })) return "no_tpm";
    const auto bank = std::ranges::find(banks, ima.boot_aggregate_algorithm, &BankReplay::algorithm);
    if (bank == banks.end()) return "not_comparable";
    std::vector<AnyDigest> pcrs;
    for (uint32_t pcr = 0; pcr < 10; ++pcr) {
        if (!bank->pcrs[pcr].complete) return "not_comparable";
        pcrs.push_back(bank->pcrs[pcr].value);
    }
    if (boot_aggregate(bank->algorithm, pcrs, BootAggregateRule::pcr_0_to_9) == *ima.boot_aggregate)
        return "pcr_0_to_9";
    if (boot_aggregate(bank->algorithm, pcrs, BootAggregateRule::pcr_0_to_7) == *ima.boot_aggregate)
        return "pcr_0_to_7";
    return "does_not_fit";
}

/// PCR 10 is explained by a prefix of the list: the kernel goes on measuring while somebody quotes.
void find_prefixes(ByteSpan list, std::vector<Comparison>& compared) {
    for (Comparison& c : compared) {
        if (c.pcr != 10 || c.holds() || !is_replayable(c.bank)) continue;
        if (auto prefix = find_ima_prefix(list, c.bank, c.expected.view())) c.prefix = *prefix;
    }
}

const char* register_name(CelRegister kind) {
    if (kind == CelRegister::pcr) return "pcr";
    return kind == CelRegister::nv_index ? "nv_index" : "runtime_register";
}

/// True if every digest of the record that can be computed here is the hash of what the record says.
bool is_proven(const CelEvent& e) {
    bool any = false;
    for (const auto& [algorithm, digest] : e.digests) {
        if (!is_replayable(algorithm)) continue;
        Hasher hasher(algorithm);
        if (!e.proven(hasher)) return false;
        any = true;
    }
    return any;
}

json cel_json(const CelLog& log) {
    json out = json::array();
    for (const CelEvent& e : log.events) {
        json digests = json::object();
        for (const auto& [algorithm, digest] : e.digests) digests[algorithm_name(algorithm)] = to_hex(digest.view());
        out.push_back({{"recnum", e.number},
                       {register_name(e.kind), e.index},
                       {"content_type", e.content_type},
                       {"text", e.text},
                       {"proven", is_proven(e)},
                       {"digests", std::move(digests)}});
    }
    return out;
}

void print_cel(const CelLog& log) {
    std::cout << "Canonical event log: " << log.events.size() << " records\n";
    for (const CelEvent& e : log.events)
        std::cout << std::right << std::setw(5) << e.number << "  " << register_name(e.kind) << " " << e.index << "  "
                  << (is_proven(e) ? "" : "The log says: ") << e.content_type << " " << e.text << "\n";
}

json to_json(const Replayed& r, const ReplayOptions& options) {
    json out = {{"ok", r.holds()},
                {"holds", r.holds()},
                {"events", events_json(r)},
                {"pcrs", pcrs_json(r.banks)},
                {"secure_boot", secure_boot_json(r.facts.secure_boot)},
                {"warnings", warnings_json(r.warnings)},
                {"warning_count", r.warnings.count}};
    if (r.ima) out["ima"] = ima_json(r);
    if (r.cel) out["cel"] = cel_json(*r.cel);
    if (!options.pcrs.empty()) out["compared"] = comparisons_json(r.compared);
    return out;
}

void read_boot(const ReplayOptions& options, std::string_view content, Replayed& r) {
    auto log = parse_event_log(as_bytes(content));
    if (!log) not_readable(options.log, "an event log", log.error());
    r.log = *std::move(log);
    r.warnings = r.log.warnings;
    r.banks = replay_all(r.log);
    const auto bank = best_bank(r.log);
    if (!bank) return;
    r.facts = read_boot_facts(r.log, *bank);
    for (const LogWarning& w : r.facts.warnings.list) r.warnings.add(w.event, w.text);
    r.warnings.count += r.facts.warnings.count - r.facts.warnings.list.size();
}

void read_ima(const ReplayOptions& options, Replayed& r) {
    const std::string list = file_or_problem(options.ima, kImaListMax);
    const auto summary = summarize_ima(as_bytes(list));
    if (!summary) not_readable(options.ima, "a list of the kernel (IMA)", summary.error());
    r.ima = *summary;
    r.boot_aggregate = fit_boot_aggregate(*summary, r.banks);
    find_prefixes(as_bytes(list), r.compared);
}

}  // namespace

int run_evidence_replay(const Context& context) {
    const ReplayOptions& options = context.options.replay;
    const std::string content = file_or_problem(options.log, kBootLogMax);  // the log's spans point into it
    Replayed r;
    read_boot(options, content, r);
    if (!options.cel.empty()) {
        const std::string file = file_or_problem(options.cel, kCelLogMax);
        auto cel = is_cel_json(as_bytes(file)) ? parse_cel_json(as_bytes(file)) : parse_cel_tlv(as_bytes(file));
        if (!cel) not_readable(options.cel, "a canonical event log", cel.error());
        r.cel = *std::move(cel);
        extend_banks(*r.cel, r.banks);
    }
    if (!options.pcrs.empty()) {
        const std::string text = file_or_problem(options.pcrs, kPcrFileMax);
        const auto expected = read_pcr_file(as_bytes(text), {});
        if (!expected) not_readable(options.pcrs, "a file of PCR values", expected.error());
        r.compared = compare(expected->banks, r.banks);
    }
    if (!options.ima.empty()) read_ima(options, r);
    if (context.json())
        print_json(to_json(r, options));
    else
        print_all(r);
    return r.holds() ? exit_status::kOk : exit_status::kDoesNotHold;
}

}  // namespace sealcall::cli
