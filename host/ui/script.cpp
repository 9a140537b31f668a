#include "host/ui/script.h"

#include <algorithm>

namespace sealcall::ui {

using ipc::CallState;
using ipc::EndReason;

Script::Script(const ipc::ConfigureUi& c)
    : dials_(!c.dial.empty()),
      hang_up_after_us_(uint64_t{c.hang_up_after_ms} * 1000),
      hold_after_us_(uint64_t{c.hold_after_ms} * 1000),
      hold_for_us_(uint64_t{c.hold_for_ms} * 1000) {}

void Script::dial_reply(const ipc::DialReply& m) {
    if (state_ != State::asked) return;
    call_ = m.call;
    refused_ = m.reason;
    state_ = State::calling;
}

uint64_t Script::dial_at(const Phone& phone) const {
    if (!phone.host()) return started_us_ + kNetworkWaitUs;
    return phone.host()->registration == ipc::Registration::trying ? started_us_ + kRegisterWaitUs : started_us_;
}

/// When everything about an ended call has been told, or will not be.
uint64_t Script::finish_at(const Call& call) const {
    const bool told = call.keys.empty() ||
                      std::ranges::any_of(call.keys, [](const auto& k) { return k.event == ipc::KeyEvent::destroyed; });
    return call.ended_us + (told ? kLingerMinUs : kLingerMaxUs);
}

Script::Timers& Script::timers_of(CallId id) {
    const auto at = std::ranges::find(timers_, id, &Timers::call);
    if (at != timers_.end()) return *at;
    if (timers_.size() >= kCallsMax) timers_.erase(timers_.begin());
    timers_.push_back(Timers{.call = id});
    return timers_.back();
}

void Script::run_timers(const Call& c, uint64_t now_us, std::vector<Step>& out) {
    Timers& t = timers_of(c.id);
    const uint64_t talked = now_us - std::min(now_us, c.media_since_us);
    const auto act = [&](Verb verb) { out.push_back({.kind = Step::Kind::act, .action = {verb, c.id}}); };
    if (hang_up_after_us_ != 0 && !t.hung_up && talked >= hang_up_after_us_) {
        t.hung_up = true;
        return act(Verb::hang_up);
    }
    if (hold_after_us_ == 0 || t.hung_up) return;
    if (!t.held && talked >= hold_after_us_ && allowed(c).hold) {
        t.held = true;
        t.held_us = now_us;
        act(Verb::hold);
    } else if (t.held && !t.resumed && now_us >= t.held_us + hold_for_us_ && allowed(c).resume) {
        t.resumed = true;
        act(Verb::resume);
    }
}

void Script::finish(ExitStatus status, EndReason reason, std::vector<Step>& out) {
    state_ = State::finished;
    out.push_back({.kind = Step::Kind::finish, .status = status, .reason = reason});
}

void Script::run_dial(const Phone& phone, uint64_t now_us, std::vector<Step>& out) {
    switch (state_) {
        case State::waiting:
            if (now_us < dial_at(phone)) return;
            state_ = State::asked;
            asked_us_ = now_us;
            out.push_back({.kind = Step::Kind::dial});
            return;
        case State::asked:
            if (now_us >= asked_us_ + kReplyWaitUs) finish(ExitStatus::own_trouble, EndReason::internal, out);
            return;
        case State::calling: {
            if (call_ == CallId{}) return finish(exit_status_of(refused_, false), refused_, out);
            const Call* c = phone.find(call_);
            if (c == nullptr) return finish(ExitStatus::own_trouble, EndReason::internal, out);
            if (!c->active() && now_us >= finish_at(*c))
                finish(exit_status_of(c->reason, c->reached_media), c->reason, out);
            return;
        }
        case State::finished:
            return;
    }
}

std::vector<Step> Script::run(const Phone& phone, uint64_t now_us) {
    std::vector<Step> out;
    if (started_us_ == 0) return out;
    for (const Call& c : phone.calls())
        if (c.active() && c.reached_media) run_timers(c, now_us, out);
    if (dials_) run_dial(phone, now_us, out);
    return out;
}

std::optional<uint64_t> Script::next_deadline(const Phone& phone, uint64_t now_us) const {
    std::optional<uint64_t> next;
    const auto at = [&](uint64_t t) {
        if (t > now_us && (!next || t < *next)) next = t;
    };
    if (started_us_ == 0) return next;
    for (const Call& c : phone.calls()) {
        if (!c.active() || !c.reached_media) continue;
        if (hang_up_after_us_ != 0) at(c.media_since_us + hang_up_after_us_);
        if (hold_after_us_ != 0) at(c.media_since_us + hold_after_us_);
    }
    for (const Timers& t : timers_)
        if (t.held && !t.resumed) at(t.held_us + hold_for_us_);
    if (!dials_) return next;
    if (state_ == State::waiting) at(dial_at(phone));
    if (state_ == State::asked) at(asked_us_ + kReplyWaitUs);
    if (const Call* c = phone.find(call_); state_ == State::calling && c != nullptr && !c->active()) at(finish_at(*c));
    return next;
}

}  // namespace sealcall::ui
