// The launcher's side of sealcall-guard: asks it how things are, and for the enclave.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "sealcall/base/unique_fd.h"
#include "sealcall/ipc/guard.h"

namespace sealcall::launcher {

/// True when a guard listens at `socket` and this user may speak to it.
bool guard_answers(const std::filesystem::path& socket);

/// Errors: not_found (no guard), not_permitted (not a member of its group), timeout, closed, bad_value.
Result<ipc::GuardStatus> ask_guard(const std::filesystem::path& socket);

struct GuardedEnclave {
    UniqueFd connection;  ///< the enclave lives as long as this is open; GuardEnded comes over it
    ipc::GuardStatus started;
};
/// `fds`: as ipc::GuardStart lists them; they stay the caller's. `problem` says to
/// a person why not. Errors: as ask_guard; unavailable (the guard says no).
Result<GuardedEnclave> start_guarded(const std::filesystem::path& socket, std::span<const int> fds,
                                     std::string& problem);

}  // namespace sealcall::launcher
