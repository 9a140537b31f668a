// The enclave as the guard starts it: from copies that were hashed on the way and are all approved, under a user of its
// own, in namespaces of its own, with nothing but the descriptors that were handed over.
#pragma once

#include <sys/types.h>

#include <filesystem>

#include "enclave/guard/approved.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::guard {

struct EnclavePlan {
    std::filesystem::path root;  ///< a directory of ours alone, for the copies; on a file system that may execute
    uid_t uid = 0;               ///< who the enclave runs as; 0: refused
    gid_t gid = 0;
};

/// A file system in memory at `root`, seen by this process and its children only. Errors: not_permitted (detail:
/// errno).
Status make_root(const std::filesystem::path& root);

/// Copies every file of `role` below `root`, over what was there. Gives the role as it was really found: equal to
/// `role.measured()`, or something that nobody approved. Errors: not_found, io.
Result<attestation::MeasuredRole> copy_role(const ApprovedRole& role, const std::filesystem::path& root);

/// Starts what copy_role left. `fds`: what it finds at 0, 1, 2 ...; they stay the caller's. The process ends with the
/// thread that calls this. Errors: not_permitted, io (detail: errno).
struct EnclaveProcess {
    pid_t pid = -1;
    UniqueFd pidfd;
};
Result<EnclaveProcess> start_enclave(const EnclavePlan& plan, const ApprovedRole& role, std::span<const int> fds);

}  // namespace sealcall::guard
