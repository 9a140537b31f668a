// What a person or a program may ask of a call, and for which call it is meant. Pure.
#pragma once

#include <optional>
#include <string>

#include "host/ui/model.h"

namespace sealcall::ui {

enum class Verb : uint8_t {
    answer,
    answer_listening,  ///< without microphone
    refuse,
    hang_up,
    hold,
    resume,
    microphone_on,
    microphone_off,
    recheck,
};
const char* name_of(Verb verb);

struct Action {
    Verb verb{};
    CallId call;
    bool operator==(const Action&) const = default;
};

/// The call that `verb` means when none is named: the ringing one for an answer, else the current one.
/// Errors: `not_found` there is no such call; `wrong_state` it cannot do that now.
Result<Action> choose(Verb verb, const Phone& phone, std::optional<CallId> call);

/// `hold` or `resume`, `microphone_off` or `microphone_on`: whichever the current call is not.
Verb hold_toggle(const Phone& phone);
Verb microphone_toggle(const Phone& phone);

/// The message that asks the enclave for it; an answer says whether a person's key gave it.
Bytes encode_action(const Action& action, policy::AnsweredBy by);

/// "alice@example.com" as a person types it -> "sip:alice@example.com". Errors: `bad_value` empty, a blank or a control
/// character in it; `too_large` beyond 255 bytes.
Result<std::string> dial_uri(std::string_view typed);

/// Whom `typed` means: an address, or the name of a contact (Contacts::named). Without a `uri`, `problem` is a sentence
/// and `reason` why nobody is called; none: it cannot be an address.
struct Callee {
    std::string uri, problem;
    ipc::EndReason reason = ipc::EndReason::not_found;
};
Callee find_callee(std::string_view typed, const Phone& phone);

}  // namespace sealcall::ui
