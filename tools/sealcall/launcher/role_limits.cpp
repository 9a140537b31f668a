#include "tools/sealcall/launcher/role_limits.h"

namespace sealcall::launcher {
namespace {

constexpr rlim_t kMiB = 1 << 20;

// One appraisal: it reads one message, writes one, and has no business with files.
constexpr Limit kVerifier[] = {
    {RLIMIT_CPU, 2}, {RLIMIT_AS, 256 * kMiB}, {RLIMIT_NOFILE, 16}, {RLIMIT_FSIZE, 64 * 1024}};
constexpr Limit kHost[] = {{RLIMIT_NOFILE, 512}, {RLIMIT_AS, 1024 * kMiB}};
constexpr Limit kOthers[] = {{RLIMIT_NOFILE, 128}};

}  // namespace

std::span<const Limit> limits_of(ipc::ProcessRole role) {
    switch (role) {
        case ipc::ProcessRole::verifier:
            return kVerifier;
        case ipc::ProcessRole::host:
            return kHost;
        default:
            return kOthers;
    }
}

}  // namespace sealcall::launcher
