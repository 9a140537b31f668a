#include "enclave/sandbox/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "sealcall/base/unique_fd.h"

namespace sealcall::sandbox {
namespace {

// Debian 12's header ends at ABI 2; what later kernels added, by the kernel's documentation (userspace-api/landlock).
struct RulesetAttr {
    uint64_t fs = 0;
    uint64_t net = 0;
    uint64_t scoped = 0;
};
constexpr uint64_t kAbi1Files = 0x1fff;      // execute .. make_sym
constexpr uint64_t kRefer = 1U << 13;        // ABI 2
constexpr uint64_t kTruncate = 1U << 14;     // ABI 3
constexpr uint64_t kIoctlDevice = 1U << 15;  // ABI 5
constexpr uint64_t kTcpBindConnect = 0x3;    // ABI 4
constexpr uint64_t kScopeAll = 0x3;          // ABI 6: abstract Unix sockets, signals

uint64_t files_of(int abi) {
    uint64_t all = kAbi1Files;
    if (abi >= 2) all |= kRefer;
    if (abi >= 3) all |= kTruncate;
    if (abi >= 5) all |= kIoctlDevice;
    return all;
}

size_t size_of(int abi) { return abi >= 6 ? 24 : abi >= 4 ? 16 : 8; }

uint64_t access_of(FileUse use) {
    constexpr uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    switch (use) {
        case FileUse::read:
            return kRead;
        case FileUse::read_execute:
            return kRead | LANDLOCK_ACCESS_FS_EXECUTE;
        case FileUse::device:
            return kRead | LANDLOCK_ACCESS_FS_WRITE_FILE | kIoctlDevice;
    }
    return 0;
}

Status add(int ruleset, const FileRule& rule, uint64_t handled) {
    UniqueFd at(::open(rule.path, O_PATH | O_CLOEXEC));
    if (!at.valid()) return {};
    struct stat st {};
    if (::fstat(at.get(), &st) != 0) return Error{Errc::io, "landlock path", static_cast<uint32_t>(errno)};
    uint64_t access = access_of(rule.use) & handled;
    if (!S_ISDIR(st.st_mode)) access &= ~static_cast<uint64_t>(LANDLOCK_ACCESS_FS_READ_DIR);
    const landlock_path_beneath_attr attr{.allowed_access = access, .parent_fd = at.get()};
    if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) != 0)
        return Error{Errc::not_permitted, "landlock rule", static_cast<uint32_t>(errno)};
    return {};
}

}  // namespace

int landlock_abi() {
    const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi < 0 ? 0 : static_cast<int>(abi);
}

Status landlock_restrict(std::span<const FileRule> rules, TcpUse tcp) {
    const int abi = landlock_abi();
    if (abi == 0) return {};
    RulesetAttr attr{.fs = files_of(abi)};
    if (abi >= 4 && tcp == TcpUse::none) attr.net = kTcpBindConnect;
    if (abi >= 6) attr.scoped = kScopeAll;
    UniqueFd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attr, size_of(abi), 0)));
    if (!ruleset.valid()) return Error{Errc::not_permitted, "landlock ruleset", static_cast<uint32_t>(errno)};
    for (const FileRule& rule : rules) TRY_STATUS(add(ruleset.get(), rule, attr.fs));
    if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
        return Error{Errc::not_permitted, "landlock", static_cast<uint32_t>(errno)};
    return {};
}

}  // namespace sealcall::sandbox
