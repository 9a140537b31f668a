#include "host/ui/screen.h"

#include <algorithm>
#include <utility>

namespace sealcall::ui {
namespace {

constexpr char kInterrupt = 0x03, kEndOfFile = 0x04, kBackspace = 0x08, kDelete = 0x7f, kClearLine = 0x15;

/// Which call `i` unfolds.
const Call* subject(const Phone& phone) {
    if (const Call* c = phone.ringing()) return c;
    if (const Call* c = phone.current()) return c;
    return phone.last_ended();
}

bool shows_as_line(const Call& c) { return c.state == ipc::CallState::media || c.state == ipc::CallState::held; }

void append(Lines& to, Lines from) {
    for (Line& l : from) to.push_back(std::move(l));
}

}  // namespace

std::vector<Want> Screen::keys(std::string_view bytes, const Phone& phone, uint64_t now_us) {
    std::vector<Want> out;
    now_us_ = now_us;
    for (char c : bytes) {
        const EscapeFilter::Byte what = escapes_.take(c);
        const bool types = mode_ == Mode::typing || pin_.active();
        if (what == EscapeFilter::Byte::key || (what == EscapeFilter::Byte::with_alt && !types)) key(c, phone, out);
    }
    // A lone Escape key comes without anything behind it.
    if (escapes_.lone()) escape();
    return out;
}

void Screen::escape() {
    if (pin_.active()) return pin_.give_up();
    mode_ = Mode::normal;
    typed_.clear();
}

void Screen::shown(const Phone& phone, uint64_t now_us) {
    std::optional<ShownCard> now;
    if (const Call* c = phone.ringing(); c != nullptr && c->has_card)
        now = ShownCard{.call = c->id, .peer = c->card.peer_uri.str(), .theirs = c->card.theirs};
    if (now != card_) card_since_us_ = now_us;
    card_ = std::move(now);
}

void Screen::lock_state(const ipc::LockState& state) {
    const bool locks = state.locked && !lock_.locked;
    lock_ = state;
    // A PIN that is being typed for a question unlocks as well.
    if (locks && !pin_.active()) {  // whatever was being typed: the next keys are a PIN's
        mode_ = Mode::normal;
        typed_.clear();
        pin_.begin(RequestId{});
    }
    const bool to_unlock = pin_.state() == PinEntry::State::typing && pin_.question() == RequestId{};
    if (!state.locked && to_unlock) pin_.unwanted();
}

void Screen::ask(const ipc::AskConsent& question) {
    const auto same = [&](const ipc::AskConsent& q) {
        return question.question == RequestId{} ? q.call == question.call : q.question == question.question;
    };
    if (!question.wanted)
        std::erase_if(questions_, same);
    else if (const auto at = std::ranges::find_if(questions_, same); at != questions_.end())
        *at = question;
    else if (questions_.size() < kQuestionsMax)
        questions_.push_back(question);
    const bool answering = pin_.state() == PinEntry::State::typing && pin_.question() != RequestId{};
    if (answering && find(pin_.question()) == nullptr) pin_.unwanted();
}

const ipc::AskConsent* Screen::find(RequestId question) const {
    const auto at = std::ranges::find(questions_, question, &ipc::AskConsent::question);
    return at == questions_.end() ? nullptr : &*at;
}

void Screen::begin_pin() {
    if (!questions_.empty())
        pin_.begin(questions_.front().question);
    else if (lock_.locked)
        pin_.begin(RequestId{});
}

/// What was typed is forgotten: a PIN typed for one question never answers another.
void Screen::next_question() {
    const ipc::AskConsent* now = find(pin_.question());
    if (now == nullptr || pin_.state() != PinEntry::State::typing) return;
    const auto next = static_cast<size_t>(now - questions_.data() + 1) % questions_.size();
    pin_.begin(questions_[next].question);
}

void Screen::pin_reply(const ipc::PinReply& reply, RequestId question) {
    const bool waits = pin_.state() == PinEntry::State::checking && pin_.question() == question;
    const bool asked = question != RequestId{};
    if (reply.error == Errc{}) {
        if (waits) pin_.accepted();
        std::erase(messages_, std::exchange(pin_trouble_, {}));  // it is over
        if (asked && reply.consented) say("Confirmed and recorded.");
        if (asked && !reply.consented)
            say("The PIN is right, but its question was no longer asked: nothing was confirmed.");
        return;
    }
    std::erase(messages_, pin_trouble_);
    pin_trouble_ = pin_sentence(reply);
    say(pin_trouble_);
    if (!waits) return;
    const bool has_purpose = asked ? find(question) != nullptr : lock_.locked;
    const bool tries = reply.error == Errc::tpm_auth_refused && (reply.tries.left != 0 || reply.tries.most == 0);
    if (has_purpose && tries)
        pin_.begin(question);
    else
        pin_.unwanted();
}

void Screen::pin_not_sent() {
    say("The PIN could not be sent now. Try again.");
    pin_.unwanted();
}

void Screen::key(char c, const Phone& phone, std::vector<Want>& out) {
    if (pin_.active()) {
        if (c == '\t') return next_question();
        if (auto entered = pin_.key(c)) out.emplace_back(std::move(*entered));
        return;
    }
    switch (mode_) {
        case Mode::normal:
            normal_key(c, phone, out);
            return;
        case Mode::typing:
            typed_key(c, out);
            return;
        case Mode::details:
            if (c == 'i' || c == '\r' || c == '\n') {
                mode_ = Mode::normal;
            } else if (c == ' ') {
                ++scroll_;
            } else {
                normal_key(c, phone, out);  // a call that rings can be answered from every page
            }
            return;
        case Mode::confirm_quit:
            mode_ = Mode::normal;
            if (c == 'y' || c == 'Y' || c == kInterrupt) out.emplace_back(WantsQuit{});
            return;
    }
}

void Screen::normal_key(char c, const Phone& phone, std::vector<Want>& out) {
    switch (c) {
        case 'a':
            act(Verb::answer, phone, out);
            return;
        case 'l':
            act(Verb::answer_listening, phone, out);
            return;
        case 'r':
            act(Verb::refuse, phone, out);
            return;
        case 'h':
            act(Verb::hang_up, phone, out);
            return;
        case 'o':
            act(hold_toggle(phone), phone, out);
            return;
        case 'm':
            act(microphone_toggle(phone), phone, out);
            return;
        case 'c':
            act(Verb::recheck, phone, out);
            return;
        case 'd':
            mode_ = Mode::typing;
            return;
        case 'p':
            return begin_pin();
        case 'k':
            if (lock_.pin_set && !lock_.locked) out.emplace_back(WantsLock{});
            return;
        case 'i':
            if (const Call* s = subject(phone)) {
                details_of_ = s->id;
                mode_ = Mode::details;
                scroll_ = 0;
            }
            return;
        case '\t':
            out.emplace_back(WantsNextCall{});
            return;
        case 'q':
        case kInterrupt:
        case kEndOfFile:
            ask_to_quit(phone, out);
            return;
        default:
            return;
    }
}

void Screen::typed_key(char c, std::vector<Want>& out) {
    if (c == '\r' || c == '\n') {
        mode_ = Mode::normal;
        if (!typed_.empty()) out.emplace_back(WantsDial{std::exchange(typed_, {})});
    } else if (c == kBackspace || c == kDelete) {
        while (!typed_.empty() && (typed_.back() & 0xC0) == 0x80) typed_.pop_back();  // a whole character of UTF-8
        if (!typed_.empty()) typed_.pop_back();
    } else if (c == kClearLine) {
        typed_.clear();
    } else if (c == kInterrupt || c == kEndOfFile) {
        typed_.clear();
        mode_ = Mode::normal;
    } else if (static_cast<unsigned char>(c) >= 0x20 && c != kDelete && typed_.size() < kTypedMax) {
        typed_.push_back(c);
    }
}

void Screen::act(Verb verb, const Phone& phone, std::vector<Want>& out) {
    auto action = choose(verb, phone, std::nullopt);
    if (!action) return;
    const bool answers = verb == Verb::answer || verb == Verb::answer_listening;
    const bool read = card_ && card_->call == action->call && now_us_ - card_since_us_ >= kReadUs;
    if (!answers || read) out.emplace_back(WantsAction{*action});
}

void Screen::ask_to_quit(const Phone& phone, std::vector<Want>& out) {
    if (phone.active_calls() == 0) {
        out.emplace_back(WantsQuit{});
    } else {
        mode_ = Mode::confirm_quit;
    }
}

void Screen::say(std::string text) {
    messages_.push_back(std::move(text));
    if (messages_.size() > kMessagesMax) messages_.pop_front();
}

Lines Screen::pin_foot(const Look& look) const {
    const bool unlock = pin_.question() == RequestId{};
    const ipc::AskConsent* question = unlock ? nullptr : find(pin_.question());
    if (pin_.state() == PinEntry::State::unwanted) {
        const char* why = unlock                ? " No PIN is needed now."
                          : question == nullptr ? " The question is gone."
                                                : " No PIN is taken now.";
        return {{{why, Style::strong}, {" Keys do nothing until you press Return."}}};
    }
    Lines out;
    if (question != nullptr) add_wrapped(out, {{" "}}, consent_sentence(*question, look), 1, Style::strong, look);
    if (pin_.state() == PinEntry::State::checking) {
        out.push_back({{" The PIN is being checked.", Style::strong}, {"   Escape leaves it to itself"}});
    } else {
        const bool more = question != nullptr && questions_.size() > 1;
        const char* keys = pin_.too_long() ? "   longer than a PIN can be: Return begins anew"
                           : more          ? "   Return enters it, Tab shows the next question, Escape gives up"
                                           : "   Return enters it, Escape gives up";
        out.push_back({{unlock ? " Locked. PIN: " : " PIN: ", Style::strong}, {pin_.stars() + "_" + keys}});
    }
    return out;
}

Lines Screen::foot(const Phone& phone, const Look& look) const {
    if (pin_.active()) return pin_foot(look);
    if (mode_ == Mode::typing) {
        std::string shown = printable(typed_, look.charset);  // the end of a long address stays in view
        const size_t room = look.columns > 10 ? look.columns - 10 : 1;
        for (size_t next = 0; columns_of(shown) > room; next = 0) {
            (void)next_code_point(shown, next);
            shown.erase(0, next);
        }
        return {{{" Call: ", Style::strong}, {shown + "_"}}};
    }
    if (mode_ == Mode::confirm_quit) {
        return {{{" Quitting ends the call. Quit? y yes   any other key no", Style::strong}}};
    }
    std::string keys;
    if (const Call* c = phone.current()) {
        const Allowed can = allowed(*c);
        keys.append("h hang up   ");
        if (can.hold) keys.append("o hold   ");
        if (can.resume) keys.append("o resume   ");
        if (can.microphone) keys.append(c->microphone ? "m microphone off   " : "m microphone on   ");
        if (can.recheck) keys.append("c check again   ");
    }
    if (mode_ == Mode::details)
        keys.append("i back   ");
    else if (subject(phone) != nullptr)
        keys.append("i details   ");
    if (!questions_.empty())
        keys.append("p PIN: go on all the same   ");
    else if (lock_.locked)
        keys.append("p PIN   ");
    if (lock_.pin_set && !lock_.locked) keys.append("k lock   ");
    keys.append("d call somebody   q quit");
    Lines out;
    add_wrapped(out, {{" "}}, keys, 1, Style::quiet, look);
    return out;
}

Lines Screen::news_and_foot(const Phone& phone, const Look& look, size_t rows) const {
    Lines bottom;
    for (const std::string& m : messages_) add_wrapped(bottom, {{" "}}, m, 1, Style::quiet, look);
    append(bottom, foot(phone, look));
    const size_t most = std::max<size_t>(1, rows / 2);  // calls come before news
    if (bottom.size() > most) bottom.erase(bottom.begin(), bottom.end() - static_cast<std::ptrdiff_t>(most));
    return bottom;
}

void Screen::add_details(Lines& top, const Call& call, const Look& look, size_t room) const {
    Lines page = details_page(call, look);
    const size_t space = room > top.size() + 1 ? room - top.size() - 1 : 1;
    if (page.size() <= space + 1) return append(top, std::move(page));
    const size_t pages = (page.size() + space - 1) / space;
    const size_t first = scroll_ % pages * space;
    for (size_t i = first; i < std::min(first + space, page.size()); ++i) top.push_back(std::move(page[i]));
    top.push_back(
        {{" page " + std::to_string(scroll_ % pages + 1) + " of " + std::to_string(pages) + ", space turns it",
          Style::quiet}});
}

Lines Screen::lines(const Phone& phone, std::string_view profile, const Look& look, size_t rows) const {
    Lines top{state_line(phone, profile, look), {}};
    const Call* opened = mode_ == Mode::details ? phone.find(details_of_) : nullptr;
    for (const Call& c : phone.calls()) {
        if (!c.active() || c.state == ipc::CallState::offered) continue;
        const bool incoming = c.direction == policy::Direction::incoming;
        if (opened == &c && !(incoming && c.state == ipc::CallState::ringing)) continue;
        if (shows_as_line(c)) {
            append(top, call_lines(c, look));
        } else if (!incoming) {
            append(top, outgoing_card(c, look));
        } else if (c.state == ipc::CallState::ringing && c.has_card) {
            append(top, incoming_card(c, look));
        } else if (c.state == ipc::CallState::answered) {
            append(top, call_lines(c, look));
        } else {
            continue;  // not ringing yet: nothing to decide, nothing to show
        }
        top.push_back({});
    }
    Lines bottom = news_and_foot(phone, look, rows);
    const size_t room = rows - bottom.size();
    if (opened != nullptr) add_details(top, *opened, look, room);
    if (opened == nullptr && phone.active_calls() == 0) {
        if (const Call* last = phone.last_ended()) append(top, ended_summary(*last, look));
    }
    if (top.size() > room) top.resize(room);
    while (top.size() < room) top.emplace_back();
    append(top, std::move(bottom));
    return top;
}

}  // namespace sealcall::ui
