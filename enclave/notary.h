// What the TPM says about the audit log and about the secrets of calls, and when it is asked: heads of the log go into
// its audit index at stated points, and its attestation key signs. Signatures are made when the TPM has nothing else to
// do; no call waits for one. Main loop only.
#pragma once

#include <deque>
#include <functional>
#include <vector>

#include "enclave/audit/log.h"
#include "enclave/tpm/worker.h"

namespace sealcall::enclave {

class Notary {
  public:
    /// Both outlive the Notary; `record` is Context::record.
    Notary(tpm::Worker& worker, audit::Log& log, std::function<bool(const audit::Record&)> record)
        : worker_(worker), log_(log), record_(std::move(record)) {}
    Notary(const Notary&) = delete;
    Notary& operator=(const Notary&) = delete;

    /// All records so far: to the disk, then the newest one's hash into the TPM. `then` (may be null) hears when that
    /// is done, and recorded. Errors: io, tpm_*, unavailable (the TPM's queue is full).
    void anchor(std::function<void(Status)> then);
    /// Has the TPM sign that it made the secret, to the conditions of the record before.
    void prove_creation(CallId call, const tpm::SealedSecret& sealed);
    /// Has the TPM sign the value of the slot's counter, behind the record that says that the secret is dead.
    void prove_end(CallId call, uint8_t slot);
    /// Nothing is under way.
    [[nodiscard]] bool idle() const { return !extending_ && !signing_ && owed_.empty(); }

  private:
    static constexpr size_t kOwedMax = 32;  ///< signatures that wait; more are recorded as missing
    struct Signed {
        std::function<Result<tpm::AttestedBlob>(tpm::Tpm&)> sign;
        audit::Record record;  ///< complete but for the signature
        CallId call;           ///< 0: of none, the index
    };
    void extend();
    void certify();
    void sign_next();
    [[nodiscard]] Digest bound(std::string_view purpose) const;

    tpm::Worker& worker_;
    audit::Log& log_;
    std::function<bool(const audit::Record&)> record_;
    std::vector<std::function<void(Status)>> waiting_;
    bool extending_ = false, signing_ = false;
    bool certifying_ = false, again_ = false;  ///< the index; again: it was extended meanwhile
    std::deque<Signed> owed_;
};

}  // namespace sealcall::enclave
