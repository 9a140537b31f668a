// Starts one role: new namespaces, a root directory that holds its closure and nothing else, its file descriptors, an
// empty environment, no privileges, and a first Landlock layer before its first instruction.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sealcall/ipc/schema.h"
#include "tools/sealcall/launcher/child.h"
#include "tools/sealcall/launcher/id_map.h"
#include "tools/sealcall/launcher/private_store.h"

namespace sealcall::launcher {

/// "enclave": as in the name of the executable (sealcall-enclave) and in the measurement log.
const char* name_of(ipc::ProcessRole role);

/// One file descriptor that the role finds at `number`.
struct HandedFd {
    int number = -1;
    int source = -1;  ///< stays the caller's
};

/// What audio may reach beside its own closure: packaged sound configuration, plugins, cards, one sound server.
struct SoundAccess {
    std::string pulse_socket;  ///< path of a Pulse server's socket; empty: none
};

/// The Pulse socket of this user's session (PULSE_SERVER, else XDG_RUNTIME_DIR/pulse/native); empty when there is none.
std::string find_pulse_socket();

struct RoleSpec {
    ipc::ProcessRole role{};
    std::filesystem::path root;         ///< the role's root directory
    std::filesystem::path executable;   ///< under it
    std::filesystem::path loader;       ///< under it
    std::filesystem::path library_dir;  ///< under it
    Isolation isolation = Isolation::namespaces;
    UserAndGroup user;                 ///< who it runs as; ours, unless the store `can_switch_users`
    std::vector<HandedFd> fds;         ///< numbers 0 to n without a gap; everything else is closed
    std::optional<SoundAccess> sound;  ///< audio with devices only
};

/// What is known to be in force because the launcher itself did it.
struct RoleProcess {
    Child child;
    int landlock_abi = 0;  ///< of the layer made before exec; 0: none
};

/// Blocks until the role was executed or could not be. One thread only. The role ends with the thread that calls this.
/// Errors: what the step that failed reported (detail: errno), `what` names the step.
Result<RoleProcess> start_role(const RoleSpec& spec);

}  // namespace sealcall::launcher
