#include "tools/sealcall/launcher/role_control.h"

namespace sealcall::launcher {

RoleControl::RoleControl(ipc::ProcessRole role, RoleProcess process, ipc::Link link, Digest measured)
    : role_(role), process_(std::move(process)), link_(std::move(link)), measured_(measured) {}

// True if the message belonged to the start.
Result<bool> RoleControl::take_start_message(ByteSpan message) {
    TRY(const uint16_t id, ipc::message_id(message));
    if (state_ == State::starting) {
        TRY(const auto hello, ipc::decode_message<ipc::LinkHello>(message));
        if (!ipc::hello_matches(hello, role_)) return Error{Errc::bad_value, "another build or role", 0};
        state_ = State::greeted;
        return true;
    }
    if (id != ipc::Ready::kId) return false;
    if (state_ != State::greeted) return Error{Errc::wrong_state, "Ready", 0};
    TRY(const auto ready, ipc::decode_message<ipc::Ready>(message));
    problem_ = ready.problem.str();
    if (!ready.ok) return Error{Errc::unavailable, "not ready", 0};
    state_ = State::ready;
    return true;
}

Result<std::optional<Bytes>> RoleControl::receive(std::span<std::byte> buffer) {
    for (;;) {
        auto message = link_.receive(buffer);
        if (!message && message.error().code == Errc::would_block) return std::optional<Bytes>();
        if (!message) return message.error();
        TRY(const bool done, take_start_message(*message));
        if (!done) return std::optional<Bytes>(to_bytes(*message));
        if (state_ == State::ready) return std::optional<Bytes>();
    }
}

}  // namespace sealcall::launcher
