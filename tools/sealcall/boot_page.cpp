// The page of `evidence show --html`: one file, no script, no link, nothing loaded. Every text goes through
// html_escaped; the policy in its head makes a browser refuse whatever would slip through all the same.
#include "boot_report.h"
#include "files.h"

namespace sealcall::cli {

using namespace sealcall::logs;

namespace {

constexpr const char* kHead = R"(<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body{font:15px/1.5 sans-serif;max-width:70em;margin:2em auto;padding:0 1em;color:#222;background:#fff}
table{border-collapse:collapse;margin:1em 0}
td,th{border-bottom:1px solid #ccc;padding:.2em .7em;text-align:left;vertical-align:top}
.hex{font-family:monospace;word-break:break-all}
svg text{font:13px sans-serif}
</style>
)";

std::string cell(const std::string& text) { return "<td>" + html_escaped(text) + "</td>"; }

std::string shortened(const std::string& text, size_t most) {
    return text.size() <= most ? text : text.substr(0, most - 3) + "...";
}

/// The chain as boxes from top to bottom; a dashed border is a claim.
std::string picture(const BootReport& report) {
    constexpr size_t kStep = 70, kBox = 50, kWide = 760;
    const auto chain = boot_chain(report);
    if (chain.empty()) return "<p>No step of a boot stands in this log.</p>\n";
    std::string out = "<svg role=\"img\" aria-label=\"The boot, from the firmware to the system\" width=\"" +
                      std::to_string(kWide + 20) + "\" height=\"" + std::to_string(chain.size() * kStep) + "\">\n";
    for (size_t i = 0; i < chain.size(); ++i) {
        const std::string y = std::to_string(i * kStep + 1);
        out += "<rect x=\"1\" y=\"" + y + "\" width=\"" + std::to_string(kWide) + "\" height=\"" +
               std::to_string(kBox) + "\" rx=\"8\" fill=\"" + (chain[i].proven ? "#e8f1fb" : "#f7f7f7") +
               "\" stroke=\"#456\"" + (chain[i].proven ? "" : " stroke-dasharray=\"5 4\"") + "/>\n";
        out += "<text x=\"14\" y=\"" + std::to_string(i * kStep + 20) + "\" font-weight=\"bold\">" +
               html_escaped(chain[i].title) + " (PCR " + std::to_string(chain[i].pcr) + ", " +
               (chain[i].proven ? "proven by its digest" : "claimed") + ")</text>\n";
        out += "<text x=\"14\" y=\"" + std::to_string(i * kStep + 40) + "\">" +
               html_escaped(shortened(chain[i].text, 100)) + "</text>\n";
        if (i + 1 < chain.size())
            out += "<path d=\"M40 " + std::to_string(i * kStep + kBox + 1) +
                   "v18m-5 -6l5 6l5 -6\" stroke=\"#456\" "
                   "fill=\"none\"/>\n";
    }
    return out + "</svg>\n";
}

std::string pcr_table(const BootReport& report) {
    if (report.bank == 0) return "";
    std::string out = "<h2>PCR values that follow (" + html_escaped(algorithm_name(report.bank)) +
                      ")</h2>\n<table><tr><th>PCR</th><th>what</th><th>events</th><th>value</th></tr>\n";
    for (uint32_t pcr = 0; pcr < kPcrCount; ++pcr) {
        const PcrValue& v = report.replay.pcrs[pcr];
        if (v.events == 0 && v.complete) continue;
        out += "<tr>" + cell(std::to_string(pcr)) + cell(purpose_of(pcr)) + cell(std::to_string(v.events)) +
               "<td class=\"hex\">" + (v.complete ? to_hex(v.value.view()) : "not known") + "</td></tr>\n";
    }
    return out + "</table>\n";
}

std::string event_table(const BootReport& report) {
    std::string out = "<h2>Events</h2>\n<table><tr><th>no.</th><th>PCR</th><th>type</th><th>what</th></tr>\n";
    for (const BootFact& f : report.facts.facts) {
        const LogEvent& e = report.log.events[f.event];
        out += "<tr>" + cell(std::to_string(f.event)) + cell(e.extends() ? std::to_string(f.pcr) : "") +
               cell(event_type_name(e.type)) + cell(sentence_of(f)) + "</tr>\n";
    }
    return out + "</table>\n";
}

}  // namespace

std::string html_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else if (c == '\'')
            out += "&#39;";
        else
            out += static_cast<unsigned char>(c) < ' ' || c == 127 ? '?' : c;
    }
    return out;
}

std::string html_page(const std::string& title, const std::string& body) {
    return kHead + ("<title>" + html_escaped(title)) + "</title></head><body>\n" + body + "</body></html>\n";
}

std::string boot_html_tables(const BootReport& report) {
    std::string out =
        std::string("<h2>The boot</h2>\n<p>Secure Boot: ") + secure_boot_word(report) +
        "</p>\n<p>Words behind \"The log says\" and dashed boxes are claims that no digest proves.</p>\n" +
        picture(report) + pcr_table(report) + event_table(report) + "<h2>Warnings</h2>\n<ul>\n";
    for (const LogWarning& w : report.warnings.list)
        out += "<li>" + (w.event == LogWarning::kWholeLog ? "" : "event " + std::to_string(w.event) + ": ") +
               html_escaped(w.text) + "</li>\n";
    return out + "</ul>\n<p>" + std::to_string(report.warnings.count) + " warnings</p>\n";
}

std::string boot_html(const BootReport& report) {
    std::string out = "<h1>" + html_escaped(report.file) +
                      "</h1>\n<p>What a log says, not what is true: only quoted PCR values " +
                      "bind it to a machine.</p>\n<h2>What is missing for a level</h2>\n" +
                      "<table><tr><th>level</th><th>what</th><th>next</th></tr>\n";
    for (const MissingForLevel& m : missing_for_levels(report))
        out += "<tr>" + cell(std::to_string(m.level)) + cell(m.text) + cell(m.next) + "</tr>\n";
    return html_page("Boot log", out + "</table>\n" + boot_html_tables(report));
}

}  // namespace sealcall::cli
