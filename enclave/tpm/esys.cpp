#include "enclave/tpm/esys.h"

#include <tss2/tss2_sys.h>

#include <cstdlib>

namespace sealcall::tpm {

namespace {

constexpr TSS2_RC kFormatOne = 0x080, kFormatOneNumber = 0x03f;

Errc errc_of_tpm(TSS2_RC rc) {
    switch (bare_rc(rc)) {
        case TPM2_RC_POLICY_FAIL:
        case TPM2_RC_POLICY_CC:
        case TPM2_RC_EXPIRED:
        case TPM2_RC_POLICY:
        case TPM2_RC_PCR_CHANGED:
        case TPM2_RC_AUTH_UNAVAILABLE:
        case TPM2_RC_AUTH_TYPE:
            return Errc::tpm_policy_refused;
        case TPM2_RC_AUTH_FAIL:
        case TPM2_RC_BAD_AUTH:
        case TPM2_RC_NV_AUTHORIZATION:
            return Errc::tpm_auth_refused;
        case TPM2_RC_LOCKOUT:
            return Errc::tpm_locked_out;
        default:
            return Errc::tpm_failed;
    }
}

}  // namespace

TSS2_RC bare_rc(TSS2_RC rc) { return (rc & kFormatOne) != 0 ? kFormatOne | (rc & kFormatOneNumber) : rc; }

Errc errc_of(TSS2_RC rc) {
    switch (rc & TSS2_RC_LAYER_MASK) {
        case TSS2_TPM_RC_LAYER:
            return errc_of_tpm(rc);
        case TSS2_RESMGR_TPM_RC_LAYER:
        case TSS2_RESMGR_RC_LAYER:
            return errc_of_tpm(rc & ~TSS2_RC_LAYER_MASK);
        case TSS2_MU_RC_LAYER:
            return Errc::tpm_bad_response;
        default:
            break;
    }
    switch (rc) {
        case TSS2_ESYS_RC_RSP_AUTH_FAILED:
        case TSS2_ESYS_RC_MALFORMED_RESPONSE:
        case TSS2_ESYS_RC_INSUFFICIENT_RESPONSE:
        case TSS2_SYS_RC_MALFORMED_RESPONSE:
        case TSS2_SYS_RC_INSUFFICIENT_RESPONSE:
            return Errc::tpm_bad_response;
        default:
            return Errc::tpm_failed;
    }
}

Result<std::unique_ptr<Esys>> Esys::open(UniqueFd fd, tpm_raw::Wire wire, Millis deadline) {
    // At its lowest level the TSS logs unsealed secrets. Whatever the environment says, it logs nothing: each TSS
    // module reads this once, before its first line.
    if (::setenv("TSS2_LOG", "all+NONE", 1) != 0) return Error{Errc::out_of_memory, "setenv", 0};
    TRY(auto tcti, TctiFd::create(std::move(fd), wire, deadline));
    std::unique_ptr<Esys> esys(new Esys(std::move(tcti)));
    LibctxScope scope;
    const TSS2_RC rc = Esys_Initialize(&esys->context_, esys->tcti_->context(), nullptr);
    if (rc != TSS2_RC_SUCCESS) return Error{Errc::tpm_failed, "Esys_Initialize", rc};
    return esys;
}

Esys::~Esys() {
    LibctxScope scope;
    if (context_ != nullptr) Esys_Finalize(&context_);
}

Status Esys::checked(TSS2_RC rc, const char* what) {
    if (rc == TSS2_RC_SUCCESS) return {};
    ++failures_;
    switch (tcti_->state()) {
        case TctiFd::State::timed_out:
            return Error{Errc::tpm_timeout, what, rc};
        case TctiFd::State::gone:
            return Error{Errc::tpm_gone, what, rc};
        case TctiFd::State::bad_response:
            return Error{Errc::tpm_bad_response, what, rc};
        case TctiFd::State::open:
            break;
    }
    const Error error{errc_of(rc), what, rc};
    if (error.code == Errc::tpm_bad_response) broken_ = error;
    return error;
}

Status Esys::flush_number(TPM2_HANDLE number) {
    return call("TPM2_FlushContext", [&](ESYS_CONTEXT* e) {
        TSS2_SYS_CONTEXT* sys = nullptr;
        const TSS2_RC rc = Esys_GetSysContext(e, &sys);
        return rc == TSS2_RC_SUCCESS ? Tss2_Sys_FlushContext(sys, number) : rc;
    });
}

namespace {

// Below the caller's frame, where the TSS decrypted and marshalled.
__attribute__((noinline)) void wipe_stack() {
    std::array<std::byte, 32 * 1024> used;
    wipe(used.data(), used.size());
}

}  // namespace

void Esys::forget() {
    constexpr ESYS_TR kUnknown = ESYS_TR_NONE - 1;
    LibctxScope scope;
    // ESYS keeps a copy of the last parameters until other ones come. It takes these, and then sees that there is no
    // such parent: nothing is sent, and it is ready for the next command.
    const TPM2B_SENSITIVE_CREATE empty{};
    const TPM2B_PUBLIC pub{};
    const TPM2B_DATA outside{};
    const TPML_PCR_SELECTION no_pcrs{};
    CHECK(Esys_Create_Async(context_, kUnknown, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &empty, &pub, &outside,
                            &no_pcrs) != TSS2_RC_SUCCESS);
    // SAPI's buffer holds the last answer as decrypted. A command that is prepared and never sent covers all of it that
    // a secret can have been in. (On a connection that broke both are refused: it ends, and the heap wipes.)
    TPM2B_MAX_BUFFER zeros{};
    zeros.size = sizeof(zeros.buffer);
    TSS2_SYS_CONTEXT* sys = nullptr;
    if (Esys_GetSysContext(context_, &sys) == TSS2_RC_SUCCESS)
        static_cast<void>(Tss2_Sys_Hash_Prepare(sys, &zeros, TPM2_ALG_SHA256, TPM2_RH_NULL));
    wipe_stack();
}

Handle& Handle::operator=(Handle&& o) noexcept {
    if (this != &o) {
        reset();
        esys_ = o.esys_;
        end_ = o.end_;
        tr_ = std::exchange(o.tr_, ESYS_TR_NONE);
    }
    return *this;
}

void Handle::reset() {
    if (!valid()) return;
    LibctxScope scope;
    // What cannot be flushed is gone with the TPM; what is persistent is only forgotten.
    if (end_ == End::close || Esys_FlushContext(esys_->context(), tr_) != TSS2_RC_SUCCESS)
        static_cast<void>(Esys_TR_Close(esys_->context(), &tr_));
    tr_ = ESYS_TR_NONE;
}

}  // namespace sealcall::tpm
