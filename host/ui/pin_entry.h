// The PIN while it is typed: in place, in memory that wipes itself, never in a string, never on the screen. Whatever
// becomes of the question meanwhile, no key of a PIN ends as a command.
#pragma once

#include <optional>
#include <string>

#include "host/terminal/secret_line.h"
#include "sealcall/ipc/messages/person.h"

namespace sealcall::ui {

/// What goes to the enclave.
struct WantsPin {
    RequestId question;  ///< of AskConsent; 0: to unlock
    ipc::Pin pin;
};

class PinEntry {
  public:
    enum class State : uint8_t {
        idle,
        typing,
        checking,  ///< sent; the next try may be typed too early
        unwanted,  ///< what it was for is gone, and the fingers are still on it: until Return or Escape
    };
    void begin(RequestId question);
    void give_up();
    void unwanted();
    /// It was right. Whoever is typing the next try already goes on into nothing.
    void accepted();
    [[nodiscard]] State state() const { return state_; }
    /// Keys are the PIN's.
    [[nodiscard]] bool active() const { return state_ != State::idle; }
    /// 0: to unlock.
    [[nodiscard]] RequestId question() const { return question_; }
    /// One key, no escape sequence; the PIN when it was Return.
    std::optional<WantsPin> key(char c);
    /// As many stars as bytes, at most sixteen.
    [[nodiscard]] std::string stars() const;
    [[nodiscard]] bool too_long() const { return line_.too_long(); }

  private:
    State state_ = State::idle;
    RequestId question_{};
    bool early_ = false;  ///< a key came while it was checked
    SecretLine<ipc::Pin::kSize> line_;
};

/// "pin_wrong", "locked_out" and the like for programs; "none" when it was right.
const char* pin_word(const ipc::PinReply& reply);
/// "This is not the PIN. 7 tries are left." and the like; empty when it was right.
std::string pin_sentence(const ipc::PinReply& reply);

}  // namespace sealcall::ui
