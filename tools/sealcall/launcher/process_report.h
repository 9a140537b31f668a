// Which protections are really in force for a process, read from /proc (proc(5)) by the launcher.
#pragma once

#include "sealcall/ipc/schema.h"
#include "tools/sealcall/launcher/child.h"

namespace sealcall::launcher {

/// What /proc cannot say, known because the launcher did it itself or because the role would not be ready without.
struct KnownOfRole {
    ipc::ProcessRole role{};
    pid_t pid = 0;
    bool landlock = false;  ///< the launcher put the first layer on before exec; /proc shows nothing of Landlock
    bool ready = false;  ///< its own lock-down succeeded; used where /proc cannot tell (undumpable, of a root process)
    Digest executable{};
};

/// Anything that cannot be read counts as not in force. `request` is copied.
ipc::ProcessReport read_process(const KnownOfRole& known, RequestId request);

/// Fields of /proc/PID/status that a report needs.
struct ProcStatus {
    uint32_t uid = 0;
    int seccomp_mode = 0;
    int seccomp_filters = 0;  ///< 0: the kernel does not say
    bool no_new_privs = false;
    bool no_capabilities = false;
};
/// Errors: bad_value.
Result<ProcStatus> parse_proc_status(std::string_view text);

}  // namespace sealcall::launcher
