// Chosen by CMake for sanitizer builds only: their runtimes ask for more. Such a build is for tests and never shipped.
#include <sys/syscall.h>

#include <cerrno>

#include "enclave/sandbox/profiles.h"

// The leak checker starts a process that ptraces us when we end; inside a sandbox it cannot, and must not, do so.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }

namespace sealcall::sandbox {
namespace {

constexpr Rule kSanitizer[] = {
    {SYS_sigaltstack, 0, "end of a thread"},
    {SYS_getuid, 0, "reports"},
    {SYS_geteuid, 0, "reports"},
    {SYS_getrlimit, 0, "stack bounds of threads"},
    {SYS_sched_getaffinity, 0, "stack bounds of threads"},
    {SYS_readlinkat, EACCES, "reports name the program"},
    {SYS_access, 0, "reports; a refusal would take it from roles that may"},
    {SYS_lseek, 0, "reports"},
    {SYS_getrusage, 0, "reports"},
    {SYS_membarrier, 0, "thread sanitizer"},
    {SYS_open, EACCES, "thread sanitizer looks at its own maps"},
    {SYS_rseq, 0, "threads of thread sanitizer"},
    {SYS_set_robust_list, 0, "the same"},
    {SYS_gettimeofday, 0, "background thread of thread sanitizer"},
    {SYS_nanosleep, 0, "the same"},
    {SYS_mmap, 0, "shadow memory of thread sanitizer is file-less but flagged otherwise", {2, 0x4, 0}},
};

}  // namespace

Table sanitizer_table() { return kSanitizer; }

}  // namespace sealcall::sandbox
