// The PIN while it is typed: in place, in memory that wipes itself, never in a string, never on the screen.
#pragma once

#include <optional>
#include <string>

#include "sealcall/ipc/messages/person.h"

namespace sealcall::ui {

/// What goes to the enclave.
struct WantsPin {
    RequestId question;  ///< of AskConsent; 0: to unlock
    ipc::Pin pin;
};

class PinEntry {
  public:
    void begin(RequestId question);
    void give_up();
    [[nodiscard]] bool active() const { return active_; }
    /// 0: to unlock.
    [[nodiscard]] RequestId question() const { return question_; }
    /// One key; the PIN when it was Return.
    std::optional<WantsPin> key(char c);
    /// As many stars as keys, at most sixteen.
    [[nodiscard]] std::string stars() const;

  private:
    bool active_ = false;
    RequestId question_{};
    ipc::Pin typed_;
    size_t length_ = 0;
};

/// "pin_wrong", "locked_out" and the like for programs; "none" when it was right.
const char* pin_word(const ipc::PinReply& reply);
/// "This is not the PIN. 7 tries are left." and the like; empty when it was right.
std::string pin_sentence(const ipc::PinReply& reply);

}  // namespace sealcall::ui
