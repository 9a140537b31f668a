// The audit log: one canonical record a line (sealcall/audit/record.h), each naming the SHA-256 of the line before it.
// Append-only through one inherited fd. Nothing in the file is believed but the number and the hash of its last line:
// what stands there is checked by readers, against what the TPM signed.
#pragma once

#include "sealcall/audit/record.h"
#include "sealcall/base/unique_fd.h"

namespace sealcall::audit {

class Log {
  public:
    /// Takes the fd (opened for append and reading) and finds the last line. What stands behind it without an end was
    /// never accepted: it is cut off, which a record of its own says. Before the lock-down. Errors: io.
    static Result<Log> create(UniqueFd fd);

    /// Appends the record. When it returns the record outlives this process; on the disk it is after sync(). On an
    /// error (io, too_large) the record does not count; what was written of it is completed before the next one.
    Status append(const Record& record);
    /// The rest of a record whose write ended in its middle. Until it is written, head() is of a line that is not
    /// wholly in the file. Errors: io.
    Status complete();
    /// Brings all accepted records to the disk. Any thread. Errors: io.
    [[nodiscard]] Status sync() const;
    /// SHA-256 of the last line (without its newline); zero when there is none.
    [[nodiscard]] const Digest& head() const { return head_; }
    [[nodiscard]] uint64_t next_sequence() const { return sequence_; }

  private:
    Log() = default;
    UniqueFd fd_;
    Digest head_{};
    uint64_t sequence_ = 0;
    std::string rest_;  ///< of a line whose write ended in its middle
};

}  // namespace sealcall::audit
