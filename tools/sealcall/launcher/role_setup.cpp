#include "tools/sealcall/launcher/role_setup.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/securebits.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "enclave/sandbox/capabilities.h"
#include "enclave/sandbox/landlock.h"
#include "tools/sealcall/launcher/role_limits.h"

namespace sealcall::launcher {
namespace {

namespace fs = std::filesystem;
using ipc::ProcessRole;

constexpr const char* kPulsePlace = "/run/pulse-native";
constexpr const char* kPulseServer = "PULSE_SERVER=unix:/run/pulse-native";

// Shown to audio with devices, read-only but the cards. Not the person's home, not /proc, not other sockets.
constexpr const char* kSoundPlaces[] = {"/usr/share/alsa", "/etc/alsa", "/etc/asound.conf",
                                        "/etc/pulse",      "/dev/snd",  "/dev/urandom"};

bool is_device(const char* path) { return std::strncmp(path, "/dev/", 5) == 0; }

// A bind mount keeps the flags of its origin; a remount must not drop one that is locked.
unsigned long locked_flags(const char* path) {
    struct statvfs v {};
    if (::statvfs(path, &v) != 0) return 0;
    unsigned long flags = 0;
    if ((v.f_flag & ST_NOSUID) != 0) flags |= MS_NOSUID;
    if ((v.f_flag & ST_NODEV) != 0) flags |= MS_NODEV;
    if ((v.f_flag & ST_NOEXEC) != 0) flags |= MS_NOEXEC;
    if ((v.f_flag & ST_NOATIME) != 0) flags |= MS_NOATIME;
    if ((v.f_flag & ST_NODIRATIME) != 0) flags |= MS_NODIRATIME;
    if ((v.f_flag & ST_RELATIME) != 0) flags |= MS_RELATIME;
    return flags;
}

bool bind(const char* from, const fs::path& to, bool writable) {
    if (::mount(from, to.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) return false;
    const unsigned long flags = MS_REMOUNT | MS_BIND | locked_flags(to.c_str()) | MS_RDONLY;
    return writable || ::mount(nullptr, to.c_str(), nullptr, flags, nullptr) == 0;
}

// Makes the mount point, a directory or an empty file as the origin is, and binds. What does not exist is left out.
bool show(const fs::path& root, const char* from, const char* at, bool writable) {
    struct stat st {};
    if (::stat(from, &st) != 0) return true;
    const fs::path to = root / fs::path(at).relative_path();
    std::error_code failed;
    fs::create_directories(S_ISDIR(st.st_mode) ? to : to.parent_path(), failed);
    if (failed) return errno = failed.value(), false;
    if (!S_ISDIR(st.st_mode)) {
        const int fd = ::open(to.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
        if (fd < 0) return false;
        ::close(fd);
    }
    return bind(from, to, writable);
}

bool show_sound(const RoleSpec& spec) {
    // Plugins lie beside the libraries: where the library directory really is (merged /usr).
    std::error_code failed;
    const fs::path real = fs::canonical(spec.library_dir, failed);
    if (failed) return errno = failed.value(), false;
    if (spec.library_dir != real && !show(spec.root, real.c_str(), real.c_str(), false)) return false;
    for (const char* place : kSoundPlaces)
        if (!show(spec.root, place, place, is_device(place))) return false;
    return spec.sound->pulse_socket.empty() || show(spec.root, spec.sound->pulse_socket.c_str(), kPulsePlace, true);
}

bool make_mounts(const RoleSpec& spec) {
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
    if (::mount(spec.root.c_str(), spec.root.c_str(), nullptr, MS_BIND, nullptr) != 0) return false;
    if (spec.sound && !show_sound(spec)) return false;
    const unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | locked_flags(spec.root.c_str());
    return ::mount(nullptr, spec.root.c_str(), nullptr, flags, nullptr) == 0;
}

bool enter_root(const RoleSpec& spec) {
    constexpr std::string_view kHostName = "sealcall";
    return ::chdir(spec.root.c_str()) == 0 && ::syscall(SYS_pivot_root, ".", ".") == 0 &&
           ::umount2(".", MNT_DETACH) == 0 && ::chdir("/") == 0 &&
           ::sethostname(kHostName.data(), kHostName.size()) == 0;
}

bool place_fds(const std::vector<HandedFd>& fds) {
    for (const HandedFd& f : fds)
        if (::dup2(f.source, f.number) != f.number) return false;
    // Not closed but marked: the status pipe must live until exec.
    const auto first = static_cast<unsigned>(fds.size());
    return ::syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

void reset_signals(ProcessRole role) {
    for (int s = 1; s < NSIG; ++s) (void)::signal(s, SIG_DFL);
    // Ctrl-C goes to everybody in the terminal's foreground; the launcher decides what it means.
    for (int s : {SIGINT, SIGQUIT, SIGPIPE}) (void)::signal(s, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (role != ProcessRole::ui) (void)::setsid();  // ui stays with the terminal
}

bool set_limits(ProcessRole role) {
    const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
    if (::setrlimit(RLIMIT_CORE, &no_core) != 0) return false;
    for (const Limit& l : limits_of(role)) {
        const rlimit value{.rlim_cur = l.value, .rlim_max = l.value};
        rlimit now{};
        if (::getrlimit(l.resource, &now) != 0) return false;
        if (now.rlim_max >= l.value && ::setrlimit(l.resource, &value) != 0) return false;
    }
    return true;
}

bool become_user(const RoleSpec& spec) {
    if (spec.isolation == Isolation::namespaces || ::geteuid() == 0)
        (void)::setgroups(0, nullptr);  // root only; see id_map
    if (::setresgid(spec.user.gid, spec.user.gid, spec.user.gid) != 0) return false;
    if (::setresuid(spec.user.uid, spec.user.uid, spec.user.uid) != 0) return false;
    constexpr unsigned long kNoRoot = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                      SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                                      SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
    (void)::prctl(PR_SET_SECUREBITS, kNoRoot, 0, 0, 0);  // without the right to set them there is nothing to bar
    if (auto s = sandbox::limit_capabilities(0); !s) return errno = static_cast<int>(s.error().detail), false;
    return ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

bool first_landlock_layer(const RoleSpec& spec) {
    using sandbox::FileRule;
    using sandbox::FileUse;
    const bool own_root = spec.isolation == Isolation::namespaces;
    std::vector<FileRule> rules{{own_root ? "/" : spec.root.c_str(), FileUse::read_execute}};
    if (spec.sound) {
        rules.push_back({"/dev/snd", FileUse::device});
        if (!own_root) {
            for (const char* place : kSoundPlaces) rules.push_back({place, FileUse::read});
            rules.push_back({spec.library_dir.c_str(), FileUse::read_execute});
        }
    }
    const auto tcp = spec.role == ProcessRole::host ? sandbox::TcpUse::any : sandbox::TcpUse::none;
    if (auto s = sandbox::landlock_restrict(rules, tcp); !s) return errno = static_cast<int>(s.error().detail), false;
    return true;
}

void execute(const RoleSpec& spec) {
    std::string pulse = kPulseServer;
    if (spec.sound && spec.isolation == Isolation::directory) pulse = "PULSE_SERVER=unix:" + spec.sound->pulse_socket;
    char* environment[] = {nullptr, nullptr};
    if (spec.sound && !spec.sound->pulse_socket.empty()) environment[0] = pulse.data();
    std::string name = spec.executable.filename().string();
    if (spec.isolation == Isolation::namespaces) {
        char* const argv[] = {name.data(), nullptr};
        ::execve(spec.executable.c_str(), argv, environment);
        return;
    }
    // The system's loader would take the system's libraries: name ours.
    std::string loader = spec.root / spec.loader.relative_path();
    std::string libraries = spec.root / spec.library_dir.relative_path();
    std::string program = spec.root / spec.executable.relative_path();
    std::string words[] = {"--inhibit-cache", "--library-path", "--argv0"};
    char* const argv[] = {loader.data(),   words[0].data(), words[1].data(), libraries.data(),
                          words[2].data(), name.data(),     program.data(),  nullptr};
    ::execve(loader.c_str(), argv, environment);
}

}  // namespace

const char* name_of(Step step) {
    switch (step) {
        case Step::none:
            break;
        case Step::go:
            return "start";
        case Step::mounts:
            return "mounts of a role";
        case Step::root:
            return "root of a role";
        case Step::fds:
            return "files of a role";
        case Step::user:
            return "user of a role";
        case Step::limits:
            return "limits of a role";
        case Step::landlock:
            return "landlock of a role";
        case Step::exec:
            return "exec of a role";
    }
    return "";
}

StepFailed become_role(const RoleSpec& spec, const std::vector<HandedFd>& fds) {
    const auto failed = [](Step step) { return StepFailed{.step = step, .error = errno}; };
    ::umask(077);
    if (spec.isolation == Isolation::namespaces) {
        if (!make_mounts(spec)) return failed(Step::mounts);
        if (!enter_root(spec)) return failed(Step::root);
    } else if (::chdir("/") != 0) {
        return failed(Step::root);
    }
    if (!place_fds(fds)) return failed(Step::fds);
    reset_signals(spec.role);
    if (!become_user(spec)) return failed(Step::user);
    if (!first_landlock_layer(spec)) return failed(Step::landlock);
    // Last: files that are open until exec may fill what a role is allowed.
    if (!set_limits(spec.role)) return failed(Step::limits);
    execute(spec);
    return failed(Step::exec);
}

}  // namespace sealcall::launcher
