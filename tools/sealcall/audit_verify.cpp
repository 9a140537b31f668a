// `sealcall audit show` and `sealcall audit verify`.
#include "audit_commands.h"

#include <openssl/rand.h>

#include <fstream>
#include <iostream>

#include "audit_events.h"
#include "audit_words.h"
#include "evidence_findings.h"
#include "files.h"
#include "problem.h"
#include "provisioning.h"

namespace sealcall::cli {
namespace {

namespace fs = std::filesystem;
using attestation::foreign::Findings;

constexpr size_t kWitnessFileMax = 16 * 1024 * 1024;

nlohmann::json record_json(const AuditRecord& r) {
    nlohmann::json out = nlohmann::json::parse(r.fields.dump(), nullptr, false);
    out.update({{"seq", r.seq}, {"wall_ms", r.wall_ms}, {"event", r.event}});
    return out;
}

Digest head_of(const std::string& hex, const std::string& where) {
    Digest out{};
    if (!sealcall::from_hex(hex, out))
        throw Problem("The head in " + printable(where, 200) + " is not 64 hexadecimal digits.",
                      "Give a head, or a file of `sealcall audit export --witnesses`.", exit_status::kUsage);
    return out;
}

/// One line of `audit export --witnesses`: {"head": hex, "kept_by": uri, ...}; others' logs may name other phones. A
/// file that says nothing of this phone's log is a finding: whoever named it would take silence for a yes.
void add_witness_file(const std::string& name, const std::string& own_uri, AuditGround& ground, Findings& out) {
    const size_t before = ground.witnesses.size();
    std::istringstream in(evidence_file(name, kWitnessFileMax));
    for (std::string line; std::getline(in, line);) {
        const auto json = nlohmann::json::parse(line, nullptr, false);
        if (!json.is_object() || !json.contains("head") || !json["head"].is_string())
            throw Problem("The file " + printable(name, 200) + " is none of `sealcall audit export --witnesses`.",
                          "Have it made by the phone that keeps the heads.", exit_status::kUsage);
        const auto text = [&](const char* key) {
            return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string();
        };
        if (!own_uri.empty() && text("of") != own_uri) continue;
        const auto when = json.find("wall_ms");
        ground.witnesses.push_back(
            {.who = printable(text("kept_by").empty() ? name : text("kept_by"), 200),
             .head = head_of(text("head"), name),
             .wall_ms = when != json.end() && when->is_number_unsigned() ? when->get<uint64_t>() : 0});
    }
    if (ground.witnesses.size() == before)
        out.add("witness", attestation::foreign::Verdict::unknown,
                "No head in " + printable(name, 200) + " is of " +
                    (own_uri.empty() ? "this log" : printable(own_uri, 200)) +
                    ": have the file made on a phone that talked to this one.");
}

std::string own_uri(const AuditReport& log) {
    std::string out;
    for (const AuditRecord& r : log.records)
        if (r.event == "started") out = r.text("uri");
    return out;
}

AuditGround::Live ask_tpm(const Context& context) {
    const auto facts = context.store.facts();
    const auto keys = context.store.keys();
    if (!facts || !keys)
        throw Problem("The profile " + context.paths().profile + " has no keys, so there is no TPM to ask.",
                      "Leave --live out, or name the profile.", exit_status::kNotSetUp);
    const UniqueFd lock = lock_file(context.paths().lock_file(), "The phone of this profile runs, or is being set up.",
                                    "End it first, then try again.");
    const auto provisioning =
        start_provisioning(context.paths(), tpm_of(*facts), roles_directory(context.options.global));
    AuditGround::Live live;
    if (RAND_bytes(as_u8(live.nonce.data()), static_cast<int>(live.nonce.size())) != 1)
        throw Problem("No random numbers could be had.", "Try again.");
    const ipc::Provisioned ready = provisioning->provision(&*keys, {});
    if (!ready.ok)
        throw Problem("The keys could not be used: " + ready.problem.str() + ".",
                      "`sealcall doctor` says what is wrong with the TPM.", exit_status::kNotSetUp);
    const ipc::CertifiedAudit said = provisioning->certify_audit(live.nonce);
    if (!said.ok)
        throw Problem("The TPM did not say what it has seen: " + said.problem.str() + ".",
                      "Try again; `sealcall doctor` says what is wrong with the TPM.");
    live.attest = to_bytes(said.attest.view());
    live.signature = to_bytes(said.signature.view());
    return live;
}

nlohmann::json report_json(const AuditTrail& trail, const AnchorReport& report) {
    auto files = nlohmann::json::array();
    for (const auto& file : trail.files) files.push_back(file.string());
    nlohmann::json out = {{"files", files},
                          {"records", trail.log.records.size()},
                          {"head", trail.log.head},
                          {"starts", report.starts},
                          {"anchors", report.anchors},
                          {"signatures", report.certified},
                          {"software_tpm", std::ranges::any_of(report.signers, &AuditSigner::software_tpm)}};
    if (!trail.log.records.empty()) {
        out["first_seq"] = trail.log.records.front().seq;
        out["last_seq"] = trail.log.records.back().seq;
    }
    if (report.covered) out["covered_seq"] = trail.log.records[*report.covered].seq;
    if (!trail.log.holds()) out.update({{"broken_line", trail.log.broken_line}, {"error", trail.log.problem}});
    return out;
}

}  // namespace

int run_audit_show(const Context& context) {
    const AuditTrail trail = trail_of(context);
    const AuditReport& log = trail.log;
    const int status = log.holds() ? exit_status::kOk : exit_status::kFailed;
    if (context.json()) {
        nlohmann::json out = report_json(trail, {});
        for (const char* name : {"starts", "anchors", "signatures", "software_tpm"}) out.erase(name);
        out.update({{"ok", log.holds()}, {"cut_short", log.cut_short}, {"list", nlohmann::json::array()}});
        for (const AuditRecord& r : log.records) out["list"].push_back(record_json(r));
        print_json(out);
        return status;
    }
    for (const AuditRecord& r : log.records) {
        std::cout << r.seq << "  " << local_time(r.wall_ms) << "  " << printable(r.event, 40) << "  " << fields_line(r)
                  << "\n";
        for (const std::string& sentence : record_sentences(r)) std::cout << "      " << sentence << "\n";
    }
    if (log.cut_short) std::cout << "The last line has no end: the phone was stopped while it wrote it.\n";
    if (log.holds())
        std::cout << "The chain holds: " << counted(log.records.size(), "record") << ", head " << log.head
                  << "\nThat nobody made it anew is what `sealcall audit verify` checks.\n";
    else
        std::cout << "The chain is broken. " << log.problem
                  << (log.records.empty() ? "" : " What stands above that line was not changed.") << "\n";
    return status;
}

int run_audit_verify(const Context& context) {
    const AuditOptions& o = context.options.audit;
    const AuditTrail trail = trail_of(context);
    const EvidenceTrust trust(o.trust);
    AuditGround ground{
        .roots = trust.ground().anchors, .references = trust.bundle(), .witnesses = {}, .live = std::nullopt};
    Findings findings;
    for (const std::string& w : o.witnesses) {
        const bool is_head = w.size() == 64 && w.find_first_not_of("0123456789abcdef") == std::string::npos;
        if (is_head)
            ground.witnesses.push_back({.who = "the witness", .head = head_of(w, w)});
        else
            add_witness_file(w, own_uri(trail.log), ground, findings);
    }
    if (o.live) ground.live = ask_tpm(context);
    ground.keep_days = o.keep_days;
    const AnchorReport report = check_anchors(trail, ground, findings);
    if (!context.json())
        std::cout << "Log       " << counted(trail.log.records.size(), "record") << " in "
                  << counted(trail.files.size(), "file") << "\nHead      " << trail.log.head << "\n\n";
    return answer(context, findings, report_json(trail, report),
                  "nothing was changed, removed or put in up to the newest record that the TPM covers.",
                  "this log was changed, cut or rolled back, or somebody else signed it.", what_is_open(findings));
}

}  // namespace sealcall::cli
