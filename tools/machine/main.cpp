// sealcall-lab: what tools/lab needs of the parsers and makers of logs. It touches no TPM; it answers in JSON, for that
// script. Not installed.
#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "attestation/foreign/pcr_values.h"
#include "attestation/logs/cel_log.h"
#include "tools/machine/machine.h"
#include "tools/machine/plan.h"
#include "tools/sealcall/files.h"
#include "tools/sealcall/problem.h"
#include "tools/sealcall/software_tpm.h"

namespace sealcall::lab {
namespace {

using cli::Problem;
using cli::to_hex;
using nlohmann::json;

struct Options {
    std::string log, ima, cel, pcrs, drtm, hcrtm, ima_rule = "bank-hash";  // plan
    std::string boot_log, upon, secure_boot = "on", boot_loader = "grub 2.06", firmware = "firmware 1.2";
    std::vector<std::string> run;  // imagine: PATH or PATH=TEXT
    std::string path, file, text;  // measure
    std::string state, lab;        // tpm
};

std::string content_of(const std::string& file, size_t most = cli::kFileMax) {
    auto content = cli::read_file(file, most);
    if (!content) throw Problem("There is no file " + file + ".", "Name a file that exists.");
    return *std::move(content);
}

json digests_json(const std::vector<std::pair<uint16_t, logs::AnyDigest>>& digests) {
    json out = json::object();
    for (const auto& [bank, digest] : digests)
        if (logs::is_replayable(bank)) out[logs::algorithm_name(bank)] = to_hex(digest.view());
    return out;
}

json expected_json(const std::vector<logs::BankReplay>& banks) {
    json out = json::object();
    for (const logs::BankReplay& bank : banks) {
        json& values = out[logs::algorithm_name(bank.algorithm)] = json::object();
        for (uint32_t pcr = 0; pcr < logs::kPcrCount; ++pcr)
            if (bank.pcrs[pcr].complete) values[std::to_string(pcr)] = to_hex(bank.pcrs[pcr].value.view());
    }
    return out;
}

/// A table of PCR values that somebody states of this boot.
json stated_json(const std::string& file) {
    const std::string text = content_of(file);
    const auto read = attestation::foreign::read_pcr_file(as_bytes(text), {});
    if (!read)
        throw Problem(file + " is not a table of PCR values: " + read.error().what + ".",
                      "JSON, or what tpm2_pcrread and tpm2_eventlog print.");
    json out = json::object();
    for (const auto& [bank, values] : read->banks)
        for (const auto& [pcr, value] : values) out[logs::algorithm_name(bank)][std::to_string(pcr)] = to_hex(value);
    return out;
}

const char* word(How how) {
    if (how == How::hcrtm) return "hcrtm";
    return how == How::launch ? "launch" : "extend";
}

json plan(const Options& o) {
    const auto maybe = [](const std::string& name, size_t most) {
        return name.empty() ? std::string() : content_of(name, most);
    };
    const std::string boot = maybe(o.log, logs::kBootLogMax), cel = maybe(o.cel, logs::kCelLogMax),
                      ima = maybe(o.ima, logs::kImaListMax), drtm = maybe(o.drtm, cli::kFileMax),
                      hcrtm = maybe(o.hcrtm, cli::kFileMax);
    PlanInput input{.boot = as_bytes(boot), .cel = as_bytes(cel), .ima = as_bytes(ima), .hcrtm = {}, .launched = {}};
    if (!o.hcrtm.empty()) input.hcrtm = as_bytes(hcrtm);
    if (!o.drtm.empty()) input.launched = as_bytes(drtm);
    if (o.ima_rule == "padded-sha1") input.ima_rule = logs::ImaRule::padded_sha1;
    const Plan made = make_plan(input);
    json out = {{"startup_locality", made.startup_locality},
                {"extends", json::array()},
                {"expected", expected_json(made.expected)}};
    for (const Extend& x : made.extends)
        out["extends"].push_back({{"pcr", x.pcr}, {"how", word(x.how)}, {"digests", digests_json(x.digests)}});
    if (!o.pcrs.empty()) out["stated"] = stated_json(o.pcrs);
    return out;
}

std::pair<std::string, std::string> program(const std::string& given) {
    const size_t equals = given.find('=');
    if (equals == std::string::npos) return {given, given};
    return {given.substr(0, equals), given.substr(equals + 1)};
}

/// The aggregate that the kernel writes for the boot of a real log.
Digest aggregate_of(const std::string& file) {
    const std::string content = content_of(file, logs::kBootLogMax);
    const Plan boot = make_plan({.boot = as_bytes(content), .cel = {}, .ima = {}, .hcrtm = {}, .launched = {}});
    const auto bank = std::ranges::find(boot.expected, logs::kSha256, &logs::BankReplay::algorithm);
    if (bank == boot.expected.end())
        throw Problem(file + " has no SHA-256 bank, which the kernel's list begins with.", "Use another log.");
    std::vector<logs::AnyDigest> pcrs;
    for (uint32_t pcr = 0; pcr < 10; ++pcr) pcrs.push_back(bank->pcrs[pcr].value);
    Digest out{};
    std::ranges::copy(logs::boot_aggregate(logs::kSha256, pcrs, logs::BootAggregateRule::pcr_0_to_9).view(),
                      out.begin());
    return out;
}

json imagine(const Options& o) {
    Bytes list;
    if (o.upon.empty()) {
        BootParts parts{.secure_boot = o.secure_boot == "on",
                        .boot_loader = o.boot_loader,
                        .firmware = o.firmware,
                        .hcrtm = {},
                        .launched = {}};
        if (!o.hcrtm.empty()) parts.hcrtm = content_of(o.hcrtm);
        if (!o.drtm.empty()) parts.launched = content_of(o.drtm);
        Machine machine(parts);
        for (const auto& given : o.run) {
            const auto [path, text] = program(given);
            machine.run(path, text);
        }
        if (!o.boot_log.empty()) cli::write_file(o.boot_log, machine.boot_log(), 0644);
        list = machine.runtime_log();
    } else {
        ImaList made;
        made.begin(aggregate_of(o.upon));
        for (const auto& given : o.run) {
            const auto [path, text] = program(given);
            made.measure(path, cli::digest_of(as_bytes(text)));
        }
        list = made.bytes();
    }
    if (!o.ima.empty()) cli::write_file(o.ima, list, 0644);
    return {{"boot_log", o.boot_log}, {"ima", o.ima}};
}

/// Appends one entry to a list, as the kernel does when a program is started: in place, for whoever has it open. The
/// answer is what PCR 10 is extended with.
json measure(const Options& o) {
    (void)content_of(o.ima, logs::kImaListMax);
    ImaList added;
    added.measure(o.path, cli::digest_of(as_bytes(o.file.empty() ? o.text : content_of(o.file, logs::kImaListMax))));
    json digests;
    const Status read = logs::visit_ima_binary(added.bytes(), [&](const logs::ImaEntry& entry) {
        digests = digests_json(
            digests_of(entry, logs::ImaRule::bank_hash, {logs::kSha1, logs::kSha256, logs::kSha384, logs::kSha512}));
        return true;
    });
    CHECK(read.has_value());
    std::ofstream list(o.ima, std::ios::binary | std::ios::app);
    list << as_chars(added.bytes()) << std::flush;
    if (!list) throw Problem("The list " + o.ima + " cannot be written.", "Check the rights and the disk.");
    return {{"pcr", 10}, {"digests", std::move(digests)}};
}

json make_tpm(const Options& o) {
    cli::make_software_tpm(o.state, o.lab);
    return {{"state", o.state}};
}

CLI::Option* switches(CLI::App& app, const char* name, std::string& value, std::set<std::string> words) {
    return app.add_option(name, value)->check(CLI::IsMember(std::move(words)));
}

int run(int argc, char** argv) {
    CLI::App app("helper of tools/lab: see there", "sealcall-lab");
    app.require_subcommand(1);
    Options o;
    CLI::App& p = *app.add_subcommand("plan", "What a TPM must be extended with, and what its PCRs are then");
    for (const auto& [name, value] : {std::pair<const char*, std::string*>{"--log", &o.log},
                                      {"--ima", &o.ima},
                                      {"--cel", &o.cel},
                                      {"--pcrs", &o.pcrs},
                                      {"--drtm", &o.drtm},
                                      {"--hcrtm", &o.hcrtm}})
        p.add_option(name, *value);
    switches(p, "--ima-rule", o.ima_rule, {"bank-hash", "padded-sha1"});
    CLI::App& i = *app.add_subcommand("imagine", "Make up the logs of a computer");
    for (const auto& [name, value] : {std::pair<const char*, std::string*>{"--boot-log", &o.boot_log},
                                      {"--ima", &o.ima},
                                      {"--upon", &o.upon},
                                      {"--boot-loader", &o.boot_loader},
                                      {"--firmware", &o.firmware},
                                      {"--drtm", &o.drtm},
                                      {"--hcrtm", &o.hcrtm}})
        i.add_option(name, *value);
    switches(i, "--secure-boot", o.secure_boot, {"on", "off"});
    i.add_option("--run", o.run);
    CLI::App& m = *app.add_subcommand("measure", "Append a program to a list of the kernel");
    m.add_option("--ima", o.ima)->required();
    m.add_option("--path", o.path)->required();
    m.add_option("--file", o.file);
    m.add_option("--text", o.text);
    CLI::App& t = *app.add_subcommand("tpm", "Make a software TPM with certificates of a laboratory");
    t.add_option("--state", o.state)->required();
    t.add_option("--lab", o.lab)->required();
    CLI11_PARSE(app, argc, argv);
    const json answer = p.parsed() ? plan(o) : i.parsed() ? imagine(o) : m.parsed() ? measure(o) : make_tpm(o);
    std::cout << answer.dump() << "\n";
    return std::cout.good() ? 0 : 1;
}

}  // namespace
}  // namespace sealcall::lab

int main(int argc, char** argv) {
    try {
        return sealcall::lab::run(argc, argv);
    } catch (const sealcall::cli::Problem& problem) {
        std::cerr << problem.what() << " " << problem.next() << "\n";
        return problem.status();
    } catch (const std::exception& problem) {
        std::cerr << problem.what() << "\n";
        return 1;
    }
}
