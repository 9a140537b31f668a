#include "own_logs.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "problem.h"

namespace sealcall::cli {
namespace {

constexpr const char* kKernelBootLog = "/sys/kernel/security/tpm0/binary_bios_measurements";
constexpr const char* kKernelRuntimeLog = "/sys/kernel/security/ima/binary_runtime_measurements";

UniqueFd open_log(const std::string& named, const char* kernels, bool software_tpm) {
    if (named.empty() && software_tpm) return {};
    UniqueFd fd(::open(named.empty() ? kernels : named.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd.valid() && !named.empty())
        throw Problem("The log " + named + " could not be read: " + std::strerror(errno) + ".",
                      "Check [logs] in the configuration.", exit_status::kUsage);
    return fd;
}

}  // namespace

OwnLogs open_own_logs(const LogConfig& config, bool software_tpm) {
    return {.boot = open_log(config.boot, kKernelBootLog, software_tpm),
            .runtime = open_log(config.runtime, kKernelRuntimeLog, software_tpm)};
}

Bytes beginning_of(const UniqueFd& log, size_t size) {
    Bytes out(size);
    size_t have = 0;
    while (log.valid() && have < size) {
        const ssize_t n = ::pread(log.get(), out.data() + have, size - have, static_cast<off_t>(have));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw Problem(std::string("A log could not be read: ") + std::strerror(errno) + ".", "Try again.");
        if (n == 0) break;
        have += static_cast<size_t>(n);
    }
    out.resize(have);
    return out;
}

}  // namespace sealcall::cli
