#include "host/ui/views.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "host/ui/words.h"

namespace sealcall::ui {

using ipc::CallState;
using ipc::Protection;
using policy::Direction;
using rats::Level;

namespace {

Style style_of(Level level) {
    switch (level) {
        case Level::failed:
            return Style::red;
        case Level::unverified:
            return Style::grey;
        case Level::known_device:
            return Style::blue;
        case Level::measured:
            return Style::amber;
        case Level::trusted_boot:
        case Level::trusted_runtime:
            return Style::green;
    }
    return Style::red;
}

/// `[2]`, or the shape with the digit beside it.
std::string sign_of(Level level, const Look& look) {
    const policy::LevelText& t = policy::text(level);
    if (look.charset == Charset::ascii) return std::string(t.ascii);
    return std::string(t.shape).append(" ").append(1, t.digit);
}

std::string shown(std::string_view s, const Look& look) { return printable(s, look.charset); }

/// "alice" of "sip:alice@example.com"; the whole when it has no user part.
constexpr size_t kContactColumns = 24;

std::string user_part(std::string_view uri) {
    const size_t colon = uri.find(':');
    if (colon != std::string_view::npos) uri.remove_prefix(colon + 1);
    const size_t at = uri.find('@');
    return std::string(at == std::string_view::npos || at == 0 ? uri : uri.substr(0, at));
}

/// Level, word, and when this phone checked.
Line checked_line(const Call& c, const Look& look) {
    Line line{{" "}};
    for (Span& s : level_mark(c.card.theirs.level, c.card.theirs.lab, look)) line.push_back(std::move(s));
    if (c.card.ordinary) {
        line.push_back({"  an ordinary phone: nothing is known about it", Style::plain});
    } else if (c.card.theirs_at_ms != 0) {
        const uint64_t at = c.card.theirs_at_ms;
        const uint64_t old = look.now_wall_ms > at ? look.now_wall_ms - at : 0;
        line.push_back({"  checked " + age(old) + " ago by this phone", Style::quiet});
    }
    return line;
}

std::string_view protection_sentence(const Call& c) {
    switch (c.card.protection) {
        case Protection::end_to_end:
            return "Encrypted from phone to phone";
        case Protection::hop:
            return "Encrypted, but not proven end to end: servers on the way could listen";
        case Protection::none:
            break;
    }
    return c.card.ordinary ? "Will be encrypted, but not proven end to end: servers on the way could listen"
                           : "Will be encrypted from phone to phone";
}

void add_not_fine(Lines& out, const Call& c, Weight weight, const Look& look) {
    for (rats::Reason r : c.card.theirs.reasons) {
        if (r == rats::Reason::none || weight_of(r) != weight) continue;
        std::string sentence(weight == Weight::missing ? "Not known: " : "");
        sentence.append(sentence_of(r));
        if (weight != Weight::missing && !next_step_of(r).empty()) sentence.append(" ").append(next_step_of(r));
        add_wrapped(out, {{"     "}}, sentence, 5, weight == Weight::wrong ? Style::red : Style::plain, look);
    }
}

/// What is wrong, then what speaks for the peer (one quiet run of text), then what is not known.
void add_reasons(Lines& out, const Call& c, const Look& look) {
    add_not_fine(out, c, Weight::wrong, look);
    add_not_fine(out, c, Weight::notice, look);
    if (!c.card.result_by.empty())
        add_wrapped(out, {{"     "}}, "Vouched for by the verifier of " + shown(c.card.result_by.view(), look) + ".", 5,
                    Style::plain, look);
    std::string fine;
    for (rats::Reason r : c.card.theirs.reasons) {
        if (r == rats::Reason::none || weight_of(r) != Weight::affirming) continue;
        if (r == rats::Reason::identity_key_in_tpm && c.card.theirs.software_tpm)
            continue;  // the sentence below is true
        if (!fine.empty()) fine.append(" ");
        fine.append(sentence_of(r));
    }
    if (!fine.empty()) add_wrapped(out, {{"     "}}, fine, 5, Style::quiet, look);
    add_not_fine(out, c, Weight::missing, look);
    if (c.card.theirs.software_tpm) {
        add_wrapped(out, {{"     "}}, "Its TPM is a software TPM: whoever controls that computer could copy its keys.",
                    5, Style::plain, look);
    }
}

void add_policy(Lines& out, const Call& c, const Look& look) {
    const auto action = c.card.decision.action;
    const Style style = action == policy::Action::refuse  ? Style::red
                        : action == policy::Action::allow ? Style::plain
                                                          : Style::amber;
    std::string text;
    if (!c.card.label.empty()) text.append("\"" + shown(c.card.label.view(), look) + "\": ");
    text.append(policy::consequence(action)).append(". ").append(rule_sentence(c.card.decision, look));
    if (c.card.decision.silent) text.append(" An unknown caller: you are not disturbed.");
    add_wrapped(out, {{" Policy  "}}, text, 9, style, look);
    if (c.card.peer_answer == policy::Action::allow) return;
    const char* theirs = c.card.peer_answer == policy::Action::warn           ? "The other side is warned of this call."
                         : c.card.peer_answer == policy::Action::receive_only ? "The other side may listen, not speak."
                         : c.card.peer_answer == policy::Action::pin          ? "The other side needed its PIN."
                                                                     : "The other side's policy refuses this now.";
    add_wrapped(out, {{"         "}}, theirs, 9, Style::amber, look);
}

void add_other_end(Lines& out, const Call& c, const Look& look) {
    if (!c.card.answered_by_other) return;
    const std::string text = "answered by " + user_part(shown(c.card.peer_uri.view(), look)) + ", not by " +
                             user_part(shown(c.card.dialled_uri.view(), look));
    add_wrapped(out, {{" "}}, text, 1, Style::strong, look);
}

}  // namespace

std::string rule_sentence(const policy::Decision& d, const Look& look) {
    std::string text(sentence_of(d.rule));
    if (d.number != 0) text.append(" Rule " + std::to_string(d.number) + ": " + shown(d.name.view(), look) + ".");
    return text;
}

Line level_mark(Level level, bool lab, const Look& look) {
    std::string text = sign_of(level, look).append(" ").append(word_of(level));
    if (lab) text.append(" LAB");
    return {{text, style_of(level)}};
}

std::string short_name(const Call& c, const Look& look) {
    if (!c.contact.empty()) return cut(shown(c.contact, look), kContactColumns, look.charset);
    if (c.has_card && !c.card.peer_uri.empty() && c.name_proven())
        return user_part(shown(c.card.peer_uri.view(), look));
    if (c.direction == Direction::outgoing) return user_part(shown(c.card.dialled_uri.view(), look));
    if (!c.card.peer_uri.empty()) return says(user_part(c.card.peer_uri.view()), 30, look.charset);
    return "somebody";
}

Line who(const Call& c, const Look& look) {
    Line left, right;
    if (c.name_proven()) {
        const std::string uri = shown(c.card.peer_uri.view(), look);
        left = {{" " + pad(short_name(c, look), 9) + " ", Style::strong}, {"<" + uri + ">"}};
        right = {{"verified by " + shown(c.card.vouched_by.view(), look)}};
    } else if (c.direction == Direction::outgoing) {
        const std::string uri = shown(c.card.dialled_uri.view(), look);
        left = {{" " + pad(short_name(c, look), 9) + " ", Style::strong}, {"<" + uri + ">  as you dialled it"}};
    } else {
        left = {{" Somebody  ", Style::strong}, {says(c.card.peer_uri.view(), look.columns / 2, look.charset)}};
    }
    if (!c.card.hearsay_name.empty() && !c.name_proven() && c.direction == Direction::incoming)
        left.push_back({"  " + says(c.card.hearsay_name.view(), look.columns / 3, look.charset), Style::quiet});
    return spread(std::move(left), std::move(right), look);
}

Lines incoming_card(const Call& c, const Look& look) {
    Lines out;
    Line label;
    if (!c.card.label.empty()) label = {{cut(shown(c.card.label.view(), look), 24, look.charset), Style::strong}};
    out.push_back(spread({{" Incoming call", Style::strong}}, std::move(label), look));
    out.push_back(who(c, look));
    out.push_back(checked_line(c, look));
    add_reasons(out, c, look);
    add_policy(out, c, look);
    add_wrapped(out, {{" "}}, protection_sentence(c), 1, c.card.ordinary ? Style::amber : Style::plain, look);
    const Allowed can = allowed(c);
    std::string keys;
    if (can.answer) keys.append("a answer   ");
    if (can.refuse) keys.append("r refuse   ");
    keys.append("i details");
    if (can.answer) keys.append("   l answer without microphone");
    add_wrapped(out, {{" "}}, keys, 1, Style::strong, look);
    return out;
}

Lines outgoing_card(const Call& c, const Look& look) {
    Lines out;
    const char* doing = c.state == CallState::ringing     ? " It rings there"
                        : c.state == CallState::answered  ? " Answered, connecting"
                        : c.state == CallState::attesting ? " Checking each other's phones"
                                                          : " Calling";
    Line label;
    if (!c.card.label.empty()) label = {{cut(shown(c.card.label.view(), look), 24, look.charset), Style::strong}};
    out.push_back(spread({{doing, Style::strong}}, std::move(label), look));
    out.push_back(who(c, look));
    if (c.has_card) {
        add_other_end(out, c, look);
        out.push_back(checked_line(c, look));
        add_reasons(out, c, look);
        add_policy(out, c, look);
        add_wrapped(out, {{" "}}, protection_sentence(c), 1, c.card.ordinary ? Style::amber : Style::plain, look);
    }
    add_wrapped(out, {{" "}}, "h hang up   i details", 1, Style::strong, look);
    return out;
}

Lines call_lines(const Call& c, const Look& look) {
    Lines out;
    Line line;
    const Level level = c.card.theirs.level;
    line.push_back({" " + sign_of(level, look) + (c.card.theirs.lab ? " LAB" : ""), style_of(level)});
    line.push_back({" " + short_name(c, look) + "  ", Style::strong});
    line.push_back({clock_of(c.talk_seconds(look.now_us))});
    line.push_back({c.card.protection == Protection::end_to_end ? "  end to end"
                    : c.card.protection == Protection::hop      ? "  not proven end to end"
                                                                : "  not yet protected",
                    c.card.protection == Protection::hop ? Style::amber : Style::plain});
    if (!c.card.label.empty()) line.push_back({"  " + shown(c.card.label.view(), look)});
    if (c.held_here) line.push_back({"  on hold", Style::strong});
    if (c.held_there) line.push_back({"  held by the other side", Style::strong});
    if (!c.microphone) line.push_back({"  microphone off", Style::strong});
    if (!c.card.ordinary && c.card.theirs_at_ms != 0 && look.now_wall_ms > c.card.theirs_at_ms) {
        const std::string since = age(look.now_wall_ms - c.card.theirs_at_ms);
        if (std::ranges::count(c.card.theirs.reasons.items(), rats::Reason::not_rechecked) != 0)
            line.push_back({"  not rechecked for " + since, Style::amber});
        else
            line.push_back({"  rechecked " + since + " ago", Style::quiet});
    }
    out.push_back(std::move(line));
    add_other_end(out, c, look);
    if (c.card.ordinary)
        add_wrapped(out, {{"     "}}, "An ordinary phone: nothing is known about it.", 5, Style::plain, look);
    if (c.fell_from) {
        Line fell{{" "}};
        for (Span& s : level_mark(c.card.theirs.level, c.card.theirs.lab, look)) fell.push_back(std::move(s));
        const Line before = level_mark(c.fell_from->level, c.fell_from->lab, look);
        fell.push_back({"  was " + plain_text(before) + " before", Style::strong});
        out.push_back(std::move(fell));
        add_reasons(out, c, look);
    } else if (c.card.theirs.level == Level::failed) {
        add_reasons(out, c, look);
    }
    return out;
}

Lines ended_summary(const Call& c, const Look& look) {
    Lines out;
    std::string head = " Call with " + short_name(c, look) + " ended";
    if (c.reached_media) head.append(" after ").append(clock_of(c.talk_seconds(look.now_us)));
    out.push_back({{head, Style::strong}});
    add_other_end(out, c, look);
    add_wrapped(out, {{" "}}, sentence_of(c.reason), 1, Style::plain, look);
    if (c.has_card && c.card.theirs.level == Level::failed) add_reasons(out, c, look);
    if (!next_step_of(c.reason).empty()) add_wrapped(out, {{" "}}, next_step_of(c.reason), 1, Style::plain, look);
    if (!c.detail.empty()) out.push_back({{" (" + shown(c.detail, look) + ")", Style::quiet}});
    return out;
}

std::string age(uint64_t ms) {
    const uint64_t s = ms / 1000;
    if (s < 60) return std::to_string(s) + " s";
    if (s < 3600) return std::to_string(s / 60) + " min";
    if (s < 48 * 3600) return std::to_string(s / 3600) + " h";
    return std::to_string(s / 86400) + " days";
}

std::string clock_of(uint64_t s) {
    char b[40];
    if (s >= 3600)
        std::snprintf(b, sizeof b, "%llu:%02u:%02u", static_cast<unsigned long long>(s / 3600),
                      static_cast<unsigned>(s / 60 % 60), static_cast<unsigned>(s % 60));
    else
        std::snprintf(b, sizeof b, "%02u:%02u", static_cast<unsigned>(s / 60), static_cast<unsigned>(s % 60));
    return b;
}

std::string local_time(uint64_t wall_ms) {
    const auto t = static_cast<time_t>(wall_ms / 1000);
    tm parts{};
    if (localtime_r(&t, &parts) == nullptr) return "unknown time";
    char b[64];
    const size_t n = std::strftime(b, sizeof b, "%Y-%m-%d %H:%M:%S %z", &parts);
    return {b, n};
}

std::string consent_sentence(const ipc::AskConsent& q, const Look& look) {
    const policy::LevelText& level = policy::text(q.level);
    std::string out =
        printable(q.peer.view(), look.charset) + " " + std::string(level.ascii) + (q.lab ? " LAB: " : ": ");
    if (q.why != rats::Reason::none) out.append(sentence_of(q.why)).append(" ");
    out += rule_sentence(q.decision, look);
    return out + (q.decision.listen_only
                      ? " With your PIN you can listen, and that is recorded; the policy lets you say nothing."
                      : " With your PIN the call goes on, and that is recorded.");
}

}  // namespace sealcall::ui
