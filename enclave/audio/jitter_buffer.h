// Jitter buffer: takes a peer's Opus packets as the network delivers them and hands them out in order and in time.
// Pure: no I/O, no clock, no thread, no allocation after construction. Contents of packets are opaque to it; sequence
// numbers and timestamps (RFC 3550 5.1) are the peer's and may be anything: the worst they do is spoil the peer's own
// sound.
#pragma once

#include <optional>

#include "enclave/audio/delay_estimator.h"
#include "sealcall/base/bytes.h"

namespace sealcall::audio {

class JitterBuffer {
  public:
    static constexpr size_t kSlots = 64;       ///< packets; 1.28 s of 20 ms
    static constexpr size_t kPacketMax = 400;  ///< bytes

    enum class Pushed : uint8_t { queued, late, duplicate, restarted, refused };
    /// Offers one packet of `samples` 48 kHz samples that arrived at `now`. `restarted`: it began a new stream (other
    /// sequence or timestamp space), what was buffered is gone. `refused`: empty or longer than kPacketMax.
    Pushed push(uint16_t sequence, uint32_t timestamp, uint32_t samples, ByteSpan opus, BootInstant now);

    enum class Kind : uint8_t {
        silence,  ///< nothing to play: not begun, or the peer has been silent for long
        packet,   ///< decode `opus`
        recover,  ///< the packet is lost, `opus` is the one after it: try its forward error correction
        conceal,  ///< stand in for `samples` samples
    };
    struct Next {
        Kind kind = Kind::silence;
        ByteSpan opus;  ///< valid until the next push or pop
        uint32_t samples = 960;
    };
    enum class Loudness : uint8_t { quiet, loud };
    /// What to play next. `last`: how loud the sound just played was; time is stretched and cut where it is quiet.
    Next pop(BootInstant now, Loudness last);

    struct Stats {
        uint32_t played = 0;     ///< packets handed out
        uint32_t concealed = 0;  ///< lost or not in time (`conceal`, `recover`)
        uint32_t late = 0;       ///< arrived after their turn
        uint32_t duplicates = 0;
        uint32_t cut = 0;        ///< packets left out to shorten the delay
        uint32_t stretched = 0;  ///< frames put in to lengthen it
        uint32_t restarts = 0;
        Micros longest_gap{};  ///< longest run of concealment and silence between two packets of one stream
        Micros delay{};        ///< of the last packet played, over the fastest one seen lately
        Micros target{};
    };
    [[nodiscard]] Stats stats() const;

  private:
    struct Slot {
        enum class State : uint8_t { empty, full, played } state = State::empty;
        int64_t sequence = -1;
        int64_t timestamp = 0;
        uint32_t samples = 0;
        uint16_t size = 0;
        std::array<std::byte, kPacketMax> bytes{};
    };
    enum class State : uint8_t { idle, filling, playing };
    struct Position {
        int64_t sequence;
        int64_t timestamp;
    };

    Slot& slot(int64_t sequence) { return slots_[static_cast<size_t>(sequence) % kSlots]; }
    [[nodiscard]] bool has(int64_t sequence) const;
    [[nodiscard]] std::optional<Position> locate(uint16_t sequence, uint32_t timestamp, uint32_t samples) const;
    [[nodiscard]] bool same_stream(uint16_t sequence, uint32_t timestamp, uint32_t samples) const;
    bool stray();
    void begin(uint16_t sequence, uint32_t timestamp, BootInstant now);
    void store(const Position& at, uint32_t samples, ByteSpan opus);
    void skip_what_was_concealed();
    [[nodiscard]] Micros delay_of(const Slot& s, BootInstant now) const;
    bool wants_cut(const Slot& s, Micros delay, Loudness last);
    bool wants_stretch(Micros delay, Loudness last);
    Next play_head();
    Next stand_in();
    Next missing(Kind kind, ByteSpan opus);
    [[nodiscard]] Micros frame() const;

    std::array<Slot, kSlots> slots_{};
    DelayEstimator estimator_;
    State state_ = State::idle;
    BootInstant filling_since_{};
    int64_t next_ = 0;     ///< extended sequence number that is played next
    int64_t highest_ = 0;  ///< highest seen
    int64_t highest_timestamp_ = 0;
    uint32_t samples_ = 960;  ///< of the last packet seen
    uint32_t owed_ = 0;       ///< frames concealed while `next_` might still come
    uint32_t strays_ = 0;     ///< packets in a row far from where the stream is
    uint32_t too_deep_ = 0;   ///< packets in a row that could have been played a frame earlier
    uint32_t since_shift_ = 0;
    Micros run_{};  ///< the gap that is going on
    Stats stats_;
};

}  // namespace sealcall::audio
