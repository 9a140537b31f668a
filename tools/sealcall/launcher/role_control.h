// The launcher's end of one role: its process and its control link, from hello to Ready.
#pragma once

#include <optional>
#include <string>

#include "sealcall/ipc/link.h"
#include "tools/sealcall/launcher/role_process.h"

namespace sealcall::launcher {

class RoleControl {
  public:
    enum class State : uint8_t { starting, greeted, ready, gone };

    RoleControl(ipc::ProcessRole role, RoleProcess process, ipc::Link link, Digest measured);

    /// Hello, configuration, Start. Errors: too_large, closed.
    template <ipc::Message T>
    Status configure(const T& configuration) {
        Bytes message = ipc::encode_message(configuration);
        if (message.size() > ipc::kMessageMax) return Error{Errc::too_large, "configuration", 0};
        TRY_STATUS(link_.hello(ipc::ProcessRole::launcher));
        TRY_STATUS(link_.send_bytes(std::move(message)));
        return link_.send(ipc::Start{});
    }

    /// One message after another until there is none (nothing), Ready came (nothing), or one that is no part of the
    /// start. Errors: closed; bad_value, wrong_state, unknown_message (the role is to be ended); unavailable (Ready
    /// said no).
    Result<std::optional<Bytes>> receive(std::span<std::byte> buffer);

    [[nodiscard]] ipc::ProcessRole role() const { return role_; }
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] ipc::Link& link() { return link_; }
    [[nodiscard]] const ipc::Link& link() const { return link_; }
    [[nodiscard]] Child& child() { return process_.child; }
    [[nodiscard]] const Child& child() const { return process_.child; }
    [[nodiscard]] int landlock_abi() const { return process_.landlock_abi; }
    [[nodiscard]] const Digest& measured() const { return measured_; }
    /// What Ready gave as the reason for not being ready.
    [[nodiscard]] const std::string& problem() const { return problem_; }
    void set_gone() { state_ = State::gone; }

  private:
    Result<bool> take_start_message(ByteSpan message);

    ipc::ProcessRole role_;
    RoleProcess process_;
    ipc::Link link_;
    Digest measured_;
    State state_ = State::starting;
    std::string problem_;
};

}  // namespace sealcall::launcher
