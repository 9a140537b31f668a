// `sealcall evidence show` and `explain`: a boot log or a file of evidence, as a table, a page, or in sentences.
#include <iomanip>
#include <iostream>

#include "evidence_findings.h"
#include "evidence_report.h"
#include "files.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

using namespace sealcall::logs;
using nlohmann::json;

constexpr size_t kShownMax = std::max(kBootLogMax, attestation::kEvidenceFileMax);

json pcrs_json(const BootReport& r) {
    json out = json::object();
    for (uint32_t pcr = 0; r.bank != 0 && pcr < kPcrCount; ++pcr)
        if (const PcrValue& v = r.replay.pcrs[pcr]; v.events > 0 && v.complete)
            out[algorithm_name(r.bank)][std::to_string(pcr)] = to_hex(v.value.view());
    return out;
}

json events_json(const BootReport& r) {
    json out = json::array();
    for (const BootFact& f : r.facts.facts) {
        const LogEvent& e = r.log.events[f.event];
        out.push_back({{"index", f.event},
                       {"pcr", f.pcr},
                       {"type", event_type_name(e.type)},
                       {"extends", e.extends()},
                       {"kind", kind_name(f.kind)},
                       {"proven", f.proven()},
                       {"name", f.name},
                       {"detail", f.detail},
                       {"sentence", sentence_of(f)}});
    }
    return out;
}

json missing_json(const std::vector<MissingForLevel>& missing) {
    json out = json::array();
    for (const MissingForLevel& m : missing)
        out.push_back({{"level", std::to_string(m.level)}, {"name", m.name}, {"text", m.text}, {"next", m.next}});
    return out;
}

json chain_json(const BootReport& r) {
    json out = json::array();
    for (const BootStage& s : boot_chain(r))
        out.push_back({{"title", s.title}, {"text", s.text}, {"pcr", s.pcr}, {"event", s.event}, {"proven", s.proven}});
    return out;
}

json report_json(const BootReport& r) {
    json warnings = json::array();
    for (const LogWarning& w : r.warnings.list) {
        json row = {{"text", w.text}};
        if (w.event != LogWarning::kWholeLog) row["event"] = w.event;
        warnings.push_back(std::move(row));
    }
    return {{"ok", true},
            {"level", "0"},
            {"secure_boot", secure_boot_word(r)},
            {"pcrs", pcrs_json(r)},
            {"events", events_json(r)},
            {"chain", chain_json(r)},
            {"warnings", std::move(warnings)},
            {"warning_count", r.warnings.count},
            {"missing", missing_json(missing_for_levels(r))}};
}

void print_table(const BootReport& r) {
    if (r.bank != 0) std::cout << "PCR  events  " << algorithm_name(r.bank) << "\n";
    for (uint32_t pcr = 0; r.bank != 0 && pcr < kPcrCount; ++pcr) {
        const PcrValue& v = r.replay.pcrs[pcr];
        if (v.events == 0 && v.complete) continue;
        std::cout << std::left << std::setw(5) << pcr << std::setw(8) << v.events
                  << (v.complete ? to_hex(v.value.view()) : "not known") << "  " << purpose_of(pcr) << "\n";
    }
    std::cout << "\nevent  PCR  proven  what\n";
    for (const BootFact& f : r.facts.facts)
        std::cout << std::left << std::setw(7) << f.event << std::setw(5)
                  << (r.log.events[f.event].extends() ? std::to_string(f.pcr) : "-") << std::setw(8)
                  << (f.proven() ? "yes" : "no") << sentence_of(f) << "\n";
    std::cout << "\nSecure Boot: " << secure_boot_word(r) << "\n";
    for (const LogWarning& w : r.warnings.list)
        std::cout << "warning: " << (w.event == LogWarning::kWholeLog ? "" : "event " + std::to_string(w.event) + ": ")
                  << w.text << "\n";
    if (r.warnings.count > r.warnings.list.size())
        std::cout << "warning: and " << r.warnings.count - r.warnings.list.size() << " more\n";
}

void print_missing(const std::vector<MissingForLevel>& missing) {
    for (const MissingForLevel& m : missing)
        std::cout << "  for level " << m.level << ": " << m.text << "\n      " << m.next << "\n";
}

void refuse_trust(const TrustOptions& o) {
    if (o.authority.empty() && o.bundle.empty() && o.at.empty() && !o.nonce) return;
    throw Problem("This file is no evidence, and nobody can vouch for a log.",
                  "Leave --authority, --bundle, --nonce and --at out, or name a file of `sealcall evidence collect`.",
                  exit_status::kUsage);
}

int show_evidence(const Context& context, const std::string& content) {
    const ShowOptions& o = context.options.show;
    const EvidenceTrust trust(o.trust);
    const auto report = read_evidence_report(o.file, content, trust);
    if (!o.html.empty()) write_file(o.html, evidence_html(*report), 0644);
    if (context.json()) {
        json facts = evidence_json(*report);
        facts["ok"] = true;
        if (report->boot) {
            facts["events"] = events_json(*report->boot);
            facts["chain"] = chain_json(*report->boot);
        }
        print_json(facts);
    } else if (o.html.empty()) {
        print_evidence(*report);
        std::cout << "\nLevel " << level_digit(*report) << ", " << level_words(*report) << "\n";
        if (report->boot) print_table(*report->boot);
    } else {
        std::cout << "The page is written to " << printable(o.html, 200) << ".\n";
    }
    return exit_status::kOk;
}

int explain_evidence(const Context& context, const std::string& content) {
    const EvidenceTrust trust(context.options.show.trust);
    const auto report = read_evidence_report(context.options.show.file, content, trust);
    const auto sentences = evidence_sentences(*report);
    if (context.json()) {
        print_json({{"ok", true},
                    {"level", level_digit(*report)},
                    {"sentences", sentences},
                    {"secure_boot", report->boot ? secure_boot_word(*report->boot) : "unknown"},
                    {"missing", missing_json(missing_for_levels(*report))}});
        return exit_status::kOk;
    }
    for (const std::string& s : sentences) std::cout << s << "\n";
    std::cout << "\nLevel " << level_digit(*report) << ", " << level_words(*report)
              << ". What would have to change for a better one:\n";
    print_missing(missing_for_levels(*report));
    return exit_status::kOk;
}

}  // namespace

int run_evidence_show(const Context& context) {
    const ShowOptions& o = context.options.show;
    const std::string content = evidence_file(o.file, kShownMax);  // the report's spans point into it
    if (attestation::looks_like_evidence_file(as_bytes(content))) return show_evidence(context, content);
    refuse_trust(o.trust);
    const BootReport report = read_boot_report(o.file, content);
    if (!o.html.empty()) write_file(o.html, boot_html(report), 0644);
    if (context.json())
        print_json(report_json(report));
    else if (o.html.empty())
        print_table(report);
    else
        std::cout << "The page is written to " << printable(o.html, 200) << ".\n";
    return exit_status::kOk;
}

int run_evidence_explain(const Context& context) {
    const ShowOptions& o = context.options.show;
    const std::string content = evidence_file(o.file, kShownMax);
    if (attestation::looks_like_evidence_file(as_bytes(content))) return explain_evidence(context, content);
    refuse_trust(o.trust);
    const BootReport report = read_boot_report(o.file, content);
    const auto sentences = boot_sentences(report);
    if (context.json()) {
        print_json({{"ok", true},
                    {"level", "0"},
                    {"sentences", sentences},
                    {"secure_boot", secure_boot_word(report)},
                    {"missing", missing_json(missing_for_levels(report))}});
        return exit_status::kOk;
    }
    for (const std::string& s : sentences) std::cout << s << "\n";
    std::cout << "\nA log by itself is level 0. What would have to change:\n";
    print_missing(missing_for_levels(report));
    return exit_status::kOk;
}

}  // namespace sealcall::cli
