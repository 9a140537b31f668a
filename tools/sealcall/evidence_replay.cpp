// `sealcall evidence replay`: what the logs of a boot say, and whether PCR values are theirs.
#include <iomanip>
#include <iostream>

#include "attestation/logs/bank_replay.h"
#include "commands.h"
#include "files.h"
#include "pcrs_file.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

using namespace sealcall::logs;
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
    const PcrValue* replayed;  ///< nullptr: the log has no such bank
    [[nodiscard]] bool holds() const { return replayed && replayed->complete && replayed->value == expected; }
};

std::vector<Comparison> compare(const PcrTable& expected, const std::vector<BankReplay>& banks) {
    std::vector<Comparison> out;
    for (const auto& [bank, values] : expected) {
        const auto found = std::ranges::find(banks, bank, &BankReplay::algorithm);
        for (const auto& [pcr, value] : values)
            out.push_back({bank, pcr, value, found == banks.end() ? nullptr : &found->pcrs[pcr]});
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
        if (c.replayed && c.replayed->complete) row["replayed"] = to_hex(c.replayed->value.view());
        out.push_back(std::move(row));
    }
    return out;
}

json events_json(const EventLog& log) {
    json out = json::array();
    for (const LogEvent& e : log.events) {
        json digests = json::object();
        for (const LogAlgorithm& a : log.algorithms)
            if (const ByteSpan d = log.digest_of(e, a.number); !d.empty())
                digests[algorithm_name(a.number)] = to_hex(d);
        out.push_back({{"index", e.index},
                       {"pcr", e.pcr},
                       {"type", event_type_name(e.type)},
                       {"offset", e.offset},
                       {"size", e.data.size()},
                       {"extends", e.extends()},
                       {"digests", std::move(digests)}});
    }
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

void print_comparisons(const std::vector<Comparison>& all) {
    for (const Comparison& c : all) {
        if (c.holds()) continue;
        std::cout << "PCR " << c.pcr << " (" << algorithm_name(c.bank) << ") is not the log's: expected "
                  << to_hex(c.expected.view()) << "\n";
        if (!c.replayed) std::cout << "  The log has no such bank.\n";
    }
}

}  // namespace

int run_evidence_replay(const Context& context) {
    const ReplayOptions& options = context.options.replay;
    const std::string content = file_or_problem(options.log, kBootLogMax);
    const auto log = parse_event_log(as_bytes(content));
    if (!log) not_readable(options.log, "an event log", log.error());
    const auto banks = replay_all(*log);
    std::vector<Comparison> compared;
    if (!options.pcrs.empty()) {
        const std::string text = file_or_problem(options.pcrs, kPcrsFileMax);
        const auto expected = parse_pcrs_file(as_bytes(text));
        if (!expected) not_readable(options.pcrs, "a file of PCR values", expected.error());
        compared = compare(*expected, banks);
    }
    const bool holds = std::ranges::all_of(compared, &Comparison::holds);
    if (context.json()) {
        json out = {{"ok", holds},
                    {"events", events_json(*log)},
                    {"pcrs", pcrs_json(banks)},
                    {"warnings", warnings_json(log->warnings)}};
        if (!options.pcrs.empty()) out["compared"] = comparisons_json(compared);
        print_json(out);
        return holds ? exit_status::kOk : exit_status::kDoesNotHold;
    }
    std::cout << log->events.size() << " events\n";
    print_banks(banks);
    for (const LogWarning& w : log->warnings.list)
        std::cout << "warning: " << (w.event == LogWarning::kWholeLog ? "" : "event " + std::to_string(w.event) + ": ")
                  << w.text << "\n";
    print_comparisons(compared);
    if (!compared.empty())
        std::cout << (holds ? "All " + std::to_string(compared.size()) + " values are the log's.\n"
                            : "The log does not explain these values.\n");
    return holds ? exit_status::kOk : exit_status::kDoesNotHold;
}

}  // namespace sealcall::cli
