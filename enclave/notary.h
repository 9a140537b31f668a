// What the TPM says about the audit log and about the secrets of calls, and when it is asked: heads of the log go into
// its audit index at stated points, and its attestation key signs. Signatures are made when the TPM has nothing else to
// do; no call waits for one. Main loop only.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "enclave/audit/log.h"
#include "enclave/tpm/worker.h"
#include "sealcall/base/time.h"

namespace sealcall::enclave {

/// What calls of others may cost the TPM's memory, which wears: a burst of anchors, then one each so often.
class WearBudget {
  public:
    static constexpr int kBurst = 20;
    static constexpr Micros kOneEach = std::chrono::seconds(15);
    [[nodiscard]] bool dry(BootInstant now) const { return due_ > now + (kBurst - 1) * kOneEach; }
    void spend(BootInstant now) { due_ = std::max(due_, now) + kOneEach; }

  private:
    BootInstant due_{};  ///< when all of it will be there again
};

class Notary {
  public:
    /// Both outlive the Notary; `record` is Context::record; `missed` hears of every anchor that failed; `value`: what
    /// the index holds now.
    Notary(tpm::Worker& worker, audit::Log& log, const Digest& value, std::function<bool(const audit::Record&)> record,
           std::function<void(const Error&)> missed)
        : worker_(worker), log_(log), record_(std::move(record)), missed_(std::move(missed)), value_(value) {}
    Notary(const Notary&) = delete;
    Notary& operator=(const Notary&) = delete;

    /// All records so far: to the disk, then the newest one's hash into the TPM. `then` (may be null) hears when that
    /// is done, and recorded. Errors: io, tpm_*, unavailable (the TPM's queue is full).
    void anchor(std::function<void(Status)> then);
    /// Has the TPM sign that it made the secret, to the conditions of the record before.
    void prove_creation(CallId call, const tpm::SealedSecret& sealed);
    /// Has the TPM sign the value of the slot's counter, behind the record that says that the secret is dead.
    void prove_end(CallId call, uint8_t slot);
    [[nodiscard]] WearBudget& wear() { return wear_; }
    /// Nothing is under way.
    [[nodiscard]] bool idle() const { return !extending_ && !signing_ && owed_.empty(); }

  private:
    static constexpr size_t kOwedMax = 32;  ///< signatures that wait; more are recorded as missing
    struct Signed {
        std::function<Result<tpm::AttestedBlob>(tpm::Tpm&)> sign;
        audit::Record record;  ///< complete but for the signature
        CallId call;           ///< 0: of none, the index
    };
    /// What the TPM took, or may have taken, and the log does not say yet.
    struct Unwritten {
        uint64_t of = 0;
        std::optional<Digest> value;  ///< nullopt: it did not answer
    };
    void next();
    void extend();
    void ask_index();
    [[nodiscard]] bool write_anchor();
    void serve(const std::vector<std::function<void(Status)>>& served, const Status& anchored);
    void on_index(std::function<Result<Digest>(tpm::Tpm&)> job, std::function<void(const Result<Digest>&)> done);
    void certify();
    void sign_next();
    [[nodiscard]] Digest bound(std::string_view purpose) const;

    tpm::Worker& worker_;
    audit::Log& log_;
    std::function<bool(const audit::Record&)> record_;
    std::function<void(const Error&)> missed_;
    WearBudget wear_;
    Digest value_;  ///< of the index, by what stands in the log
    std::optional<Unwritten> unwritten_;
    std::vector<std::function<void(Status)>> waiting_;
    bool extending_ = false, signing_ = false;
    bool certifying_ = false, again_ = false;  ///< the index; again: it was extended meanwhile
    std::deque<Signed> owed_;
};

}  // namespace sealcall::enclave
