#include "enclave/sandbox/profiles.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <csignal>

namespace sealcall::sandbox {
namespace {

using ipc::ProcessRole;

constexpr uint16_t kAllow = 0;
constexpr uint32_t kSocketTypeMask = 0xf;  // below the SOCK_CLOEXEC and SOCK_NONBLOCK bits
constexpr uint32_t kNewNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

constexpr Rule kCommon[] = {
    {SYS_read, kAllow, "inherited files and pipes"},
    {SYS_write, kAllow, "the log, inherited files"},
    {SYS_writev, kAllow, "C++ streams write so"},
    {SYS_recvfrom, kAllow, "links (recv)"},
    {SYS_sendto, kAllow, "links (send)"},
    {SYS_poll, kAllow, "event loop"},
    {SYS_ppoll, kAllow, "event loop"},
    {SYS_close, kAllow, "ends a link"},
    {SYS_brk, kAllow, "heap"},
    {SYS_mmap,
     kAllow,
     "heap and stacks: fresh memory that can never be executed",
     {2, PROT_EXEC, 0},
     {3, MAP_ANONYMOUS, MAP_ANONYMOUS}},
    {SYS_munmap, kAllow, "heap"},
    {SYS_mremap, kAllow, "heap: moves what is mapped, cannot change its protection"},
    {SYS_mprotect, kAllow, "heap growth; never to executable", {2, PROT_EXEC, 0}},
    {SYS_madvise, kAllow, "gives heap pages back"},
    {SYS_futex, kAllow, "mutexes"},
    {SYS_getrandom, kAllow, "nonces, keys, hash seeds"},
    {SYS_clock_gettime, kAllow, "deadlines, where the vDSO cannot"},
    {SYS_gettimeofday, kAllow, "OpenSSL's timers"},
    {SYS_clock_nanosleep, kAllow, "pacing"},
    {SYS_sched_yield, kAllow, "spinning locks of libraries"},
    {SYS_getpid, kAllow, "OpenSSL asks whether it was forked"},
    {SYS_gettid, kAllow, "abort() names the thread"},
    {SYS_tgkill,
     kAllow,
     "abort() of a failed CHECK, this process only",
     {0, 0xffffffff, ArgCheck::kOwnPid},
     {2, 0xffffffff, SIGABRT}},
    {SYS_rt_sigprocmask, kAllow, "abort(), signal masks of threads"},
    {SYS_rt_sigaction, kAllow, "abort() restores the default action"},
    {SYS_rt_sigreturn, kAllow, "return from a signal handler"},
    {SYS_restart_syscall, kAllow, "the kernel itself, after a stop"},
    {SYS_exit, kAllow, "end of a thread"},
    {SYS_exit_group, kAllow, "end of the process"},
    // Libraries probe these and go on without: an error is enough, and says so to whoever reads an strace.
    {SYS_openat, EACCES, "time zones, locales, OpenSSL's configuration: not here"},
    {SYS_newfstatat, EACCES, "stdio asks about its file; OpenSSL looks for files"},
    {SYS_readlink, EACCES, "libraries ask for their own path"},
    {SYS_prlimit64, EPERM, "sysconf(); limits are set by now"},
    {SYS_sysinfo, EPERM, "qsort() asks how much memory there is"},
    {SYS_sched_getaffinity, EPERM, "how many processors: one is a fine answer"},
    {SYS_ioctl, ENOTTY, "stdio asks whether it writes to a terminal: no", {1, 0xffffffff, TCGETS}},
};

constexpr Rule kEnclave[] = {
    {SYS_pread64, kAllow, "the machine's own logs and the vault, opened by the launcher"},
    {SYS_pwrite64, kAllow, "the vault"},
    {SYS_ftruncate, kAllow, "the vault is reset"},
    {SYS_fsync, kAllow, "the audit log reaches the disk before its record counts"},
    {SYS_fdatasync, kAllow, "same"},
    {SYS_shutdown, kAllow, "wakes the TPM thread out of a read at the end"},
    {SYS_mlock2, kAllow, "the secret heap grows: what it adds stays out of swap", {2, 0xffffffff, MLOCK_ONFAULT}},
};

constexpr Rule kVerifier[] = {
    {SYS_getrusage, EPERM, "nothing depends on it; a library that counts its time goes on"},
};

constexpr Rule kHost[] = {
    {SYS_socket, kAllow, "SIP over TLS", {0, 0xffffffff, AF_INET}, {1, kSocketTypeMask, SOCK_STREAM}},
    {SYS_socket, kAllow, "SIP over TLS", {0, 0xffffffff, AF_INET6}, {1, kSocketTypeMask, SOCK_STREAM}},
    {SYS_socket, kAllow, "media, STUN, DNS", {0, 0xffffffff, AF_INET}, {1, kSocketTypeMask, SOCK_DGRAM}},
    {SYS_socket, kAllow, "media, STUN, DNS", {0, 0xffffffff, AF_INET6}, {1, kSocketTypeMask, SOCK_DGRAM}},
    {SYS_socket,
     EAFNOSUPPORT,
     "libre asks for interfaces; addresses come from the configuration",
     {0, 0xffffffff, AF_NETLINK}},
    {SYS_bind, kAllow, "SIP and media ports"},
    {SYS_connect, kAllow, "to proxies and peers; only Internet sockets exist to connect"},
    {SYS_listen, kAllow, "SIP over TLS"},
    {SYS_accept, kAllow, "SIP over TLS"},
    {SYS_accept4, kAllow, "SIP over TLS"},
    {SYS_shutdown, kAllow, "orderly end of TLS"},
    {SYS_getsockname, kAllow, "which port was given"},
    {SYS_getpeername, kAllow, "source address, for rate limits"},
    {SYS_getsockopt, kAllow, "SO_ERROR after connect"},
    {SYS_setsockopt,
     EPERM,
     "no packet filter programs",
     {1, 0xffffffff, SOL_SOCKET},
     {2, 0xffffffff, SO_ATTACH_FILTER}},
    {SYS_setsockopt, EPERM, "no packet filter programs", {1, 0xffffffff, SOL_SOCKET}, {2, 0xffffffff, SO_ATTACH_BPF}},
    {SYS_setsockopt,
     EPERM,
     "no packet filter programs",
     {1, 0xffffffff, SOL_SOCKET},
     {2, 0xffffffff, SO_ATTACH_REUSEPORT_CBPF}},
    {SYS_setsockopt,
     EPERM,
     "no packet filter programs",
     {1, 0xffffffff, SOL_SOCKET},
     {2, 0xffffffff, SO_ATTACH_REUSEPORT_EBPF}},
    {SYS_setsockopt, kAllow, "reuse, buffers", {1, 0xffffffff, SOL_SOCKET}},
    {SYS_setsockopt, kAllow, "type of service", {1, 0xffffffff, 0 /* IPPROTO_IP */}},
    {SYS_setsockopt, kAllow, "no delay", {1, 0xffffffff, 6 /* IPPROTO_TCP */}},
    {SYS_setsockopt, kAllow, "IPv6 only, traffic class", {1, 0xffffffff, 41 /* IPPROTO_IPV6 */}},
    {SYS_sendmsg, kAllow, "UDP with source address"},
    {SYS_recvmsg, kAllow, "UDP with destination address"},
    {SYS_readv, kAllow, "BIO"},
    {SYS_fcntl, kAllow, "non-blocking?", {1, 0xffffffff, F_GETFL}},
    {SYS_fcntl, kAllow, "non-blocking", {1, 0xffffffff, F_SETFL}},
    {SYS_fcntl, kAllow, "close on exec?", {1, 0xffffffff, F_GETFD}},
    {SYS_fcntl, kAllow, "close on exec", {1, 0xffffffff, F_SETFD}},
    {SYS_ioctl, kAllow, "non-blocking", {1, 0xffffffff, FIONBIO}},
    {SYS_ioctl, ENOTTY, "interface lists: addresses come from the configuration"},
    {SYS_epoll_create1, kAllow, "libre's event loop"},
    {SYS_epoll_ctl, kAllow, "libre's event loop"},
    {SYS_epoll_wait, kAllow, "libre's event loop"},
    {SYS_epoll_pwait, kAllow, "libre's event loop"},
    {SYS_select, kAllow, "libre's event loop, if so configured"},
    {SYS_pselect6, kAllow, "libre's event loop, if so configured"},
};

constexpr Rule kUi[] = {
    {SYS_readv, kAllow, "C++ streams read so"},
    {SYS_ioctl, kAllow, "terminal: what it is set to", {1, 0xffffffff, TCGETS}},
    {SYS_ioctl, kAllow, "terminal: keys without return, back at the end", {1, 0xffffffff, TCSETS}},
    {SYS_ioctl, kAllow, "same", {1, 0xffffffff, TCSETSW}},
    {SYS_ioctl, kAllow, "same", {1, 0xffffffff, TCSETSF}},
    {SYS_ioctl, kAllow, "size of the window", {1, 0xffffffff, TIOCGWINSZ}},
    {SYS_accept4, kAllow, "a command on the inherited control socket"},
    {SYS_getsockopt, kAllow, "who is at the control socket", {1, 0xffffffff, SOL_SOCKET}, {2, 0xffffffff, SO_PEERCRED}},
    {SYS_shutdown, kAllow, "ends a control connection"},
    {SYS_fcntl, kAllow, "non-blocking?", {1, 0xffffffff, F_GETFL}},
    {SYS_fcntl, kAllow, "non-blocking", {1, 0xffffffff, F_SETFL}},
    {SYS_signalfd4, kAllow, "the window changes its size"},
};

constexpr Rule kAudio[] = {
    {SYS_lseek, kAllow, "a WAV file's header is completed at the end"},
    {SYS_pread64, kAllow, "WAV input"},
    {SYS_pwrite64, kAllow, "WAV output"},
    {SYS_fdatasync, kAllow, "the recording is kept"},
    {SYS_timerfd_settime, kAllow, "20 ms ticks on a timer made before lock-down"},
};

constexpr Rule kAudioDevices[] = {
    {SYS_openat, kAllow, "packaged sound configuration and /dev/snd; Landlock and the private root bound it"},
    {SYS_newfstatat, kAllow, "same"},
    {SYS_readlink, kAllow, "same"},
    {SYS_getdents64, kAllow, "configuration directories"},
    {SYS_access, kAllow, "same"},
    {SYS_fstatfs, kAllow, "libpulse looks at its directory"},
    {SYS_lseek, kAllow, "configuration files"},
    {SYS_socket, kAllow, "the sound server, the only Unix socket in the private root", {0, 0xffffffff, AF_UNIX}},
    {SYS_connect, kAllow, "same; no other kind of socket can be made"},
    {SYS_socketpair, kAllow, "wakes threads", {0, 0xffffffff, AF_UNIX}},
    {SYS_sendmsg, kAllow, "sound server: credentials and memory"},
    {SYS_recvmsg, kAllow, "sound server"},
    {SYS_setsockopt, kAllow, "buffers of that socket", {1, 0xffffffff, SOL_SOCKET}},
    {SYS_getsockopt, kAllow, "errors of that socket"},
    {SYS_getsockname, kAllow, "same"},
    {SYS_getpeername, kAllow, "same"},
    {SYS_shutdown, kAllow, "leaves the sound server"},
    {SYS_mmap, kAllow, "sound buffers: shared memory and the card's, never executable", {2, PROT_EXEC, 0}},
    {SYS_memfd_create, kAllow, "sound buffers shared with the server"},
    {SYS_ftruncate, kAllow, "same"},
    {SYS_fcntl, kAllow, "seals of those buffers, non-blocking"},
    {SYS_pipe2, kAllow, "wakes threads"},
    {SYS_eventfd2, kAllow, "wakes threads"},
    {SYS_timerfd_create, kAllow, "ALSA plugin timing"},
    {SYS_epoll_create1, kAllow, "plugin event loop"},
    {SYS_epoll_ctl, kAllow, "same"},
    {SYS_epoll_wait, kAllow, "same"},
    {SYS_epoll_pwait, kAllow, "same"},
    {SYS_ioctl, kAllow, "sound cards; no terminal is open here"},
    {SYS_clone3, ENOSYS, "its flags cannot be looked at: libc falls back to clone"},
    {SYS_clone,
     kAllow,
     "PortAudio's and Pulse's threads; never a process, never a namespace",
     {0, CLONE_VM | CLONE_THREAD | kNewNamespaces, CLONE_VM | CLONE_THREAD}},
    {SYS_set_robust_list, kAllow, "start of a thread"},
    {SYS_rseq, kAllow, "start of a thread"},
    {SYS_prctl, kAllow, "names of threads", {0, 0xffffffff, 15 /* PR_SET_NAME */}},
    {SYS_sched_setscheduler, EPERM, "real time is not asked for"},
    {SYS_sched_getparam, EPERM, "same"},
    {SYS_sched_getscheduler, EPERM, "same"},
    {SYS_sched_get_priority_max, EPERM, "same"},
    {SYS_sched_get_priority_min, EPERM, "same"},
    {SYS_setpriority, EPERM, "same"},
    {SYS_getuid, kAllow, "libpulse: whose runtime directory"},
    {SYS_geteuid, kAllow, "same"},
    {SYS_getgid, kAllow, "same"},
    {SYS_getegid, kAllow, "same"},
    {SYS_uname, kAllow, "libpulse tells the server its host"},
    {SYS_getcwd, EACCES, "not needed"},
    {SYS_mkdir, EACCES, "libpulse would keep a directory at home: there is none"},
    {SYS_unlink, EACCES, "same"},
    {SYS_chmod, EACCES, "same"},
    {SYS_umask, kAllow, "libpulse looks for its cookie when it connects again"},
    {SYS_tgkill,
     kAllow,
     "PortAudio cancels its own thread",
     {0, 0xffffffff, ArgCheck::kOwnPid},
     {2, 0xffffffff, 32 /* SIGCANCEL */}},
    {SYS_kill, EPERM, "libpulse looks for a daemon by its pid file"},
    {SYS_getrlimit, EPERM, "nothing depends on it"},
};

// Ways to reach into other processes or deep into the kernel that nothing started from here ever needs, swtpm included.
constexpr Rule kForbidden[] = {
    {SYS_ptrace, EPERM, "no debugger below the launcher"},
    {SYS_process_vm_readv, EPERM, "other processes' memory"},
    {SYS_process_vm_writev, EPERM, "other processes' memory"},
    {SYS_pidfd_getfd, EPERM, "other processes' files"},
    {SYS_kcmp, EPERM, "other processes"},
    {SYS_io_uring_setup, EPERM, "goes round seccomp"},
    {SYS_io_uring_enter, EPERM, "same"},
    {SYS_io_uring_register, EPERM, "same"},
    {SYS_bpf, EPERM, "kernel programs"},
    {SYS_perf_event_open, EPERM, "looks into other processes"},
    {SYS_userfaultfd, EPERM, "helps kernel exploits"},
    {SYS_keyctl, EPERM, "key rings are not used"},
    {SYS_add_key, EPERM, "same"},
    {SYS_request_key, EPERM, "same"},
    {SYS_init_module, EPERM, "kernel modules"},
    {SYS_finit_module, EPERM, "kernel modules"},
    {SYS_delete_module, EPERM, "kernel modules"},
    {SYS_kexec_load, EPERM, "another kernel"},
    {SYS_kexec_file_load, EPERM, "another kernel"},
    {SYS_open_by_handle_at, EPERM, "files past directories"},
    {SYS_reboot, EPERM, "not ours to do"},
    {SYS_swapon, EPERM, "key pages to disk"},
};

}  // namespace

Table common_table() { return kCommon; }
Table audio_device_table() { return kAudioDevices; }
Table forbidden_table() { return kForbidden; }

Table role_table(ProcessRole role) {
    switch (role) {
        case ProcessRole::ui:
            return kUi;
        case ProcessRole::host:
            return kHost;
        case ProcessRole::enclave:
            return kEnclave;
        case ProcessRole::verifier:
            return kVerifier;
        case ProcessRole::audio:
            return kAudio;
        case ProcessRole::launcher:
            break;
    }
    CHECK(false);  // the launcher has no allow list
    return {};
}

}  // namespace sealcall::sandbox
