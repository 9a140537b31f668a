// Problem: the one exception of the command. It carries what a person needs: what happened, what to do, and for scripts
// the exit status. Caught in main; it never crosses a library of the trusted base.
#pragma once

#include <stdexcept>
#include <string>

namespace sealcall::cli {

/// Exit statuses of the commands that are not calls. They mean the same as those of a call, which the ui role decides:
/// 3 no, by rule; 4 nobody to talk to; 5 this phone itself. What 3 means for the commands that need a running phone
/// stands on their pages.
namespace exit_status {
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;       ///< it was tried and did not work
inline constexpr int kUsage = 2;        ///< the command line or the configuration is wrong
inline constexpr int kRefused = 3;      ///< the authority, a policy or the TPM says no
inline constexpr int kNoPhone = 3;      ///< status, answer, hangup, ...: no phone of this profile runs
inline constexpr int kDoesNotHold = 3;  ///< evidence: it was read, and what it should show is not so
inline constexpr int kNobody = 4;       ///< nobody to talk to: the authority does not answer
inline constexpr int kNotSetUp = 5;     ///< `sealcall init` or `sealcall enroll` comes first
}  // namespace exit_status

class Problem : public std::runtime_error {
  public:
    /// `what`: one sentence about what happened; `next`: what to do about it (may be empty).
    Problem(std::string what, std::string next, int status = exit_status::kFailed)
        : std::runtime_error(std::move(what)), next_(std::move(next)), status_(status) {}
    [[nodiscard]] const std::string& next() const { return next_; }
    [[nodiscard]] int status() const { return status_; }

  private:
    std::string next_;
    int status_;
};

}  // namespace sealcall::cli
