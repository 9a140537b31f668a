// What ConfigureUi asks ui to do by itself: dial once and end with that call, hold, resume and hang up after given
// times. For scripts, tests and demos. Sans-I/O: it looks at the model and says what to do next.
#pragma once

#include <optional>
#include <vector>

#include "host/ui/actions.h"
#include "host/ui/exit_status.h"

namespace sealcall::ui {

struct Step {
    enum class Kind : uint8_t { dial, act, finish };
    Kind kind{};
    Action action{};                              ///< act
    ExitStatus status = ExitStatus::own_trouble;  ///< finish
    ipc::EndReason reason{};                      ///< finish
    bool operator==(const Step&) const = default;
};

class Script {
  public:
    /// The phone has not said within this time that it can be dialled from: try all the same, the reason will be
    /// clearer.
    static constexpr uint64_t kNetworkWaitUs = 3'000'000;
    static constexpr uint64_t kRegisterWaitUs = 10'000'000;
    /// The enclave owes an answer to a Dial.
    static constexpr uint64_t kReplyWaitUs = 15'000'000;
    /// After the end: until the secret's destruction and the last numbers were told.
    static constexpr uint64_t kLingerMinUs = 50'000;
    static constexpr uint64_t kLingerMaxUs = 3'000'000;

    Script() = default;
    explicit Script(const ipc::ConfigureUi& c);

    /// Start came: times run from here.
    void started(uint64_t now_us) { started_us_ = now_us; }
    /// The reply to the dial that `Step::dial` asked for.
    void dial_reply(const ipc::DialReply& m);

    /// What to do now. Call after every message and deadline.
    std::vector<Step> run(const Phone& phone, uint64_t now_us);
    /// When `run` should be called although nothing came, boot µs.
    [[nodiscard]] std::optional<uint64_t> next_deadline(const Phone& phone, uint64_t now_us) const;

    [[nodiscard]] bool dials() const { return dials_; }
    [[nodiscard]] CallId call() const { return call_; }

  private:
    enum class State : uint8_t { waiting, asked, calling, finished };
    struct Timers {
        CallId call;
        bool held = false, resumed = false, hung_up = false;
        uint64_t held_us = 0;
    };

    [[nodiscard]] uint64_t dial_at(const Phone& phone) const;
    [[nodiscard]] uint64_t finish_at(const Call& call) const;
    Timers& timers_of(CallId id);
    void run_timers(const Call& call, uint64_t now_us, std::vector<Step>& out);
    void run_dial(const Phone& phone, uint64_t now_us, std::vector<Step>& out);
    void finish(ExitStatus status, ipc::EndReason reason, std::vector<Step>& out);

    bool dials_ = false;
    uint64_t hang_up_after_us_ = 0, hold_after_us_ = 0, hold_for_us_ = 0;
    State state_ = State::waiting;
    uint64_t started_us_ = 0, asked_us_ = 0;
    CallId call_{};
    ipc::EndReason refused_{};
    std::vector<Timers> timers_;
};

}  // namespace sealcall::ui
