// The authority's bundle as this enclave holds it: read before the lock-down into memory of its own, believed only when
// the signer and the version that the TPM has pinned agree. What cannot be believed is never "no bundle".
#pragma once

#include <memory>
#include <optional>

#include "attestation/bundle.h"
#include "enclave/tpm/tpm.h"
#include "policy/document.h"
#include "sealcall/base/unique_fd.h"
#include "sealcall/ipc/schema.h"

namespace sealcall::enclave {

class AuthorityBundle {
  public:
    AuthorityBundle() = default;
    /// Copies the file: whoever owns it may change it later. Ordinary memory, for nothing in it is secret and the
    /// secret heap is small. A device (/dev/null) is no bundle. What cannot be read, or is too large, will not open.
    static AuthorityBundle read(UniqueFd fd);
    /// Room for one that comes in pieces; nothing at all if it is no bundle's size.
    static AuthorityBundle of_size(size_t size);
    /// The next bytes. False: they go beyond the end. Nothing is looked at before open().
    bool append(ByteSpan bytes);
    [[nodiscard]] bool complete() const { return memory_ != nullptr && have_ == size_; }
    AuthorityBundle(AuthorityBundle&& o) noexcept;
    AuthorityBundle& operator=(AuthorityBundle&& o) noexcept;
    ~AuthorityBundle();

    /// Once, with the signer that enrolment named (SPKI; empty: none) and what the TPM has pinned.
    void open(ByteSpan signer_spki, const std::optional<tpm::AuthorityPin>& pin);

    [[nodiscard]] ipc::BundleState state(uint64_t wall_ms) const;
    /// Null unless it opened. Stale sets are handed out: they still know what was struck off.
    [[nodiscard]] const attestation::ReferenceSet* references() const { return set_ ? &*set_ : nullptr; }
    /// The administrator's policy in it; null: there is none. Shared with the TPM's thread, where callers are admitted.
    [[nodiscard]] const std::shared_ptr<const policy::Document>& document() const { return document_; }
    /// There must be a bundle, perhaps with a policy, and it cannot be believed.
    [[nodiscard]] bool lost() const { return opened_ != ipc::BundleState::none && opened_ != ipc::BundleState::good; }
    /// none, or why no peer can be better than level 0 now.
    [[nodiscard]] rats::Reason revocations_unknown(uint64_t wall_ms) const;

  private:
    [[nodiscard]] ByteSpan bytes() const { return {static_cast<const std::byte*>(memory_), size_}; }
    [[nodiscard]] ipc::BundleState judge(ByteSpan signer_spki, const std::optional<tpm::AuthorityPin>& pin);

    void* memory_ = nullptr;
    size_t size_ = 0, have_ = 0;
    bool present_ = false;
    ipc::BundleState opened_ = ipc::BundleState::none;
    std::optional<attestation::ReferenceSet> set_;
    std::shared_ptr<const policy::Document> document_;
};

}  // namespace sealcall::enclave
