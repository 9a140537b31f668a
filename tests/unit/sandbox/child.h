// Runs a piece of a test in a child process, because a lock-down cannot be undone.
#pragma once

#include <functional>

namespace sealcall::test {

enum class As { self, nobody };  ///< nobody: a plain user, where the test runs as root

/// wait status of a child that ran `body` and then _exit with what it returned.
int in_child(As as, const std::function<int()>& body);

/// True if the status says that seccomp ended the process.
bool killed_by_sandbox(int status);
/// True if the child ended by itself with this exit status.
bool exited_with(int status, int code);

}  // namespace sealcall::test
