// What seccomp must know of the processor we were built for.
#pragma once

#include <linux/audit.h>

#include <cstdint>

namespace sealcall::sandbox {

#if defined(__x86_64__)
inline constexpr uint32_t kAuditArch = AUDIT_ARCH_X86_64;
inline constexpr uint32_t kForeignNumbers = 0x40000000;  ///< x32 begins here
#else
#error "sandbox: the tables were tried on x86-64 only; add the architecture here and check profiles.cpp against it"
#endif

}  // namespace sealcall::sandbox
