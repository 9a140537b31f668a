// The logs that this machine keeps of itself: what its firmware measured, and what its kernel measured since. The bytes
// are handed on as they are; this process does not parse them.
#pragma once

#include <memory>

#include "sealcall/base/unique_fd.h"
#include "sealcall/rats/wire.h"

namespace sealcall::enclave {

class PlatformLogs {
  public:
    /// Files open for reading, or invalid. The boot log is read here, once: it does not grow. A log that is larger than
    /// a call carries, or cannot be read, is not offered.
    PlatformLogs(UniqueFd boot, UniqueFd runtime);

    [[nodiscard]] const std::shared_ptr<const Bytes>& boot() const { return boot_; }
    /// All entries up to now; read after a quote of PCR 10, a beginning of it gives the quoted value. TPM worker
    /// thread.
    [[nodiscard]] std::shared_ptr<const Bytes> read_runtime() const;

    static rats::LogOffer offer(const Bytes& log);

  private:
    UniqueFd runtime_;
    std::shared_ptr<const Bytes> boot_;  ///< never null; empty: none
};

}  // namespace sealcall::enclave
