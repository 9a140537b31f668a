// The one thread that talks to the TPM. Jobs wait in order of urgency; results come back to the main loop through an
// eventfd.
#pragma once

#include <functional>
#include <memory>

#include "enclave/tpm/tpm.h"

namespace sealcall::tpm {

/// Leases and re-attestation first, then our own calls, then contacts, then everybody else (design: "Limits").
enum class Urgency : uint8_t { keep_alive, own_call, contact, other };

class Worker {
  public:
    /// Starts the thread. The TPM moves there and is never touched by another.
    static Result<std::unique_ptr<Worker>> create(std::unique_ptr<Tpm> tpm);
    virtual ~Worker() = default;  ///< finishes the running job, drops the rest, joins

    /// `job` runs on the worker with the TPM, then `done` on the main loop inside `dispatch`. Bounded: 64 waiting jobs,
    /// beyond that `unavailable`.
    virtual Status post(Urgency urgency, std::function<void(Tpm&)> job, std::function<void()> done) = 0;
    /// Readable when `dispatch` has something to do.
    virtual int fd() const = 0;
    virtual void dispatch() = 0;
    virtual size_t waiting() const = 0;
};

}  // namespace sealcall::tpm
