#include "enclave/sandbox/capabilities.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace sealcall::sandbox {

Status limit_capabilities(uint64_t keep) {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
    if (::syscall(SYS_capget, &header, data) != 0) return Error{Errc::io, "capget", static_cast<uint32_t>(errno)};
    // The bounding set matters only to who may gain by exec, and dropping from it needs CAP_SETPCAP: first, and only
    // then.
    if ((data[0].effective & (1U << CAP_SETPCAP)) != 0)
        for (int cap = 0; cap <= 63; ++cap)
            if ((keep >> cap & 1) == 0 && ::prctl(PR_CAPBSET_READ, cap) == 1 && ::prctl(PR_CAPBSET_DROP, cap) != 0)
                return Error{Errc::not_permitted, "bounding set", static_cast<uint32_t>(errno)};
    (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; ++i) {
        const auto mask = static_cast<uint32_t>(keep >> (32 * i));
        data[i].permitted &= mask;
        data[i].effective &= data[i].permitted;
        data[i].inheritable &= mask;
    }
    if (::syscall(SYS_capset, &header, data) != 0)
        return Error{Errc::not_permitted, "capset", static_cast<uint32_t>(errno)};
    return {};
}

}  // namespace sealcall::sandbox
