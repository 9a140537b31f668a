// Where the copies of the roles lie: a tmpfs of our own in a mount namespace of our own, which nobody else sees or
// writes. Where namespaces are refused: a private directory (mode 0700), and it says so.
#pragma once

#include <filesystem>

#include "sealcall/base/result.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::launcher {

enum class Isolation : uint8_t {
    namespaces,  ///< as far as the kernel permits; falls back to `directory` by itself
    directory,   ///< no namespaces: roles are held by Landlock and seccomp alone
};

class PrivateStore {
  public:
    /// Moves the calling process into its own mount namespace (a plain user's: also user namespace, same uid), so it
    /// must have one thread. Errors: io (no place to write), not_permitted.
    static Result<PrivateStore> create(Isolation wanted);
    PrivateStore(PrivateStore&& o) noexcept;
    PrivateStore& operator=(PrivateStore&&) = delete;
    PrivateStore(const PrivateStore&) = delete;
    PrivateStore& operator=(const PrivateStore&) = delete;
    ~PrivateStore();

    [[nodiscard]] const std::filesystem::path& root() const { return root_; }
    [[nodiscard]] Isolation isolation() const { return isolation_; }
    /// True if roles can be given users of their own: we are root, and not in a user namespace of our own making.
    [[nodiscard]] bool can_switch_users() const { return can_switch_users_; }

  private:
    PrivateStore() = default;
    std::filesystem::path root_;
    UniqueFd lock_;  ///< held while the directory is in use, so that others do not sweep it away
    Isolation isolation_ = Isolation::directory;
    bool can_switch_users_ = false;
};

}  // namespace sealcall::launcher
