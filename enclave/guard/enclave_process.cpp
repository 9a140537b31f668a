#include "enclave/guard/enclave_process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "enclave/guard/files.h"
#include "enclave/sandbox/capabilities.h"
#include "enclave/sandbox/landlock.h"

namespace sealcall::guard {
namespace {

namespace fs = std::filesystem;

constexpr int kSourcesFrom = 100;  // above every number that is handed over
constexpr rlim_t kFilesOpen = 128;

Error system_error(const char* what) { return Error{Errc::io, what, static_cast<uint32_t>(errno)}; }

bool enter_root(const fs::path& root) {
    constexpr std::string_view kHostName = "sealcall";
    constexpr unsigned long kReadOnly = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV;
    return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           ::mount(root.c_str(), root.c_str(), nullptr, MS_BIND, nullptr) == 0 &&
           ::mount(nullptr, root.c_str(), nullptr, kReadOnly, nullptr) == 0 && ::chdir(root.c_str()) == 0 &&
           ::syscall(SYS_pivot_root, ".", ".") == 0 && ::umount2(".", MNT_DETACH) == 0 && ::chdir("/") == 0 &&
           ::sethostname(kHostName.data(), kHostName.size()) == 0;
}

bool place_fds(std::span<const int> sources) {
    for (size_t i = 0; i < sources.size(); ++i)
        if (::dup2(sources[i], static_cast<int>(i)) < 0) return false;
    return ::syscall(SYS_close_range, static_cast<unsigned>(sources.size()), ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

void reset_signals() {
    for (int s = 1; s < NSIG; ++s) (void)::signal(s, SIG_DFL);
    (void)::signal(SIGPIPE, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    (void)::setsid();
}

bool become_user(const EnclavePlan& plan) {
    // The capabilities outlive the change of user, so that the bounding set can be emptied after it; then all go.
    constexpr unsigned long kNoRoot = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                      SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                                      SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    return ::prctl(PR_SET_SECUREBITS, kNoRoot, 0, 0, 0) == 0 && ::setgroups(0, nullptr) == 0 &&
           ::setresgid(plan.gid, plan.gid, plan.gid) == 0 && ::setresuid(plan.uid, plan.uid, plan.uid) == 0 &&
           sandbox::limit_capabilities(0).has_value() && ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

bool set_limits() {
    const rlimit no_core{.rlim_cur = 0, .rlim_max = 0}, files{.rlim_cur = kFilesOpen, .rlim_max = kFilesOpen};
    return ::setrlimit(RLIMIT_CORE, &no_core) == 0 && ::setrlimit(RLIMIT_NOFILE, &files) == 0;
}

/// In the child; comes back only on failure, with errno.
void become_enclave(const EnclavePlan& plan, const ApprovedRole& role, std::span<const int> fds) {
    ::umask(077);
    if (!enter_root(plan.root) || !place_fds(fds)) return;
    reset_signals();
    if (!become_user(plan)) return;
    const sandbox::FileRule own_root{"/", sandbox::FileUse::read_execute};
    if (!sandbox::landlock_restrict(std::span(&own_root, 1), sandbox::TcpUse::none)) return;
    if (!set_limits()) return;
    std::string name = "sealcall-enclave";
    char* const argv[] = {name.data(), nullptr};
    char* const environment[] = {nullptr};
    ::execve(role.files.front().place.c_str(), argv, environment);
}

}  // namespace

Status make_root(const fs::path& root) {
    std::error_code failed;
    fs::create_directories(root, failed);
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("sealcall-guard", root.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=256m,mode=0755") != 0)
        return Error{Errc::not_permitted, "a file system for the enclave's copies", static_cast<uint32_t>(errno)};
    return {};
}

Result<attestation::MeasuredRole> copy_role(const ApprovedRole& role, const fs::path& root) {
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(root, failed)) fs::remove_all(entry.path(), failed);
    const mode_t before = ::umask(022);  // a user of its own must get through to its program
    attestation::MeasuredRole found{.role = role.role, .files = {}};
    Status status;
    for (const ApprovedFile& f : role.files) {
        const fs::path target = root / fs::path(f.place).relative_path();
        fs::create_directories(target.parent_path(), failed);
        UniqueFd from(::open(f.source.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
        if (!from.valid()) status = Error{Errc::not_found, "an approved file is missing", static_cast<uint32_t>(errno)};
        UniqueFd to(::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0555));
        if (status && !to.valid()) status = system_error("copy of an approved file");
        if (!status) break;
        const auto digest = hash_file(from.get(), to.get());
        if (!digest) status = digest.error();
        if (!status) break;
        found.files.push_back({.name = target.filename().string(), .digest = *digest});
    }
    ::umask(before);
    if (!status) return status.error();
    return found;
}

Result<EnclaveProcess> start_enclave(const EnclavePlan& plan, const ApprovedRole& role, std::span<const int> fds) {
    if (plan.uid == 0 || plan.gid == 0) return Error{Errc::not_permitted, "the enclave never runs as root", 0};
    std::vector<UniqueFd> moved;
    std::vector<int> sources;
    for (const int fd : fds) {
        moved.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, kSourcesFrom));
        if (!moved.back().valid()) return system_error("descriptor for the enclave");
        sources.push_back(moved.back().get());
    }
    int status[2];
    if (::pipe2(status, O_CLOEXEC) != 0) return system_error("pipe");
    const UniqueFd ours(status[0]);
    UniqueFd theirs(::fcntl(status[1], F_DUPFD_CLOEXEC, kSourcesFrom));
    ::close(status[1]);
    int pidfd = -1;
    clone_args args{};
    args.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_PIDFD;
    args.pidfd = reinterpret_cast<uintptr_t>(&pidfd);
    args.exit_signal = SIGCHLD;
    const auto pid = static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
    if (pid == 0) {
        become_enclave(plan, role, sources);
        const int why = errno;
        (void)!::write(theirs.get(), &why, sizeof why);
        ::_exit(127);
    }
    if (pid < 0) return Error{Errc::not_permitted, "process of the enclave", static_cast<uint32_t>(errno)};
    EnclaveProcess out{.pid = pid, .pidfd = UniqueFd(pidfd)};
    theirs.reset();
    int why = 0;
    if (::read(ours.get(), &why, sizeof why) == 0) return out;  // closed by exec
    (void)::waitpid(pid, nullptr, 0);
    return Error{Errc::not_permitted, "start of the enclave", static_cast<uint32_t>(why)};
}

}  // namespace sealcall::guard
