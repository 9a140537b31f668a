// A file of evidence as JSON, as a table and as a page.
#include <iomanip>
#include <iostream>

#include "attestation/cel.h"
#include "commands.h"
#include "evidence_report.h"
#include "evidence_words.h"
#include "files.h"

namespace sealcall::cli {
namespace {

using nlohmann::json;

const char* ek_word(attestation::EkOrigin ek) {
    switch (ek) {
        case attestation::EkOrigin::vendor:
            return "vendor";
        case attestation::EkOrigin::lab:
            return "lab";
        case attestation::EkOrigin::not_proven:
            break;
    }
    return "not proven";
}

json pcrs_json(const EvidenceReport& r) {
    json out = json::array();
    for (const auto& v : r.file.evidence.pcrs)
        out.push_back({{"pcr", v.pcr},
                       {"value", to_hex(v.value)},
                       {"explained", explained(r, v)},
                       {"purpose", purpose_in(r, v.pcr)}});
    return out;
}

json roles_json(const EvidenceReport& r) {
    json out = json::array();
    if (const auto records = attestation::parse_cel(r.appraisal.body.sealcall_log.view()))
        for (const auto& record : *records)
            out.push_back({{"role", printable(record.role, 32)},
                           {"pcr", record.pcr},
                           {"executable", to_hex(record.executable)},
                           {"files", record.files},
                           {"digest", to_hex(record.digest)}});
    return out;
}

json claims_json(const EvidenceReport& r) {
    const auto& device = r.appraisal.ceiling.device;
    if (device.device.empty()) return nullptr;  // nobody was named who vouches, or a check before failed
    return {{"device", device.device},           {"authority", device.authority},
            {"endorsement", ek_word(device.ek)}, {"software_tpm", device.software_tpm},
            {"managed", device.managed},         {"runtime_list", device.runtime}};
}

json missing_json(const EvidenceReport& r) {
    json out = json::array();
    for (const MissingForLevel& m : missing_for_levels(r))
        out.push_back({{"level", std::to_string(m.level)}, {"name", m.name}, {"text", m.text}, {"next", m.next}});
    return out;
}

json unapproved_json(const EvidenceReport& r) {
    json out = json::array();
    for (const Unapproved& u : r.unapproved)
        out.push_back({{"pcr", u.pcr}, {"what", u.what}, {"digest", to_hex(u.digest)}, {"forbidden", u.forbidden}});
    return out;
}

std::string log_words(size_t size, size_t offered) {
    if (size != 0) return std::to_string(size) + " bytes";
    return offered != 0 ? "left out of the file" : "the device offers none";
}

std::string cell(const std::string& text) { return "<td>" + html_escaped(text) + "</td>"; }

std::string level_table(const EvidenceReport& r) {
    std::string out =
        "<h2>What is missing for a better level</h2>\n<table><tr><th>level</th><th>what</th><th>next</th></tr>\n";
    for (const MissingForLevel& m : missing_for_levels(r))
        out += "<tr>" + cell(std::to_string(m.level)) + cell(m.text) + cell(m.next) + "</tr>\n";
    return out + "</table>\n";
}

std::string quoted_table(const EvidenceReport& r) {
    std::string out =
        "<h2>Quoted PCR values (SHA-256)</h2>\n<table><tr><th>PCR</th><th>what</th><th>explained</th>"
        "<th>value</th></tr>\n";
    for (const auto& v : r.file.evidence.pcrs)
        out += "<tr>" + cell(std::to_string(v.pcr)) + cell(purpose_in(r, v.pcr)) + cell(explained(r, v)) +
               "<td class=\"hex\">" + to_hex(v.value) + "</td></tr>\n";
    return out + "</table>\n";
}

}  // namespace

json evidence_json(const EvidenceReport& r) {
    const auto& result = r.appraisal.result;
    json reasons = json::array();
    for (const rats::Reason reason : result.reasons)
        reasons.push_back({{"name", words_of(reason).name}, {"text", words_of(reason).text.sentence}});
    return {{"level", level_digit(r)},
            {"level_word", policy::text(result.level).word},
            {"lab", result.lab},
            {"fresh", r.trust->ground().nonce.has_value() && result.level != rats::Level::failed},
            {"nonce", to_hex(r.file.nonce)},
            {"collected_ms", r.file.collected_ms},
            {"at_ms", r.trust->ground().wall_ms},
            {"reasons", std::move(reasons)},
            {"claims", claims_json(r)},
            {"clock",
             {{"reset_count", r.appraisal.ceiling.clock.reset_count},
              {"restart_count", r.appraisal.ceiling.clock.restart_count},
              {"clock", r.appraisal.ceiling.clock.clock}}},
            {"pcrs", pcrs_json(r)},
            {"roles", roles_json(r)},
            {"boot_log_bytes", r.file.boot_log.size()},
            {"runtime_log_bytes", r.file.runtime_log.size()},
            {"runtime_entries", r.appraisal.measured.runtime.size()},
            {"secure_boot", r.boot ? secure_boot_word(*r.boot) : "unknown"},
            {"unapproved", unapproved_json(r)},
            {"unapproved_count", r.unapproved_count},
            {"missing", missing_json(r)}};
}

void print_evidence(const EvidenceReport& r) {
    const json claims = claims_json(r);
    std::cout << "Collected     " << local_time(r.file.collected_ms) << " (its own word)\n"
              << "Nonce         " << to_hex(r.file.nonce) << "\n";
    if (!claims.is_null())
        std::cout << "Device        " << printable(claims["device"].get<std::string>(), 64) << ", vouched for by "
                  << printable(claims["authority"].get<std::string>(), 128) << "\nTPM           "
                  << claims["endorsement"].get<std::string>()
                  << (claims["software_tpm"].get<bool>() ? ", a software TPM" : "")
                  << (claims["managed"].get<bool>() ? ", managed" : ", embedded")
                  << (claims["runtime_list"].get<bool>() ? ", certified with a list of programs" : "") << "\n";
    std::cout << "Firmware log  " << log_words(r.file.boot_log.size(), r.appraisal.body.boot_log.size) << "\n"
              << "Kernel's list " << log_words(r.file.runtime_log.size(), r.file.evidence.runtime_log.size);
    if (!r.appraisal.measured.runtime.empty()) std::cout << ", " << r.appraisal.measured.runtime.size() << " entries";
    std::cout << "\n\nPCR  explained    sha256\n";
    for (const auto& v : r.file.evidence.pcrs)
        std::cout << std::left << std::setw(5) << static_cast<int>(v.pcr) << std::setw(13) << explained(r, v)
                  << to_hex(v.value) << "  " << purpose_in(r, v.pcr) << "\n";
    for (const Unapproved& u : r.unapproved)
        std::cout << (u.forbidden ? "forbidden" : "not approved") << "  PCR " << u.pcr << "  " << u.what << "\n";
    if (r.unapproved_count > r.unapproved.size())
        std::cout << "and " << r.unapproved_count - r.unapproved.size() << " more that nobody has approved\n";
}

std::string evidence_html(const EvidenceReport& r) {
    std::string body = "<h1>" + html_escaped(r.name) + "</h1>\n<p>Level " + level_digit(r) + ", " +
                       html_escaped(level_words(r)) + ", as of " + html_escaped(local_time(r.trust->ground().wall_ms)) +
                       "</p>\n<ul>\n";
    for (const rats::Reason reason : r.appraisal.result.reasons)
        body += "<li>" + html_escaped(words_of(reason).text.sentence) + "</li>\n";
    body += "</ul>\n" + level_table(r) + quoted_table(r);
    if (r.unapproved_count != 0) {
        body += "<h2>Not approved: " + std::to_string(r.unapproved_count) + "</h2>\n<table>\n";
        for (const Unapproved& u : r.unapproved)
            body += "<tr>" + cell(std::to_string(u.pcr)) + cell(u.forbidden ? "forbidden" : "not approved") +
                    cell(u.what) + "<td class=\"hex\">" + to_hex(u.digest) + "</td></tr>\n";
        body += "</table>\n";
    }
    if (r.boot) body += boot_html_tables(*r.boot);
    return html_page("Evidence", body);
}

}  // namespace sealcall::cli
