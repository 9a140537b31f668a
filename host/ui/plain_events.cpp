#include "host/ui/plain_events.h"

#include "host/ui/names.h"
#include "host/ui/pin_entry.h"
#include "host/ui/words.h"

namespace sealcall::ui {
namespace {

std::string call_prefix(CallId id) { return "call " + std::to_string(id.value) + ": "; }

std::string spaced(std::string_view name) {
    std::string s(name);
    for (char& c : s)
        if (c == '_') c = ' ';
    return s;
}

std::string end_words(ipc::EndReason reason, std::string_view detail, const Look& look) {
    std::string out(sentence_of(reason));
    if (!next_step_of(reason).empty()) out.append(" ").append(next_step_of(reason));
    if (!detail.empty()) out.append(" (").append(printable(detail, look.charset)).append(")");
    return out;
}

}  // namespace

std::string plain_event(const ipc::CallCard& m, const Look& look) {
    const Call c{.id = m.call, .direction = m.direction, .has_card = true, .card = m};
    std::string out = call_prefix(m.call) + name_of(m.direction) + " ";
    out.append(short_name(c, look));
    if (c.name_proven()) {
        out.append(" <" + printable(m.peer_uri.view(), look.charset) + "> verified by ");
        out.append(printable(m.vouched_by.view(), look.charset));
    }
    if (m.answered_by_other) out.append(", not whom you dialled");
    out.append("  ").append(plain_text(level_mark(m.theirs.level, m.theirs.lab, look)));
    if (!m.result_by.empty())
        out.append("  vouched for by the verifier of " + printable(m.result_by.view(), look.charset));
    if (!m.label.empty()) out.append("  \"" + printable(m.label.view(), look.charset) + "\"");
    out.append("  policy: ").append(name_of(m.decision.action)).append(". ").append(rule_sentence(m.decision, look));
    for (rats::Reason r : m.theirs.reasons)
        if (weight_of(r) != Weight::affirming) out.append("  ").append(sentence_of(r));
    return out;
}

std::string plain_event(const ipc::CallPhase& m, const Look&) {
    return call_prefix(m.call) + "step " + spaced(name_of(m.phase));
}

std::string plain_event(const ipc::CallStateChanged& m, const Look& look) {
    std::string out = call_prefix(m.call) + name_of(m.state);
    if (m.state == ipc::CallState::ended) return out + ". " + end_words(m.reason, m.detail.view(), look);
    if (m.held_there) out.append(", held by the other side");
    if (!m.microphone) out.append(", microphone off");
    return out;
}

std::string plain_event(const ipc::KeyLife& m, const Look&) {
    return call_prefix(m.call) + "secret " + spaced(name_of(m.event)) + ", context " + std::to_string(m.context) +
           ", slot " + std::to_string(m.slot) + ", counter " + std::to_string(m.counter);
}

std::string plain_event(const ipc::MediaStats& m, const Look&) {
    return call_prefix(m.call) + "sent " + std::to_string(m.sent) + ", received " + std::to_string(m.received) +
           ", lost " + std::to_string(m.lost) + ", rejected " + std::to_string(m.rejected) + ", longest gap " +
           std::to_string(m.longest_gap_ms) + " ms";
}

std::string recheck_sentence(const ipc::Rechecked& m, std::string_view who, const Look& look) {
    using ipc::RecheckOutcome;
    const std::string now = plain_text(level_mark(m.after, false, look));
    const std::string both = now + ", was " + plain_text(level_mark(m.before, false, look)) + ".";
    std::string out(who);
    switch (m.outcome) {
        case RecheckOutcome::as_before:
            out.append(" was checked again: ").append(now).append(".");
            break;
        case RecheckOutcome::worse:
            out.append(" was checked again and has proven less: ").append(both);
            break;
        case RecheckOutcome::overdue:
            out.append(" has not been checked again: it does not answer.");
            break;
        case RecheckOutcome::unanswered:
            out.append(" does not prove its state any more: ").append(both);
            break;
        case RecheckOutcome::seen_worse:
            out.append(" now sees less of this computer: ").append(both);
            break;
        case RecheckOutcome::own_changed:
            out =
                "This computer has changed during the call, and the other phone will notice. Hang up, and use another "
                "device until your administrator has looked at this one.";
            break;
        case RecheckOutcome::own_failed:
            out =
                "This computer's security chip gives no proof any more, so the other phone shows it as not checked "
                "again. Run sealcall doctor; a restart often helps.";
            break;
    }
    switch (m.done) {
        case ipc::OnFall::nothing:
            break;
        case ipc::OnFall::muted:
            out.append(" The microphone is off by policy: m switches it on again if the policy lets you, h hangs up.");
            break;
        case ipc::OnFall::held:
            out.append(" The call is on hold by policy: o resumes it if the policy lets you, h hangs up.");
            break;
        case ipc::OnFall::ended:
            out.append(" The policy ends the call.");
            break;
    }
    return out;
}

std::string plain_event(const ipc::Rechecked& m, const Look& look) {
    return call_prefix(m.call) + recheck_sentence(m, "the other phone", look);
}

std::string plain_event(const ipc::Notice& m, const Look& look) {
    const std::string text = printable(m.text.view(), look.charset);
    return text.empty() ? "notice: " + spaced(name_of(m.kind)) : text;
}

std::string plain_event(const ipc::EnclaveStatus& m, const Look& look) {
    std::string out = printable(m.own_uri.view(), look.charset);
    out.append(m.enrolled ? "  verified by " + printable(m.vouched_by.view(), look.charset) : "  not enrolled");
    out.append(m.tpm_ready ? "  TPM ready" : "  TPM not ready");
    if (m.software_tpm) out.append(" (a software TPM)");
    if (m.locked) out.append("  locked");
    return out;
}

std::string plain_event(const ipc::HostState& m, const Look& look) {
    std::string out = "network: ";
    out.append(m.registration == ipc::Registration::none ? "direct calls" : name_of(m.registration));
    if (!m.listening.empty()) out.append(", listening on " + printable(m.listening.view(), look.charset));
    if (!m.error.empty()) out.append(". " + printable(m.error.view(), look.charset));
    return out;
}

std::string plain_event(const ipc::LockState& m, const Look&) { return m.locked ? "locked: the PIN is needed" : ""; }

std::string plain_event(const ipc::AskConsent& m, const Look& look) {
    return m.wanted ? consent_sentence(m, look) : std::string();
}

std::string plain_event(const ipc::PinReply& m, const Look&) { return pin_sentence(m); }

std::string plain_dial(const ipc::DialReply& m, std::string_view uri, const Look& look) {
    if (m.call.value == 0) return "not dialled: " + end_words(m.reason, "", look);
    return call_prefix(m.call) + "dialling " + printable(uri, look.charset);
}

}  // namespace sealcall::ui
