#include "host/ui/actions.h"

#include <algorithm>

namespace sealcall::ui {
namespace {

bool may(Verb verb, const Call& call) {
    const Allowed a = allowed(call);
    switch (verb) {
        case Verb::answer:
        case Verb::answer_listening:
            return a.answer;
        case Verb::refuse:
            return a.refuse;
        case Verb::hang_up:
            return a.hang_up;
        case Verb::hold:
            return a.hold;
        case Verb::resume:
            return a.resume;
        case Verb::microphone_on:
            return a.microphone && !call.microphone;
        case Verb::microphone_off:
            return a.microphone && call.microphone;
        case Verb::recheck:
            return a.recheck;
    }
    return false;
}

}  // namespace

const char* name_of(Verb verb) {
    switch (verb) {
        case Verb::answer:
            return "answer";
        case Verb::answer_listening:
            return "answer_listening";
        case Verb::refuse:
            return "refuse";
        case Verb::hang_up:
            return "hangup";
        case Verb::hold:
            return "hold";
        case Verb::resume:
            return "resume";
        case Verb::microphone_on:
            return "unmute";
        case Verb::microphone_off:
            return "mute";
        case Verb::recheck:
            return "recheck";
    }
    return "unknown";
}

Result<Action> choose(Verb verb, const Phone& phone, std::optional<CallId> id) {
    const bool about_ringing = verb == Verb::answer || verb == Verb::answer_listening || verb == Verb::refuse;
    const Call* call = id ? phone.find(*id) : about_ringing ? phone.ringing() : phone.current();
    if (call == nullptr) return Error{Errc::not_found, "no such call", id ? id->value : 0};
    if (!may(verb, *call)) return Error{Errc::wrong_state, "not possible now", call->id.value};
    return Action{.verb = verb, .call = call->id};
}

Verb hold_toggle(const Phone& phone) {
    const Call* call = phone.current();
    return call != nullptr && call->held_here ? Verb::resume : Verb::hold;
}

Verb microphone_toggle(const Phone& phone) {
    const Call* call = phone.current();
    return call != nullptr && !call->microphone ? Verb::microphone_on : Verb::microphone_off;
}

Bytes encode_action(const Action& a, policy::AnsweredBy by) {
    using ipc::encode_message;
    switch (a.verb) {
        case Verb::answer:
            return encode_message(ipc::Answer{.call = a.call, .microphone = true, .by = by});
        case Verb::answer_listening:
            return encode_message(ipc::Answer{.call = a.call, .microphone = false, .by = by});
        case Verb::refuse:
            return encode_message(ipc::Refuse{.call = a.call});
        case Verb::hang_up:
            return encode_message(ipc::HangUp{.call = a.call});
        case Verb::hold:
            return encode_message(ipc::SetHold{.call = a.call, .on = true});
        case Verb::resume:
            return encode_message(ipc::SetHold{.call = a.call, .on = false});
        case Verb::microphone_on:
            return encode_message(ipc::SetMicrophone{.call = a.call, .on = true});
        case Verb::microphone_off:
            return encode_message(ipc::SetMicrophone{.call = a.call, .on = false});
        case Verb::recheck:
            return encode_message(ipc::Recheck{.call = a.call});
    }
    CHECK(false);
    return {};
}

Result<std::string> dial_uri(std::string_view typed) {
    while (!typed.empty() && typed.front() == ' ') typed.remove_prefix(1);
    while (!typed.empty() && typed.back() == ' ') typed.remove_suffix(1);
    if (typed.empty()) return Error{Errc::bad_value, "nobody to call", 0};
    const auto bad = [](unsigned char c) { return c <= 0x20 || c >= 0x7F; };
    if (std::ranges::any_of(typed, bad)) return Error{Errc::bad_value, "not a SIP address", 0};
    std::string uri(typed);
    if (!uri.starts_with("sip:") && !uri.starts_with("sips:")) uri.insert(0, "sip:");
    if (uri.size() > 255) return Error{Errc::too_large, "address", static_cast<uint32_t>(uri.size())};
    return uri;
}

Callee find_callee(std::string_view typed, const Phone& phone) {
    while (typed.starts_with(' ')) typed.remove_prefix(1);
    while (typed.ends_with(' ')) typed.remove_suffix(1);
    const std::string quoted = "\"" + std::string(typed) + "\"";
    const auto nobody = [](std::string problem, ipc::EndReason reason = ipc::EndReason::not_found) {
        return Callee{.uri = {}, .problem = std::move(problem), .reason = reason};
    };
    if (is_address(typed)) {
        auto uri = dial_uri(typed);
        if (uri) return {.uri = std::move(*uri), .problem = {}};
        return nobody(quoted + " is not an address that can be called. Type a name like alice@example.com.",
                      ipc::EndReason::none);
    }
    if (phone.locked())
        return nobody("This phone is locked: it knows its contacts once the PIN is entered.", ipc::EndReason::locked);
    if (!phone.contacts().whole())
        return nobody("The contacts are still being read. Try again.", ipc::EndReason::internal);
    const auto found = phone.contacts().named(typed);
    if (found.size() == 1) return {.uri = found[0]->uri, .problem = {}};
    if (found.empty())
        return nobody("No contact is called " + quoted +
                      ". Type an address like alice@example.com, or keep one under " +
                      "that name: sealcall contacts add.");
    return nobody(quoted + " may be one of " + std::to_string(found.size()) +
                  " contacts. Type the whole name, or the address.");
}

}  // namespace sealcall::ui
