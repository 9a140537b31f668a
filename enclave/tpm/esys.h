// Owners for everything that ESYS hands out, and the one place that turns its return codes into errors.
#pragma once

#include <tss2/tss2_esys.h>

#include <memory>

#include "enclave/tpm/esys_libctx.h"
#include "enclave/tpm/tcti_fd.h"
#include "sealcall/base/secret.h"

namespace sealcall::tpm {

/// TPM_RC or TSS2_RC to Errc: policy failures to tpm_policy_refused, wrong authValue to tpm_auth_refused, and so on
/// (TPM 2.0 Part 2, 6.6.3). Parameter, handle and session numbers do not matter.
Errc errc_of(TSS2_RC rc);
/// The error number of a TPM_RC without parameter, handle or session number; other codes unchanged.
TSS2_RC bare_rc(TSS2_RC rc);

/// One connection. Not thread safe.
class Esys {
  public:
    static Result<std::unique_ptr<Esys>> open(UniqueFd fd, tpm_raw::Wire wire, Millis deadline);
    Esys(const Esys&) = delete;
    Esys& operator=(const Esys&) = delete;
    ~Esys();

    /// Runs one ESYS function, `f(ESYS_CONTEXT*) -> TSS2_RC`. `what` names the TPM command in the error.
    template <class F>
    Status call(const char* what, F&& f) {
        if (broken_.code != Errc{}) return broken_;
        LibctxScope scope;
        return checked(f(context_), what);
    }
    /// TPM2_FlushContext of a number that is no ESYS_TR of this connection.
    Status flush_number(TPM2_HANDLE number);
    /// Overwrites what the TSS and the stack still hold of the last commands' parameters. Call after each command that
    /// carried a secret, in either direction. Sends nothing.
    void forget();
    /// Counts calls that failed: a session that lived through a failure is not used again.
    [[nodiscard]] uint32_t failures() const { return failures_; }
    ESYS_CONTEXT* context() { return context_; }

  private:
    explicit Esys(std::unique_ptr<TctiFd> tcti) : tcti_(std::move(tcti)) {}
    Status checked(TSS2_RC rc, const char* what);

    std::unique_ptr<TctiFd> tcti_;
    ESYS_CONTEXT* context_ = nullptr;
    uint32_t failures_ = 0;
    Error broken_{};  ///< after an answer that failed its check, every call fails: somebody sits on the line
};

/// Owns an ESYS_TR. `flush` removes a session or transient object from the TPM, `close` only forgets a persistent
/// thing.
class Handle {
  public:
    enum class End : uint8_t { flush, close };
    Handle() = default;
    Handle(Esys& esys, ESYS_TR tr, End end) : esys_(&esys), tr_(tr), end_(end) {}
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    Handle(Handle&& o) noexcept : esys_(o.esys_), tr_(std::exchange(o.tr_, ESYS_TR_NONE)), end_(o.end_) {}
    Handle& operator=(Handle&& o) noexcept;
    ~Handle() { reset(); }
    [[nodiscard]] ESYS_TR get() const { return tr_; }
    [[nodiscard]] bool valid() const { return tr_ != ESYS_TR_NONE; }
    void reset();

  private:
    Esys* esys_ = nullptr;
    ESYS_TR tr_ = ESYS_TR_NONE;
    End end_ = End::close;
};

/// Owns a structure that an ESYS function allocates; wiped before it is freed, because one of them is a secret.
template <class T>
class EsysPtr {
  public:
    EsysPtr() = default;
    EsysPtr(const EsysPtr&) = delete;
    EsysPtr& operator=(const EsysPtr&) = delete;
    EsysPtr(EsysPtr&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
    EsysPtr& operator=(EsysPtr&& o) noexcept {
        if (this == &o) return *this;
        reset();
        p_ = std::exchange(o.p_, nullptr);
        return *this;
    }
    ~EsysPtr() { reset(); }
    void reset() {
        if (p_ != nullptr) wipe(p_, sizeof(T));
        Esys_Free(std::exchange(p_, nullptr));
    }
    [[nodiscard]] const T* get() const { return p_; }
    /// For the out parameter of one call.
    T** out() {
        reset();
        return &p_;
    }
    const T& operator*() const { return *p_; }
    const T* operator->() const { return p_; }

  private:
    T* p_ = nullptr;
};

/// Copies into the fixed buffer of a TPM2B. Errors: too_large.
template <class Size>
Status fill(Size& size, std::span<BYTE> to, ByteSpan from) {
    if (from.size() > to.size()) return Error{Errc::too_large, "TPM2B", static_cast<uint32_t>(from.size())};
    std::ranges::copy(std::as_bytes(std::span(as_u8(from.data()), from.size())), std::as_writable_bytes(to).begin());
    size = static_cast<Size>(from.size());
    return {};
}
/// The bytes of a TPM2B, at most what its buffer holds.
inline ByteSpan view(size_t size, std::span<const BYTE> buffer) {
    return std::as_bytes(buffer.first(std::min(size, buffer.size())));
}

}  // namespace sealcall::tpm
