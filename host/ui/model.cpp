#include "host/ui/model.h"

#include <algorithm>

#include "sealcall/base/secret.h"

namespace sealcall::ui {

using ipc::CallState;
using policy::Direction;

uint64_t Call::talk_seconds(uint64_t now_us) const {
    const uint64_t end = ended_us != 0 ? ended_us : now_us;
    return reached_media && end > media_since_us ? (end - media_since_us) / 1'000'000 : 0;
}

Allowed allowed(const Call& c) {
    Allowed a;
    const bool talking = c.state == CallState::media || c.state == CallState::held;
    if (c.direction == Direction::incoming && c.state == CallState::ringing) {
        a.answer = c.has_card && c.card.decision.action != policy::Action::refuse;
        a.refuse = true;
    } else {
        a.hang_up = c.active() && c.state != CallState::offered;
    }
    a.hold = talking && !c.held_here;
    a.resume = talking && c.held_here;
    a.microphone = c.state == CallState::media;
    a.recheck = talking && c.has_card && !c.card.ordinary;
    return a;
}

Call* Phone::get(CallId id) {
    auto at = std::ranges::find(calls_, id, &Call::id);
    return at == calls_.end() ? nullptr : &*at;
}
const Call* Phone::find(CallId id) const {
    auto at = std::ranges::find(calls_, id, &Call::id);
    return at == calls_.end() ? nullptr : &*at;
}

Call& Phone::get_or_add(CallId id) {
    if (Call* c = get(id)) return *c;
    forget_old();
    calls_.push_back(Call{.id = id});
    return calls_.back();
}

void Phone::forget_old() {
    const auto ended = [](const Call& c) { return !c.active(); };
    while (static_cast<size_t>(std::ranges::count_if(calls_, ended)) >= kEndedCallsMax)
        calls_.erase(std::ranges::find_if(calls_, ended));
    // More than the enclave can have: drop the oldest rather than grow.
    while (calls_.size() >= kCallsMax + kEndedCallsMax) calls_.erase(calls_.begin());
}

void Phone::apply(const ipc::CallCard& m) {
    Call& c = get_or_add(m.call);
    const bool fell = c.has_card && m.theirs.level < c.card.theirs.level;
    if (fell) c.fell_from = c.card.theirs;
    if (c.fell_from && m.theirs.level >= c.fell_from->level) c.fell_from.reset();
    c.card = m;
    c.has_card = true;
    c.direction = m.direction;
    name(c);
}

/// Nobody gets a contact's name by claiming its address.
void Phone::name(Call& c) const {
    wipe(c.contact.data(), c.contact.capacity());
    c.contact.clear();
    if (c.name_proven())
        c.contact = contacts_.name_of(c.card.peer_uri.view());
    else if (c.direction == Direction::outgoing)
        c.contact = contacts_.name_of(c.card.dialled_uri.view());
}

void Phone::apply(const ipc::LockState& m) {
    locked_ = m.locked;
    if (!m.locked) return;
    contacts_.clear();
    for (Call& c : calls_) name(c);
}

Status Phone::add_contacts(ByteSpan page) {
    const Status s = contacts_.add(page);
    for (Call& c : calls_) name(c);
    return s;
}

void Phone::apply(const ipc::CallPhase& m) { get_or_add(m.call).phases[static_cast<size_t>(m.phase)] = m.boot_us; }

void Phone::apply(const ipc::CallStateChanged& m, uint64_t now_us) {
    Call& c = get_or_add(m.call);
    if (m.state == CallState::dialling) c.direction = Direction::outgoing;
    if (m.state == CallState::media && !c.reached_media) {
        c.reached_media = true;
        c.media_since_us = now_us;
    }
    if (m.state == CallState::ended && c.active()) c.ended_us = now_us;
    c.state = m.state;
    c.reason = m.reason;
    c.detail = m.detail.str();
    c.held_here = m.held_here;
    c.held_there = m.held_there;
    c.microphone = m.microphone;
}

void Phone::apply(const ipc::KeyLife& m) {
    Call& c = get_or_add(m.call);
    if (c.keys.size() >= kKeyEventsMax) c.keys.erase(c.keys.begin());
    c.keys.push_back(m);
}

void Phone::apply(const ipc::MediaStats& m) {
    Call& c = get_or_add(m.call);
    c.media = m;
    c.has_media = true;
}

void Phone::dialled(CallId call, std::string_view uri, std::string_view label) {
    const bool known = find(call) != nullptr;  // its first messages may overtake the reply
    Call& c = get_or_add(call);
    c.direction = Direction::outgoing;
    if (!known) c.state = CallState::dialling;
    if (!c.has_card) {
        c.card.call = call;
        c.card.direction = Direction::outgoing;
        c.card.dialled_uri = BoundedString<256>::cut(uri);
        c.card.label = BoundedString<64>::cut(label);
        name(c);
    }
    chosen_ = call;
}

const Call* Phone::ringing() const {
    for (const Call& c : calls_)
        if (allowed(c).refuse) return &c;
    return nullptr;
}

const Call* Phone::current() const {
    const auto usable = [](const Call& c) { return allowed(c).hang_up; };
    if (const Call* c = find(chosen_); c != nullptr && usable(*c)) return c;
    for (auto at = calls_.rbegin(); at != calls_.rend(); ++at)
        if (usable(*at)) return &*at;
    return nullptr;
}

void Phone::choose_next() {
    const Call* now = current();
    if (now == nullptr) return;
    const auto start = static_cast<size_t>(now - calls_.data());
    for (size_t i = 1; i <= calls_.size(); ++i) {
        const Call& c = calls_[(start + i) % calls_.size()];
        if (allowed(c).hang_up) {
            chosen_ = c.id;
            return;
        }
    }
}

size_t Phone::active_calls() const {
    return static_cast<size_t>(std::ranges::count_if(calls_, [](const Call& c) { return c.active(); }));
}

const Call* Phone::last_ended() const {
    const Call* last = nullptr;
    for (const Call& c : calls_)
        if (!c.active() && (last == nullptr || c.ended_us >= last->ended_us)) last = &c;
    return last;
}

}  // namespace sealcall::ui
