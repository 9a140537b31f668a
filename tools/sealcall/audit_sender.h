// The process that sends audit records on while a phone runs: `audit export --follow`, started by the launcher in a
// memory of its own. The enclave has no socket; the launcher, which watches all roles, needs none either.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace sealcall::cli {

class AuditSender {
  public:
    /// Starts it unless there is nowhere to send. Throws Problem: a place that is none.
    AuditSender(const std::filesystem::path& file, const std::vector<std::string>& places);
    AuditSender(const AuditSender&) = delete;
    AuditSender& operator=(const AuditSender&) = delete;
    /// Lets it send what was written last, at most two seconds.
    ~AuditSender();

  private:
    pid_t pid_ = -1;
};

}  // namespace sealcall::cli
