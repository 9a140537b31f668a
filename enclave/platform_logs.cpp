#include "enclave/platform_logs.h"

#include <unistd.h>

#include <cerrno>

#include "attestation/binding.h"

namespace sealcall::enclave {
namespace {

/// The whole file from its beginning, or nothing. securityfs gives no size, so it is read until it ends.
Bytes read_whole(int fd, size_t most) {
    Bytes out;
    std::array<std::byte, 16384> piece{};
    while (fd >= 0) {
        const ssize_t n = ::pread(fd, piece.data(), piece.size(), static_cast<off_t>(out.size()));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 || out.size() + static_cast<size_t>(n) > most) return {};
        if (n == 0) break;
        out.insert(out.end(), piece.begin(), piece.begin() + n);
    }
    return out;
}

}  // namespace

PlatformLogs::PlatformLogs(UniqueFd boot, UniqueFd runtime)
    : runtime_(std::move(runtime)), boot_(std::make_shared<const Bytes>(read_whole(boot.get(), rats::kBootLogMax))) {}

std::shared_ptr<const Bytes> PlatformLogs::read_runtime() const {
    return std::make_shared<const Bytes>(read_whole(runtime_.get(), rats::kRuntimeLogMax));
}

rats::LogOffer PlatformLogs::offer(const Bytes& log) {
    if (log.empty()) return {};
    return {.size = static_cast<uint32_t>(log.size()), .digest = attestation::sha256(log)};
}

}  // namespace sealcall::enclave
