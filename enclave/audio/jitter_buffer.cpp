#include "enclave/audio/jitter_buffer.h"

#include <algorithm>

namespace sealcall::audio {
namespace {

constexpr int64_t kSequenceStart = int64_t{1} << 20;  // room below for packets older than the first one
constexpr int64_t kTimestampStart = int64_t{1} << 40;
constexpr int32_t kTimestampSlack = 2 * 48000;  // samples: further off is another stream
constexpr uint32_t kStraysForRestart = 3;
constexpr Micros kConcealMax{120'000};    // concealment has faded out by then: play silence
constexpr Micros kStarved{1'000'000};     // nothing for so long: fill anew when sound comes back
constexpr Micros kUrgentExcess{100'000};  // over the target: cut whatever is being said
constexpr uint32_t kCutPatience = 25;     // packets that could have been earlier before a quiet one is cut
constexpr uint32_t kCutAnyway = 150;      // ... before any is cut
constexpr uint32_t kShiftPause = 10;      // packets between two shifts of time
constexpr Micros kCutMargin{5'000};

Micros duration(int64_t samples) { return Micros(samples * 1000 / 48); }

}  // namespace

Micros JitterBuffer::frame() const { return duration(samples_); }

bool JitterBuffer::has(int64_t sequence) const {
    const Slot& s = slots_[static_cast<size_t>(sequence) % kSlots];
    return s.state == Slot::State::full && s.sequence == sequence;
}

// True if sequence number and timestamp have advanced together since the last packet: it was the network that was
// silent.
bool JitterBuffer::same_stream(uint16_t sequence, uint32_t timestamp, uint32_t samples) const {
    const auto step = static_cast<int16_t>(static_cast<uint16_t>(sequence - static_cast<uint16_t>(highest_)));
    const auto advance = static_cast<int32_t>(timestamp - static_cast<uint32_t>(highest_timestamp_));
    const int64_t off = advance - static_cast<int64_t>(step) * samples;
    return step > 0 && off <= kTimestampSlack && off >= -kTimestampSlack;
}

// Where a packet belongs in the stream that is running; nothing if it cannot belong there.
std::optional<JitterBuffer::Position> JitterBuffer::locate(uint16_t sequence, uint32_t timestamp,
                                                           uint32_t samples) const {
    const auto step = static_cast<int16_t>(static_cast<uint16_t>(sequence - static_cast<uint16_t>(highest_)));
    const auto advance = static_cast<int32_t>(timestamp - static_cast<uint32_t>(highest_timestamp_));
    const Position at{highest_ + step, highest_timestamp_ + advance};
    const int64_t off = advance - static_cast<int64_t>(step) * samples;
    if (off > kTimestampSlack || off < -kTimestampSlack) return std::nullopt;
    const auto slots = static_cast<int64_t>(kSlots);
    if (at.sequence >= next_ + slots || at.sequence < next_ - slots) return std::nullopt;
    return at;
}

JitterBuffer::Pushed JitterBuffer::push(uint16_t sequence, uint32_t timestamp, uint32_t samples, ByteSpan opus,
                                        BootInstant now) {
    if (opus.empty() || opus.size() > kPacketMax || samples == 0 || samples > 5760) return Pushed::refused;
    Pushed result = Pushed::queued;
    if (state_ == State::idle) {
        const Micros outage = same_stream(sequence, timestamp, samples) ? run_ : Micros{};
        begin(sequence, timestamp, now);
        run_ = outage;
    }
    std::optional<Position> at = locate(sequence, timestamp, samples);
    if (!at) {
        if (!stray()) return Pushed::late;
        begin(sequence, timestamp, now);
        ++stats_.restarts;
        result = Pushed::restarted;
        at = locate(sequence, timestamp, samples);
        CHECK(at.has_value());
    }
    strays_ = 0;
    samples_ = samples;
    estimator_.arrived(std::chrono::duration_cast<Micros>(now.time_since_epoch()) - duration(at->timestamp));
    if (state_ == State::filling && at->sequence < next_ && next_ - at->sequence < static_cast<int64_t>(kSlots) / 2 &&
        highest_ - at->sequence < static_cast<int64_t>(kSlots))
        next_ = at->sequence;  // overtaken by the packet that began the stream
    const Slot& there = slot(at->sequence);
    if (there.sequence == at->sequence && there.state != Slot::State::empty) {
        ++stats_.duplicates;
        return Pushed::duplicate;
    }
    if (at->sequence < next_) {
        ++stats_.late;
        return Pushed::late;
    }
    store(*at, samples, opus);
    return result;
}

// One packet out of place may be an old one; several are a new stream.
bool JitterBuffer::stray() {
    if (++strays_ < kStraysForRestart) {
        ++stats_.late;
        return false;
    }
    return true;
}

void JitterBuffer::begin(uint16_t sequence, uint32_t timestamp, BootInstant now) {
    for (Slot& s : slots_) s.state = Slot::State::empty;
    estimator_.reset();
    state_ = State::filling;
    filling_since_ = now;
    next_ = highest_ = kSequenceStart | sequence;
    highest_timestamp_ = kTimestampStart | timestamp;
    owed_ = strays_ = too_deep_ = since_shift_ = 0;
    run_ = Micros{};
}

void JitterBuffer::store(const Position& at, uint32_t samples, ByteSpan opus) {
    Slot& s = slot(at.sequence);
    s.state = Slot::State::full;
    s.sequence = at.sequence;
    s.timestamp = at.timestamp;
    s.samples = samples;
    s.size = static_cast<uint16_t>(opus.size());
    std::ranges::copy(opus, s.bytes.begin());
    if (at.sequence > highest_) {
        highest_ = at.sequence;
        highest_timestamp_ = at.timestamp;
    }
}

// Frames were concealed while their packets might still have come. Later packets are here now, so those are lost: their
// time has been filled already.
void JitterBuffer::skip_what_was_concealed() {
    while (owed_ > 0 && !has(next_) && next_ < highest_) {
        ++next_;
        --owed_;
        estimator_.lost();
    }
}

Micros JitterBuffer::delay_of(const Slot& s, BootInstant now) const {
    return std::chrono::duration_cast<Micros>(now.time_since_epoch()) - duration(s.timestamp) - estimator_.base();
}

bool JitterBuffer::wants_cut(const Slot& s, Micros delay, Loudness last) {
    const Micros target = estimator_.target(frame());
    const Micros excess = delay - duration(s.samples) - target;
    too_deep_ = excess > kCutMargin ? too_deep_ + 1 : 0;
    if (!has(next_ + 1)) return false;
    if (excess > kUrgentExcess) return true;
    if (since_shift_ < kShiftPause) return false;
    return (too_deep_ > kCutPatience && last == Loudness::quiet) || too_deep_ > kCutAnyway;
}

bool JitterBuffer::wants_stretch(Micros delay, Loudness last) {
    const Micros shortfall = estimator_.target(frame()) - delay;
    if (shortfall <= kCutMargin || since_shift_ < kShiftPause) return false;
    return last == Loudness::quiet || shortfall > frame();
}

JitterBuffer::Next JitterBuffer::pop(BootInstant now, Loudness last) {
    if (state_ == State::idle) {
        if (stats_.played > 0) run_ += frame();
        return {.kind = Kind::silence, .opus = {}, .samples = samples_};
    }
    if (state_ == State::filling) {
        // Half a frame early is near enough: waiting for the next tick would add a whole one.
        if (now - filling_since_ + frame() / 2 < estimator_.target(frame())) return missing(Kind::silence, {});
        state_ = State::playing;
    }
    skip_what_was_concealed();
    if (!has(next_)) return stand_in();
    while (wants_cut(slot(next_), delay_of(slot(next_), now), last)) {
        slot(next_).state = Slot::State::played;
        ++next_;
        ++stats_.cut;
        too_deep_ = since_shift_ = 0;
    }
    stats_.delay = delay_of(slot(next_), now);
    if (wants_stretch(stats_.delay, last)) {
        since_shift_ = 0;
        ++stats_.stretched;
        return {.kind = Kind::conceal, .opus = {}, .samples = samples_};
    }
    return play_head();
}

JitterBuffer::Next JitterBuffer::play_head() {
    Slot& s = slot(next_);
    s.state = Slot::State::played;
    ++next_;
    ++since_shift_;
    ++stats_.played;
    owed_ = 0;
    estimator_.played();
    stats_.longest_gap = std::max(stats_.longest_gap, run_);
    run_ = Micros{};
    return {.kind = Kind::packet, .opus = ByteSpan(s.bytes.data(), s.size), .samples = s.samples};
}

JitterBuffer::Next JitterBuffer::stand_in() {
    if (next_ < highest_) {  // lost: what follows is here
        ++next_;
        ++since_shift_;
        ++stats_.concealed;
        estimator_.lost();
        if (!has(next_)) return missing(Kind::conceal, {});
        return missing(Kind::recover, ByteSpan(slot(next_).bytes.data(), slot(next_).size));
    }
    ++owed_;
    ++stats_.concealed;
    if (run_ >= kStarved) state_ = State::idle;
    return missing(run_ < kConcealMax ? Kind::conceal : Kind::silence, {});
}

JitterBuffer::Next JitterBuffer::missing(Kind kind, ByteSpan opus) {
    if (kind != Kind::recover && stats_.played > 0) run_ += frame();
    return {.kind = kind, .opus = opus, .samples = samples_};
}

JitterBuffer::Stats JitterBuffer::stats() const {
    Stats s = stats_;
    s.target = estimator_.target(frame());
    return s;
}

}  // namespace sealcall::audio
