// Asks a fresh verifier process for each appraisal. Its answer can lower what the enclave found out itself, never raise
// it; no answer in time, a wrong echo or a dead process is "could not check".
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "enclave/log_fetch.h"
#include "sealcall/base/time.h"
#include "sealcall/ipc/link.h"

namespace sealcall::enclave {

/// One appraisal, and the logs that go with it.
struct VerifierJob {
    rats::VerifierRequest request;   ///< the sizes of the logs are filled in
    LogBytes boot_log, runtime_log;  ///< null: none
};

/// What a verifier says. `measured` is only a claim until it replays.
struct VerifierAnswer {
    rats::VerifierResponse response;
    rats::Measured measured;
};

class VerifierPool {
  public:
    static constexpr Millis kDeadline{3000};  ///< for one appraisal, waiting in the queue not counted
    static constexpr size_t kQueueMax = 16;
    using Done = std::function<void(std::optional<VerifierAnswer>)>;  ///< nothing: could not be checked

    /// One link a slot; at the other end the launcher puts a new process for each request.
    explicit VerifierPool(std::vector<ipc::Link> slots);

    /// `done` is called from `readable` or `tick`, once. Errors: unavailable when too many wait.
    Status ask(VerifierJob job, Done done);

    [[nodiscard]] const std::vector<int>& fds() const { return fds_; }
    /// poll() events of a slot: POLLOUT while a log waits to be sent.
    [[nodiscard]] short events(size_t slot) const { return slots_[slot].link.events(); }
    void ready(size_t slot, short revents);
    void tick(BootInstant now);
    [[nodiscard]] std::optional<BootInstant> next_deadline() const;

  private:
    struct Job {
        Bytes message;
        LogBytes boot_log, runtime_log;
        Digest echo{};
        Done done;
        std::vector<Digest> runtime;  ///< of the answer, so far
    };
    struct Slot {
        ipc::Link link;
        std::optional<Job> job;
        BootInstant deadline{};
    };
    void start_waiting();
    static Status send(Slot& slot);
    /// True when the answer is complete or the verifier is not worth waiting for.
    bool take(Slot& slot, ByteSpan message);
    void finish(Slot& slot, std::optional<VerifierAnswer> answer);

    std::vector<Slot> slots_;
    std::vector<int> fds_;
    std::deque<Job> waiting_;
};

}  // namespace sealcall::enclave
