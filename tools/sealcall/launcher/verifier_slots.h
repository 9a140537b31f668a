// One fresh verifier process for each appraisal. The enclave holds one end of each slot; we pass exactly one request to
// exactly one process, with the logs that follow it, at most one answer back, and end the process: a verifier that was
// taken over by what it read meets nobody else. One process waits ready, so that an appraisal does not wait for a
// process to start.
#pragma once

#include <poll.h>

#include <functional>
#include <optional>
#include <vector>

#include "sealcall/ipc/link.h"
#include "tools/sealcall/launcher/role_process.h"

namespace sealcall::launcher {

class VerifierSlots {
  public:
    static constexpr Millis kDeadline{3000};     ///< from request to answer; then it is killed
    static constexpr Millis kReplaceAfter{250};  ///< keeps the start of the next one off a call's set-up
    using Starter = std::function<Result<RoleProcess>(int control_fd)>;
    using Log = std::function<void(const std::string& line)>;

    VerifierSlots(Starter starter, Log log) : starter_(std::move(starter)), log_(std::move(log)) {}

    /// Makes one slot; returns the enclave's end. Errors: io.
    Result<UniqueFd> add_slot();
    /// Starts the waiting process. Errors: those of the starter.
    Status prepare();

    /// What to poll for; call `handle` after poll with any result, and before `next_deadline`.
    void poll_set(std::vector<pollfd>& out) const;
    void handle(BootInstant now);
    [[nodiscard]] std::optional<BootInstant> next_deadline() const;
    /// The process that waits, or one at work; for reports.
    [[nodiscard]] const Child* any_process() const;
    void stop();

  private:
    struct Worker {
        RoleProcess process;
        ipc::Link link;
    };
    struct Slot {
        ipc::Link enclave;
        std::optional<Worker> worker;
        BootInstant deadline{};
    };
    Result<Worker> start();
    void take_requests(Slot& slot, BootInstant now);
    void take_request(Slot& slot, ByteSpan message, BootInstant now);
    void take_answers(Slot& slot, BootInstant now);
    void end(Slot& slot, BootInstant now, const char* why);

    Starter starter_;
    Log log_;
    std::vector<Slot> slots_;
    std::optional<Worker> spare_;
    std::optional<BootInstant> replace_at_;
    Bytes buffer_ = Bytes(ipc::kMessageMax + 1);
};

}  // namespace sealcall::launcher
