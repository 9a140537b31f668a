// A PIN or password while it is typed on a terminal: in place, in memory that wipes itself. The phone's screen and the
// commands edit with the same code, so that what one of them takes the other takes too. Trusts nothing about the keys.
#pragma once

#include <cstdint>

#include "sealcall/base/secret.h"

namespace sealcall {

/// Takes escape sequences (arrows, Delete, Home; ECMA-48 5.4) out of what a keyboard sends.
class EscapeFilter {
  public:
    enum class Byte : uint8_t {
        key,       ///< a key of its own
        with_alt,  ///< the same with Alt held
        sequence,  ///< part of a sequence
    };
    Byte take(char c) {
        if (state_ == State::begun) {
            if (c == kEscape) return Byte::sequence;
            state_ = c == '[' || c == 'O' ? State::inside : State::none;
            return state_ == State::none ? Byte::with_alt : Byte::sequence;
        }
        if (state_ == State::inside) {
            if (c >= 0x40 && c <= 0x7e) state_ = State::none;
            return Byte::sequence;
        }
        if (c != kEscape) return Byte::key;
        state_ = State::begun;
        return Byte::sequence;
    }
    /// The last byte was an Escape: of a sequence, or a key of its own if nothing follows at once.
    [[nodiscard]] bool begun() const { return state_ == State::begun; }
    /// Nothing followed. True if it was the key.
    bool lone() {
        const bool was = begun();
        if (was) state_ = State::none;
        return was;
    }

  private:
    static constexpr char kEscape = 0x1b;
    enum class State : uint8_t { none, begun, inside };
    State state_ = State::none;
};

/// What fits into a Secret<N>: any bytes but control characters. Backspace takes away a whole character of UTF-8.
template <size_t N>
class SecretLine {
  public:
    enum class Key : uint8_t { edited, finished, given_up };

    /// A byte that is no part of an escape sequence. Return finishes; Ctrl-C and Ctrl-D give up; Ctrl-U begins anew.
    Key key(char c) {
        static constexpr char kInterrupt = 0x03, kEnd = 0x04, kBackspace = 0x08, kClear = 0x15, kDelete = 0x7f;
        if (c == '\r' || c == '\n') return Key::finished;
        if (c == kInterrupt || c == kEnd) return Key::given_up;
        if (c == kClear) clear();
        if (c == kBackspace || c == kDelete) take_back();
        if (!is_control(c)) append(c);
        return Key::edited;
    }
    /// What no key may type does not belong into a file either.
    static bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

    void append(char c) {
        if (size_ < N) bytes()[size_] = static_cast<std::byte>(c);
        if (size_ < kSizeMax) ++size_;
    }
    void clear() {
        text_.clear();
        size_ = 0;
    }
    /// Bytes as typed; those beyond N are counted, not kept.
    [[nodiscard]] size_t size() const { return size_; }
    [[nodiscard]] bool too_long() const { return size_ > N; }
    /// What was typed, filled up with zero; the line is empty afterwards.
    Secret<N> take() {
        size_ = 0;
        return std::move(text_);
    }

  private:
    static constexpr size_t kSizeMax = 4 * N;
    auto bytes() { return text_.reveal(SecretAccess{}); }
    void take_back() {
        bool more = size_ > 0;
        while (more) {
            --size_;
            more = false;
            if (size_ >= N) continue;
            more = size_ > 0 && (bytes()[size_] & std::byte{0xc0}) == std::byte{0x80};
            bytes()[size_] = {};
        }
    }
    Secret<N> text_;
    size_t size_ = 0;
};

}  // namespace sealcall
