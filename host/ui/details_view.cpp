// The pages for those who want to know more, and the line about the phone itself (views.h).
#include <cstdio>

#include "host/ui/names.h"
#include "host/ui/views.h"
#include "host/ui/words.h"

namespace sealcall::ui {
namespace {

std::string spaced(std::string_view name) {
    std::string s(name);
    for (char& c : s)
        if (c == '_') c = ' ';
    return s;
}

void add_all_reasons(Lines& out, const Call& c, const Look& look) {
    if (c.card.theirs.reasons.empty()) out.push_back({{"     nothing was said about it", Style::quiet}});
    for (rats::Reason r : c.card.theirs.reasons) {
        const Weight w = weight_of(r);
        const bool unicode = look.charset == Charset::unicode;
        const char* sign = w == Weight::affirming ? (unicode ? "\u2713" : "+")
                           : w == Weight::missing ? (unicode ? "\u25CB" : "?")
                           : w == Weight::wrong   ? (unicode ? "\u2717" : "X")
                                                  : "!";
        const Style style = w == Weight::wrong ? Style::red : w == Weight::missing ? Style::grey : Style::plain;
        add_wrapped(out, {{std::string("   ") + sign + " ", style}}, sentence_of(r), 5, style, look);
        if (!next_step_of(r).empty()) add_wrapped(out, {{"     "}}, next_step_of(r), 5, Style::plain, look);
        out.push_back({{std::string("     ") + name_of(r), Style::quiet}});
    }
    if (c.card.theirs.software_tpm) out.push_back({{"   ! a software TPM"}});
    if (c.card.theirs.lab) out.push_back({{"   ! vouched for by a laboratory root (LAB), not by a manufacturer"}});
}

Line their_view(const Call& c, const Look& look) {
    Line line{{" What they see of you   ", Style::strong}};
    if (!c.card.ours_known) {
        line.push_back(
            {c.card.ordinary ? "nothing: an ordinary phone checks nothing" : "they have not said", Style::grey});
    } else {
        for (Span& s : level_mark(c.card.ours, c.card.ours_lab, look)) line.push_back(std::move(s));
        line.push_back({"  (as their phone says)", Style::quiet});
    }
    return line;
}

void add_keys(Lines& out, const Call& c) {
    if (c.keys.empty()) return;
    out.push_back({});
    out.push_back({{" Life of the call's secret", Style::strong}});
    for (const ipc::KeyLife& k : c.keys) {
        char b[96];
        std::snprintf(b, sizeof b, "  %-14s context %u  slot %u  counter %llu", spaced(name_of(k.event)).c_str(),
                      k.context, static_cast<unsigned>(k.slot), static_cast<unsigned long long>(k.counter));
        std::string s = "   " + local_time(k.wall_ms) + b;
        if (k.event == ipc::KeyEvent::unseal_refused) {
            std::snprintf(b, sizeof b, "  TPM 0x%x", k.tpm_rc);
            s.append(b);
        }
        out.push_back({{s}});
    }
}

void add_media(Lines& out, const Call& c, const Look& look) {
    if (!c.has_media) return;
    const ipc::MediaStats& m = c.media;
    out.push_back({});
    out.push_back({{" Sound  ", Style::strong}, {printable(m.srtp_profile.view(), look.charset)}});
    char b[200];
    std::snprintf(b, sizeof b, "   sent %u  received %u  lost %u  late %u  rejected %u  lost there %u", m.sent,
                  m.received, m.lost, m.late, m.rejected, m.peer_reported_lost);
    out.push_back({{b}});
    std::snprintf(b, sizeof b, "   longest gap %u ms  jitter %.1f ms", m.longest_gap_ms, m.jitter_us / 1000.0);
    out.push_back({{b}});
}

void add_phases(Lines& out, const Call& c) {
    const uint64_t start = c.phases[static_cast<size_t>(ipc::Phase::dialled)];
    if (start == 0) return;
    out.push_back({});
    out.push_back({{" Steps since the call began", Style::strong}});
    for (size_t i = 1; i < kPhases; ++i) {
        if (c.phases[i] < start) continue;
        char b[80];
        std::snprintf(b, sizeof b, "   %-18s %10.1f ms", spaced(name_of(static_cast<ipc::Phase>(i))).c_str(),
                      static_cast<double>(c.phases[i] - start) / 1000.0);
        out.push_back({{b}});
    }
}

/// "registered", "calls directly, listens on ...", or what is wrong.
Span network_words(const Phone& p, const Look& look) {
    if (p.host_lost()) return {"no network: its process has ended", Style::red};
    if (!p.host()) return {"starting", Style::quiet};
    const ipc::HostState& h = *p.host();
    const std::string error = h.error.empty() ? "" : ": " + printable(h.error.view(), look.charset);
    switch (h.registration) {
        case ipc::Registration::registered:
            return {"registered", Style::green};
        case ipc::Registration::trying:
            return {"registering", Style::plain};
        case ipc::Registration::failed:
            return {"not registered" + error, Style::red};
        case ipc::Registration::none:
            break;
    }
    return error.empty() ? Span{"listening"} : Span{"not listening" + error, Style::red};
}

/// What others last said they see of this phone.
const Call* last_seen_by_others(const Phone& p) {
    for (auto at = p.calls().rbegin(); at != p.calls().rend(); ++at)
        if (at->has_card && at->card.ours_known) return &*at;
    return nullptr;
}

}  // namespace

Lines details_page(const Call& c, const Look& look) {
    Lines out;
    out.push_back(spread({{" Details", Style::strong}}, {{"call " + std::to_string(c.id.value)}}, look));
    out.push_back(who(c, look));
    Line level{{" What you see of them   ", Style::strong}};
    for (Span& s : level_mark(c.card.theirs.level, c.card.theirs.lab, look)) level.push_back(std::move(s));
    if (c.card.theirs_at_ms != 0) level.push_back({"  checked " + local_time(c.card.theirs_at_ms), Style::quiet});
    out.push_back(std::move(level));
    out.push_back(their_view(c, look));
    out.push_back({});
    out.push_back({{" Why", Style::strong}});
    add_all_reasons(out, c, look);
    if (!c.card.hearsay_name.empty())
        out.push_back({{" The network "}, {says(c.card.hearsay_name.view(), look.columns / 2, look.charset)}});
    add_keys(out, c);
    add_media(out, c, look);
    add_phases(out, c);
    return out;
}

Line state_line(const Phone& p, std::string_view profile, const Look& look) {
    Line left{{" " + printable(profile, look.charset), Style::strong}};
    Line right;
    if (p.locked()) left.push_back({"  locked", Style::amber});
    if (p.enclave()) {
        const ipc::EnclaveStatus& e = *p.enclave();
        left.push_back({"  " + printable(e.own_uri.view(), look.charset)});
        if (!e.tpm_ready)
            right.push_back({"TPM not ready  ", Style::red});
        else if (e.software_tpm)
            right.push_back({"software TPM  ", Style::quiet});
        if (!e.enrolled) right.push_back({"not enrolled", Style::amber});
    }
    left.push_back({"  "});
    left.push_back(network_words(p, look));
    if (const Call* c = last_seen_by_others(p)) {
        right.push_back({"you: "});
        for (Span& s : level_mark(c->card.ours, c->card.ours_lab, look)) right.push_back(std::move(s));
    }
    return spread(std::move(left), std::move(right), look);
}

}  // namespace sealcall::ui
