// Records as they are written: reads what is new in the file, and the file that takes its place.
#pragma once

#include <filesystem>
#include <functional>

#include "audit_sink.h"

namespace sealcall::cli {

class AuditFollower {
  public:
    /// From this byte on, where a record begins; the file need not be there yet.
    AuditFollower(std::filesystem::path file, uint64_t from);
    /// Where the next record will begin: behind the last whole one. 0: there is no file.
    static uint64_t end_of(const std::filesystem::path& file);
    /// Whole records that were written since, in order. Nothing is checked but their form: who reads them can.
    std::vector<AuditRecord> next();

  private:
    void reopen();
    std::filesystem::path file_;
    UniqueFd fd_;
    uint64_t at_ = 0;
    uint64_t next_seq_ = 0;  ///< what was given already is not given again
    std::string rest_;
};

/// Sends every new record to all places until `stop` says so; a place that cannot be reached is tried again, and what
/// waits for it waits in the file. Said once on standard error.
void follow_audit(AuditFollower follower, const std::vector<std::string>& places, const std::function<bool()>& stop);

}  // namespace sealcall::cli
