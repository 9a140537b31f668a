// Records as they are written: reads what is new in the files, and the file that takes their place.
#pragma once

#include <filesystem>
#include <functional>

#include "audit_sink.h"

namespace sealcall::cli {

/// The last record that somebody has; as it begins: none, the first of a log follows.
struct AuditPlace {
    uint64_t seq = ~uint64_t{0};
    Digest digest{};
};

class AuditFollower {
  public:
    /// From behind this record on, through the files that were put away since; the file need not be there yet. When the
    /// record is nowhere, from the beginning.
    AuditFollower(std::filesystem::path file, const AuditPlace& after);
    /// The last whole record of the file.
    static AuditPlace newest(const std::filesystem::path& file);
    /// Some of the whole records that follow, in order; none: there is nothing new. Before one that does not follow the
    /// one before stands a `chain_broken`, which is of no file and has no digest.
    std::vector<AuditRecord> next();

  private:
    bool go_on();
    bool open_next(size_t at, const std::vector<std::filesystem::path>& files);
    void take(std::string_view line, std::vector<AuditRecord>& out);
    std::filesystem::path file_;
    UniqueFd fd_;
    uint64_t at_ = 0;  ///< where a line begins
    AuditPlace last_;
    bool broken_ = false;
};

/// Sends every new record to all places until `stop` says so; a place that cannot be reached is tried again, and what
/// waits for it waits in the file. Said once on standard error. Where each place stands is kept in the file `sent`, and
/// a place that stands there goes on from there; empty: nothing is kept.
void follow_audit(const std::filesystem::path& file, const std::vector<std::string>& places,
                  const std::filesystem::path& sent, const std::function<bool()>& stop);

}  // namespace sealcall::cli
