// Asks a fresh verifier process for each appraisal. Its answer can lower what the enclave found out itself, never raise
// it; no answer in time, a wrong echo or a dead process is "could not check".
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "sealcall/base/time.h"
#include "sealcall/ipc/link.h"

namespace sealcall::enclave {

class VerifierPool {
  public:
    static constexpr Millis kDeadline{3000};  ///< for one appraisal, waiting in the queue not counted
    static constexpr size_t kQueueMax = 16;
    using Done = std::function<void(std::optional<rats::VerifierResponse>)>;  ///< nothing: could not be checked

    /// One link a slot; at the other end the launcher puts a new process for each request.
    explicit VerifierPool(std::vector<ipc::Link> slots);

    /// `done` is called from `readable` or `tick`, once. Errors: unavailable when too many wait.
    Status ask(const rats::VerifierRequest& request, Done done);

    [[nodiscard]] const std::vector<int>& fds() const { return fds_; }
    void readable(size_t slot);
    void tick(BootInstant now);
    [[nodiscard]] std::optional<BootInstant> next_deadline() const;

  private:
    struct Job {
        Bytes message;
        Digest echo{};
        Done done;
    };
    struct Slot {
        ipc::Link link;
        std::optional<Job> job;
        BootInstant deadline{};
    };
    void start_waiting();
    void finish(Slot& slot, std::optional<rats::VerifierResponse> response);

    std::vector<Slot> slots_;
    std::vector<int> fds_;
    std::deque<Job> waiting_;
};

}  // namespace sealcall::enclave
