// Child: owns one process that we started. Whoever drops it ends the process.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "sealcall/base/result.h"
#include "sealcall/base/time.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::launcher {

/// How a process ended: by a signal, or with an exit status.
struct ChildEnd {
    int signal = 0;
    int exit_status = 0;
    [[nodiscard]] bool well() const { return signal == 0 && exit_status == 0; }
};

/// "was stopped by its own sandbox (SIGSYS)", "crashed (SIGSEGV)", "ended with status 1".
std::string describe(const ChildEnd& end);

class Child {
  public:
    Child() = default;
    /// Takes over a process of ours that nobody else waits for.
    explicit Child(pid_t pid);
    /// A process that sealcall-guard started for us: it lives as long as `connection`, which also says how it ended.
    static Child guarded(pid_t pid, UniqueFd connection);
    Child(Child&& o) noexcept;
    Child& operator=(Child&& o) noexcept;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    /// Kills and reaps what still runs.
    ~Child();

    [[nodiscard]] bool running() const { return pid_ > 0; }
    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Becomes readable when the process ends; -1 when there is none.
    [[nodiscard]] int fd() const { return pidfd_.get(); }
    /// Takes note of an end, if there is one.
    std::optional<ChildEnd> ended();
    /// Errors: timeout.
    Result<ChildEnd> wait(Millis deadline);
    void signal(int number) const;
    /// SIGKILL, and reaped.
    void kill();

  private:
    ChildEnd reap(int wait_flags, bool& done);
    std::optional<ChildEnd> guard_says_ended();
    pid_t pid_ = -1;
    UniqueFd pidfd_;  ///< or the connection to the guard
    bool guarded_ = false;
};

}  // namespace sealcall::launcher
