// The full-screen terminal: which page is shown, what is being typed, and what a key means. No input or output of its
// own.
#pragma once

#include <deque>
#include <variant>

#include "host/ui/actions.h"
#include "host/ui/pin_entry.h"
#include "host/ui/views.h"

namespace sealcall::ui {

/// What the person wants, as the keys say.
struct WantsAction {
    Action action;
};
struct WantsDial {
    std::string typed;  ///< for find_callee
};
struct WantsNextCall {};
struct WantsQuit {};
struct WantsLock {};
using Want = std::variant<WantsAction, WantsDial, WantsNextCall, WantsQuit, WantsPin, WantsLock>;

class Screen {
  public:
    static constexpr size_t kTypedMax = 255;   ///< bytes of a URI
    static constexpr size_t kMessagesMax = 6;  ///< news kept on the screen
    static constexpr size_t kQuestionsMax = 16;
    /// A card must have stood this long before a key can answer it: nobody answers a card that replaced another one
    /// under their finger.
    static constexpr uint64_t kReadUs = 300'000;

    /// Bytes from the keyboard. Escape sequences (arrows and the like) are skipped, pasted text means its letters.
    std::vector<Want> keys(std::string_view bytes, const Phone& phone, uint64_t now_us);

    /// What `lines` made has gone to the terminal.
    void shown(const Phone& phone, uint64_t now_us);

    /// A phone that is locked asks for the PIN by itself.
    void lock_state(const ipc::LockState& state);
    /// p enters the PIN for the question that has waited longest; Tab goes on to the next. What is answered is the one
    /// on display.
    void ask(const ipc::AskConsent& question);
    /// What became of the PIN that was entered for `question`; after a wrong one the next try, if it still has a
    /// purpose.
    void pin_reply(const ipc::PinReply& reply, RequestId question);
    /// The PIN could not be sent.
    void pin_not_sent();
    [[nodiscard]] bool locked() const { return lock_.locked; }
    [[nodiscard]] bool pin_set() const { return lock_.pin_set; }

    /// A sentence that stays on the screen until newer ones push it out.
    void say(std::string text);

    [[nodiscard]] Lines lines(const Phone& phone, std::string_view profile, const Look& look, size_t rows) const;

  private:
    enum class Mode { normal, details, typing, confirm_quit };

    /// The card that asks for an answer, as far as a change of it would matter.
    struct ShownCard {
        CallId call;
        std::string peer;
        rats::AttestationResult theirs;
        bool operator==(const ShownCard&) const = default;
    };

    void key(char c, const Phone& phone, std::vector<Want>& out);
    void normal_key(char c, const Phone& phone, std::vector<Want>& out);
    void typed_key(char c, std::vector<Want>& out);
    void act(Verb verb, const Phone& phone, std::vector<Want>& out);
    void ask_to_quit(const Phone& phone, std::vector<Want>& out);
    [[nodiscard]] Lines news_and_foot(const Phone& phone, const Look& look, size_t rows) const;
    void add_details(Lines& top, const Call& call, const Look& look, size_t room) const;
    [[nodiscard]] Lines foot(const Phone& phone, const Look& look) const;

    void escape();
    void begin_pin();
    void next_question();
    [[nodiscard]] const ipc::AskConsent* find(RequestId question) const;
    [[nodiscard]] Lines pin_foot(const Look& look) const;

    Mode mode_ = Mode::normal;
    PinEntry pin_;  ///< while it is active, keys are the PIN's
    ipc::LockState lock_;
    std::vector<ipc::AskConsent> questions_;  ///< in the order in which they were asked
    EscapeFilter escapes_;
    std::string typed_;
    std::deque<std::string> messages_;
    std::string pin_trouble_;  ///< the message about the last PIN that was not taken
    CallId details_of_{};
    size_t scroll_ = 0;  ///< pages of details that were turned
    std::optional<ShownCard> card_;
    uint64_t card_since_us_ = 0;
    uint64_t now_us_ = 0;
};

}  // namespace sealcall::ui
