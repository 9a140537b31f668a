#include "enclave/sandbox/sandbox.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "enclave/sandbox/capabilities.h"
#include "enclave/sandbox/landlock.h"
#include "enclave/sandbox/seccomp.h"

namespace sealcall::sandbox {
namespace {

using ipc::ProcessRole;

// Where packaged sound software keeps what it reads; nothing of the person's home.
constexpr FileRule kSoundFiles[] = {
    {"/usr/lib", FileUse::read},   {"/usr/share/alsa", FileUse::read},  {"/usr/share/pulseaudio", FileUse::read},
    {"/etc/alsa", FileUse::read},  {"/etc/asound.conf", FileUse::read}, {"/etc/pulse", FileUse::read},
    {"/dev/snd", FileUse::device},
};

// What the launcher keeps as root: namespaces and mounts for each role, role users (mapping user 0 takes CAP_SETFCAP),
// the profile's files, ending roles.
constexpr uint64_t kLauncherCapabilities = 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_SETUID | 1ULL << CAP_SETGID |
                                           1ULL << CAP_SETPCAP | 1ULL << CAP_KILL | 1ULL << CAP_CHOWN |
                                           1ULL << CAP_SETFCAP | 1ULL << CAP_FOWNER | 1ULL << CAP_DAC_OVERRIDE;

Status check(const char* what, int returned) {
    if (returned != 0) return Error{Errc::not_permitted, what, static_cast<uint32_t>(errno)};
    return {};
}

Status no_privileges_no_dumps() {
    TRY_STATUS(check("no_new_privs", ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)));
    TRY_STATUS(check("undumpable", ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)));
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    return check("no core", ::setrlimit(RLIMIT_CORE, &none));
}

Status lock_down(std::span<const FileRule> files, TcpUse tcp, std::span<const Table> tables) {
    TRY_STATUS(no_privileges_no_dumps());
    TRY_STATUS(check("end with the parent", ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)));
    TRY_STATUS(landlock_restrict(files, tcp));
    TRY_STATUS(limit_capabilities(0));
    return load(compile(tables, Otherwise::kill, static_cast<uint32_t>(::getpid())));
}

Status enter_launcher() {
    TRY_STATUS(no_privileges_no_dumps());
    TRY_STATUS(limit_capabilities(kLauncherCapabilities));
    const Table tables[] = {forbidden_table()};
    return load(compile(tables, Otherwise::allow, static_cast<uint32_t>(::getpid())));
}

}  // namespace

Status enter(ProcessRole role) {
    if (role == ProcessRole::launcher) return enter_launcher();
    // A role's own rows come first: they may allow what the common ones answer with an error.
    const Table tables[] = {sanitizer_table(), role_table(role), common_table()};
    return lock_down({}, role == ProcessRole::host ? TcpUse::any : TcpUse::none, tables);
}

Status bind_threads() {
    TRY_STATUS(no_privileges_no_dumps());
    TRY_STATUS(landlock_restrict({}, TcpUse::none));
    return limit_capabilities(0);
}

Status enter_audio(AudioUse use) {
    if (use == AudioUse::wav) return enter(ProcessRole::audio);
    const Table tables[] = {sanitizer_table(), audio_device_table(), role_table(ProcessRole::audio), common_table()};
    return lock_down(kSoundFiles, TcpUse::none, tables);
}

}  // namespace sealcall::sandbox
