#include "audit_timeline.h"

#include <iomanip>
#include <iostream>

#include "audit_commands.h"
#include "files.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

using attestation::foreign::Finding;
using attestation::foreign::Findings;
using attestation::foreign::Verdict;

constexpr size_t kBar = 60;

void follow_spans(const AuditReport& log, KeyLifeLine& life) {
    const auto time = [&](const KeyStep& s) { return log.records[s.record].wall_ms; };
    const auto turn = [&](uint64_t at, bool plain) {
        if (!life.spans.empty()) life.spans.back().to_ms = at;
        life.spans.push_back({.from_ms = at, .to_ms = at, .plain = plain});
    };
    for (const KeyStep& s : life.steps) {
        if (s.what == "created" || s.what == "unsealed") turn(time(s), true);
        if (s.what == "wiped") turn(time(s), false);
        if (s.what == "destroyed" || s.what == "unseal_refused") life.ended = true;
        if (!life.spans.empty()) life.spans.back().to_ms = std::max(life.spans.back().to_ms, time(s));
        if (s.what == "destroyed") break;
    }
}

std::string bar(const KeyLifeLine& life) {
    if (life.spans.empty()) return {};
    const uint64_t from = life.spans.front().from_ms, to = std::max(life.spans.back().to_ms, from + 1);
    std::string out(kBar, ' ');
    for (const KeySpan& s : life.spans) {
        const size_t a = (s.from_ms - from) * (kBar - 1) / (to - from), b = (s.to_ms - from) * (kBar - 1) / (to - from);
        for (size_t i = a; i <= b && i < kBar; ++i) out[i] = s.plain ? '#' : '-';
    }
    out.back() = life.ended ? 'x' : '>';
    return out;
}

void print_start(const AuditRecord& r, const AuditSigner* signer) {
    std::cout << "\n"
              << local_time(r.wall_ms) << "  " << printable(r.text("uri"), 100) << "  " << printable(r.text("tpm"), 60)
              << (signer != nullptr && signer->software_tpm ? ", a software TPM" : "") << "\n";
}

void print_tpm(const AuditReport& log, const AnchorReport& report, size_t from, size_t to) {
    for (const TpmMoment& m : report.moments) {
        if (m.record < from || m.record >= to) continue;
        std::cout << "  TPM  " << counted(m.reset_count, "reset") << ", " << counted(m.restart_count, "restart")
                  << ", clock " << m.clock << " ms  (signed in record " << log.records[m.record].seq << ")\n";
        return;
    }
}

void print_life(const AuditReport& log, const KeyLifeLine& life) {
    std::cout << "  [" << life.call.id << "] " << (life.call.peer.empty() ? "nobody" : printable(life.call.peer, 100))
              << (life.call.proven_peer ? "" : "  (its own word)") << "\n       |" << bar(life) << "|  "
              << (life.ended ? "dead" : "no end in this log") << (life.proven ? ", proven by the TPM" : "") << "\n";
    for (const KeyStep& s : life.steps)
        std::cout << "       " << local_time(log.records[s.record].wall_ms).substr(11, 8) << "  " << std::left
                  << std::setw(14) << printable(s.what, 14) << "  " << printable(s.sentence) << "\n";
}

void print_timeline(const AuditReport& log, const AnchorReport& report, const Timeline& timeline) {
    size_t next = 0;
    for (size_t i = 0; i < log.records.size(); ++i) {
        if (log.records[i].event != "started") continue;
        size_t end = i + 1;
        while (end < log.records.size() && log.records[end].event != "started") ++end;
        print_start(log.records[i], report.signer(i));
        print_tpm(log, report, i, end);
        for (; next < timeline.lives.size() && timeline.lives[next].call.start == i; ++next)
            print_life(log, timeline.lives[next]);
    }
    std::cout << "\n# media keys in memory   - only the sealed secret   x nobody can open it any more\n";
    if (timeline.calls_without_key != 0) std::cout << counted(timeline.calls_without_key, "call") << " had no key.\n";
}

nlohmann::json timeline_json(const AuditReport& log, const AnchorReport& report, const Timeline& timeline) {
    auto out = nlohmann::json::array();
    for (const KeyLifeLine& life : timeline.lives) {
        auto steps = nlohmann::json::array();
        for (const KeyStep& s : life.steps) {
            const AuditRecord& r = log.records[s.record];
            nlohmann::json step = {{"seq", r.seq}, {"wall_ms", r.wall_ms}, {"what", s.what}, {"text", s.sentence}};
            for (const char* n : {"slot", "counter", "reset_count", "restart_count", "lease_until_ms", "tpm_rc"})
                if (r.fields.contains(n)) step[n] = r.number(n);
            steps.push_back(std::move(step));
        }
        const AuditSigner* signer = report.signer(life.call.start);
        out.push_back({{"call", life.call.id},
                       {"peer", life.call.peer},
                       {"peer_proven", life.call.proven_peer},
                       {"ended", life.ended},
                       {"proven", life.proven},
                       {"software_tpm", signer != nullptr && signer->software_tpm},
                       {"steps", steps}});
    }
    return out;
}

nlohmann::json moments_json(const AuditReport& log, const AnchorReport& report) {
    auto out = nlohmann::json::array();
    for (const TpmMoment& m : report.moments)
        out.push_back({{"seq", log.records[m.record].seq},
                       {"wall_ms", log.records[m.record].wall_ms},
                       {"clock", m.clock},
                       {"reset_count", m.reset_count},
                       {"restart_count", m.restart_count}});
    return out;
}

}  // namespace

Timeline make_timeline(const AuditReport& log) {
    Timeline out;
    for (CallStory& call : call_stories(log)) {
        KeyLifeLine life{.call = {}, .steps = key_steps(log, call), .spans = {}};
        if (life.steps.empty()) {
            ++out.calls_without_key;
            continue;
        }
        life.call = std::move(call);
        follow_spans(log, life);
        const auto has = [&](const char* what) {
            return std::ranges::any_of(life.steps, [&](const KeyStep& s) { return s.what == what; });
        };
        life.proven = has("proven") && has("end_proven");
        out.lives.push_back(std::move(life));
    }
    return out;
}

int run_audit_timeline(const Context& context) {
    const AuditOptions& o = context.options.audit;
    const AuditTrail trail = trail_of(context);
    const EvidenceTrust trust(o.trust);
    Findings findings;
    const AnchorReport report = check_anchors(
        trail, {.roots = trust.ground().anchors, .references = trust.bundle(), .witnesses = {}, .live = std::nullopt},
        findings);
    const Timeline timeline = make_timeline(trail.log);
    // Nobody to believe is no fault here; what does not follow is.
    const bool holds =
        std::ranges::none_of(findings.list(), [](const Finding& f) { return f.verdict == Verdict::failed; });
    if (!o.html.empty()) write_file(o.html, timeline_html(trail, report, timeline, findings), 0600);
    if (context.json()) {
        print_json({{"ok", holds},
                    {"keys", timeline_json(trail.log, report, timeline)},
                    {"tpm", moments_json(trail.log, report)},
                    {"calls_without_key", timeline.calls_without_key}});
    } else {
        if (o.html.empty()) print_timeline(trail.log, report, timeline);
        for (const Finding& f : findings.list())
            if (f.verdict == Verdict::failed || f.name == "software_tpm")
                std::cout << "! " << printable(f.text) << "\n";
        if (!o.html.empty()) std::cout << "The page is in " << printable(o.html, 200) << ".\n";
    }
    return holds ? exit_status::kOk : exit_status::kDoesNotHold;
}

}  // namespace sealcall::cli
