// The logs that this machine keeps of what was started on it, opened for whoever hands them on: a phone, or
// `evidence collect`.
#pragma once

#include "config.h"
#include "sealcall/base/bytes.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::cli {

struct OwnLogs {
    UniqueFd boot, runtime;  ///< invalid: there is none, or this user may not read it
};

/// The kernel's own logs say nothing about a software TPM: there a log is offered only when the configuration names
/// one. A log that only root may read is not offered, which peers see as "withheld". Throws Problem when a log that the
/// configuration names cannot be opened.
OwnLogs open_own_logs(const LogConfig& config, bool software_tpm);

/// The first `size` bytes; fewer if there are fewer. Kernel logs grow, but what is there stays. Throws Problem.
Bytes beginning_of(const UniqueFd& log, size_t size);

}  // namespace sealcall::cli
