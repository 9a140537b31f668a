// The page of `audit timeline --html`: one file, no script, no link, nothing loaded. Every text from the log goes
// through html_escaped.
#include "audit_commands.h"
#include "audit_timeline.h"
#include "boot_report.h"
#include "files.h"

namespace sealcall::cli {
namespace {

using attestation::foreign::Finding;
using attestation::foreign::Findings;

constexpr double kWide = 700;

std::string safe(std::string_view text, size_t most = 300) { return html_escaped(printable(text, most)); }
std::string number(double v) { return std::to_string(static_cast<int>(v)); }
std::string cell(const std::string& text) { return "<td>" + safe(text) + "</td>"; }

class Lane {
  public:
    Lane(const AuditReport& log, const KeyLifeLine& life)
        : log_(log), life_(life), from_(log.records[life.steps.front().record].wall_ms) {
        for (const KeyStep& s : life.steps) to_ = std::max(to_, log.records[s.record].wall_ms);
        to_ = std::max(to_, from_ + 1);
    }
    std::string svg() const {
        std::string out =
            "<svg role=\"img\" aria-label=\"life of the key\" width=\"" + number(kWide + 20) + "\" height=\"64\">\n";
        for (const KeySpan& s : life_.spans)
            out += "<rect x=\"" + number(at(s.from_ms)) + "\" y=\"10\" width=\"" +
                   number(std::max(at(s.to_ms) - at(s.from_ms), 2.0)) + "\" height=\"22\" fill=\"" +
                   (s.plain ? "#2d6cb5" : "#c9d9ec") + "\"><title>" +
                   (s.plain ? "media keys in memory" : "only the sealed secret") + "</title></rect>\n";
        for (const KeyStep& s : life_.steps) out += mark(s);
        return out + "</svg>\n";
    }

  private:
    [[nodiscard]] double at(uint64_t ms) const {
        const double share = static_cast<double>(std::clamp(ms, from_, to_) - from_) / static_cast<double>(to_ - from_);
        return 8 + share * kWide;
    }
    [[nodiscard]] std::string mark(const KeyStep& s) const {
        const std::string x = number(at(log_.records[s.record].wall_ms));
        const bool end = s.what == "destroyed";
        return "<g><title>" + safe(local_time(log_.records[s.record].wall_ms) + "  " + s.what + ": " + s.sentence) +
               "</title>" +
               (end ? "<path d=\"M" + x + " 14m-7 0l14 14m0 -14l-14 14\" stroke=\"#b3261e\" stroke-width=\"3\"/>"
                    : "<circle cx=\"" + x + "\" cy=\"42\" r=\"5\" fill=\"" +
                          (s.what == "proven" || s.what == "end_proven" ? "#2e7d32" : "#456") + "\"/>") +
               "</g>\n";
    }
    const AuditReport& log_;
    const KeyLifeLine& life_;
    uint64_t from_, to_ = 0;
};

std::string life_html(const AuditReport& log, const AnchorReport& report, const KeyLifeLine& life) {
    const AuditSigner* signer = report.signer(life.call.start);
    const AuditRecord& start = log.records[life.call.start];
    std::string out = "<h2>Call " + std::to_string(life.call.id) + " with " +
                      safe(life.call.peer.empty() ? "nobody" : life.call.peer) +
                      (life.call.proven_peer ? "" : " (its own word)") + "</h2>\n<p>" + safe(start.text("tpm")) +
                      (signer != nullptr && signer->software_tpm ? ", a software TPM" : "") + ". " +
                      (life.ended ? "The key is dead" : "The log has no end of this key") +
                      (life.proven ? ", and the TPM signed it." : ".") + "</p>\n" + Lane(log, life).svg() +
                      "<table><tr><th>time</th><th>step</th><th>what</th><th>record</th></tr>\n";
    for (const KeyStep& s : life.steps)
        out += "<tr>" + cell(local_time(log.records[s.record].wall_ms)) + cell(s.what) + cell(s.sentence) +
               cell(std::to_string(log.records[s.record].seq)) + "</tr>\n";
    return out + "</table>\n";
}

std::string tpm_html(const AuditReport& log, const AnchorReport& report) {
    std::string out =
        "<h2>The TPM</h2>\n<table><tr><th>signed</th><th>resets</th><th>restarts</th><th>clock, ms</th>"
        "<th>record</th></tr>\n";
    for (const TpmMoment& m : report.moments)
        out += "<tr>" + cell(local_time(log.records[m.record].wall_ms)) + cell(std::to_string(m.reset_count)) +
               cell(std::to_string(m.restart_count)) + cell(std::to_string(m.clock)) +
               cell(std::to_string(log.records[m.record].seq)) + "</tr>\n";
    return out + "</table>\n";
}

}  // namespace

std::string timeline_html(const AuditTrail& trail, const AnchorReport& report, const Timeline& timeline,
                          const Findings& findings) {
    std::string out =
        "<h1>The life of keys</h1>\n<p>Dark: media keys in memory. Light: only the sealed secret. A cross: "
        "nobody can open it any more. Green: signed by the TPM.</p>\n<h2>What was checked</h2>\n<ul>\n";
    for (const Finding& f : findings.list())
        out += std::string("<li><b>") + verdict_name(f.verdict) + "</b> " + safe(f.text) + "</li>\n";
    out += "</ul>\n";
    for (const KeyLifeLine& life : timeline.lives) out += life_html(trail.log, report, life);
    if (timeline.lives.empty()) out += "<p>No call of this log had a key.</p>\n";
    return html_page("The life of keys", out + tpm_html(trail.log, report));
}

}  // namespace sealcall::cli
