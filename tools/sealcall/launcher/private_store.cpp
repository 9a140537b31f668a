#include "tools/sealcall/launcher/private_store.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tools/sealcall/launcher/id_map.h"

namespace sealcall::launcher {
namespace {

namespace fs = std::filesystem;

constexpr int kTries = 5;
constexpr const char* kPrefix = "sealcall-roles-";

// Root may be started with the variable of another user, who could rename what we put there: only our own counts, and
// only if nobody else writes to it. Root's roles have users of their own, who must get through to their copies.
bool usable(const char* dir) {
    struct stat st {};
    if (dir == nullptr || *dir != '/' || ::stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)) return false;
    const bool ours = st.st_uid == ::geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    const bool passable = ::geteuid() != 0 || (st.st_mode & S_IXOTH) != 0;
    return ours && passable && ::access(dir, R_OK | W_OK | X_OK) == 0;
}

// Copies are executed from here: a directory mounted noexec would do for the mount point, not for the fallback.
fs::path parent_directory() {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    if (usable(runtime)) return runtime;
    return "/tmp";
}

UniqueFd open_locked(const fs::path& dir) {
    UniqueFd fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (fd.valid() && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) fd.reset();
    return fd;
}

// A launcher that was killed could not tidy up; its lock went with it.
void sweep(const fs::path& parent) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(parent, fs::directory_options::skip_permission_denied, ignored)) {
        if (!entry.path().filename().string().starts_with(kPrefix)) continue;
        struct stat st {};
        if (::lstat(entry.path().c_str(), &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != ::geteuid()) continue;
        const UniqueFd lock = open_locked(entry.path());
        if (lock.valid()) fs::remove_all(entry.path(), ignored);
    }
}

Status enter_mount_namespace(bool& own_user_namespace) {
    own_user_namespace = false;
    if (::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0) return {};
    const uid_t uid = ::geteuid();
    const gid_t gid = ::getegid();
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return Error{Errc::not_permitted, "user namespace", static_cast<uint32_t>(errno)};
    own_user_namespace = true;
    return map_ids("/proc/self", {.uid = uid, .gid = gid}, SetGroups::deny);
}

Status mount_tmpfs(const fs::path& at) {
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("sealcall", at.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=256m,mode=0711") != 0)
        return Error{Errc::not_permitted, "private tmpfs", static_cast<uint32_t>(errno)};
    return {};
}

}  // namespace

Result<PrivateStore> PrivateStore::create(Isolation wanted) {
    const fs::path parent = parent_directory();
    sweep(parent);
    PrivateStore store;
    // Another launcher's sweep may take the directory before it is locked: then try again.
    for (int i = 0; i < kTries && !store.lock_.valid(); ++i) {
        std::string name = (parent / (std::string(kPrefix) + "XXXXXX")).string();
        if (::mkdtemp(name.data()) == nullptr)
            return Error{Errc::io, "private directory", static_cast<uint32_t>(errno)};
        store.root_ = name;
        store.lock_ = open_locked(store.root_);
    }
    if (!store.lock_.valid()) return Error{Errc::io, "private directory", static_cast<uint32_t>(errno)};
    store.can_switch_users_ = ::geteuid() == 0;
    // Roles with users of their own must get through, not look around.
    if (store.can_switch_users_ && ::chmod(store.root_.c_str(), 0711) != 0)
        return Error{Errc::io, "private directory", static_cast<uint32_t>(errno)};
    if (wanted == Isolation::directory) return store;
    bool own_user_namespace = false;
    Status entered = enter_mount_namespace(own_user_namespace);
    if (entered) entered = mount_tmpfs(store.root_);
    if (!entered) return store;  // said through isolation()
    store.isolation_ = Isolation::namespaces;
    if (own_user_namespace) store.can_switch_users_ = false;
    return store;
}

PrivateStore::PrivateStore(PrivateStore&& o) noexcept
    : root_(std::exchange(o.root_, {})),
      lock_(std::move(o.lock_)),
      isolation_(o.isolation_),
      can_switch_users_(o.can_switch_users_) {}

PrivateStore::~PrivateStore() {
    if (root_.empty()) return;
    std::error_code ignored;
    if (isolation_ == Isolation::namespaces) (void)::umount2(root_.c_str(), MNT_DETACH);
    fs::remove_all(root_, ignored);
}

}  // namespace sealcall::launcher
