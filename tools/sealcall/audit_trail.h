// All files of one audit log, oldest first, as one chain. A file that continues an older one begins with a copy of its
// last record.
#pragma once

#include <filesystem>

#include "audit_log.h"

namespace sealcall::cli {

struct ProfilePaths;

struct AuditTrail {
    std::vector<std::filesystem::path> files;
    AuditReport log;  ///< of all files; the copies that join them stand once
};

/// Files of the profile: those that were put away, then the one that is written. Those that are not there are left out.
std::vector<std::filesystem::path> audit_files(const ProfilePaths& paths);
/// The same of a log, by its name.
std::vector<std::filesystem::path> audit_files(const std::filesystem::path& log);
/// Name of a file that is put away, by the number of its last record.
std::string audit_file_name(uint64_t last_seq);

/// Throws Problem: a file cannot be read.
AuditTrail read_trail(const std::vector<std::filesystem::path>& files);

/// Index of the record with this number; nothing if it is not in the log.
std::optional<size_t> find_record(const AuditReport& log, uint64_t seq);

}  // namespace sealcall::cli
