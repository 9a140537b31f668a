#include "tools/sealcall/launcher/role_limits.h"

namespace sealcall::launcher {
namespace {

constexpr Limit kAll[] = {{RLIMIT_NOFILE, 512}};

}  // namespace

std::span<const Limit> limits_of(ipc::ProcessRole) { return kAll; }

}  // namespace sealcall::launcher
