#include "enclave/tpm/sessions.h"

namespace sealcall::tpm {

Result<Handle> Sessions::start(TPM2_SE type) {
    TPMT_SYM_DEF symmetric{};
    symmetric.algorithm = TPM2_ALG_AES;
    symmetric.keyBits.aes = 128;
    symmetric.mode.aes = TPM2_ALG_CFB;
    ESYS_TR session = ESYS_TR_NONE;
    TRY_STATUS(esys_.call("TPM2_StartAuthSession", [&](ESYS_CONTEXT* e) {
        return Esys_StartAuthSession(e, salt_key_, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, nullptr,
                                     type, &symmetric, TPM2_ALG_SHA256, &session);
    }));
    return Handle(esys_, session, Handle::End::flush);
}

// A failure may leave the TPM and us with different ideas of a session, so both are made anew. Both at once: the TPM
// gives numbers again, and flushing a lost one later could hit its successor.
Status Sessions::refresh(Handle& kept, TPM2_SE type) {
    if (failures_ != esys_.failures()) {
        drop();
        failures_ = esys_.failures();
    }
    if (kept.valid()) return {};
    TRY(kept, start(type));
    return {};
}

Status Sessions::set_attributes(ESYS_TR session, TPMA_SESSION encrypt) {
    return esys_.call("session attributes", [&](ESYS_CONTEXT* e) {
        return Esys_TRSess_SetAttributes(e, session, TPMA_SESSION_CONTINUESESSION | encrypt, 0xff);
    });
}

Result<ESYS_TR> Sessions::hmac(TPMA_SESSION encrypt) {
    TRY_STATUS(refresh(hmac_, TPM2_SE_HMAC));
    TRY_STATUS(set_attributes(hmac_.get(), encrypt));
    return hmac_.get();
}

Result<ESYS_TR> Sessions::policy(TPMA_SESSION encrypt) {
    TRY_STATUS(refresh(policy_, TPM2_SE_POLICY));
    const ESYS_TR session = policy_.get();
    TRY_STATUS(set_attributes(session, encrypt));
    TRY_STATUS(esys_.call("TPM2_PolicyRestart", [&](ESYS_CONTEXT* e) {
        return Esys_PolicyRestart(e, session, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE);
    }));
    return session;
}

Status Sessions::prepare() {
    TRY_STATUS(refresh(hmac_, TPM2_SE_HMAC));
    return refresh(policy_, TPM2_SE_POLICY);
}

Result<Handle> Sessions::second_hmac() {
    TRY_STATUS(prepare());  // lost ones are flushed before a new one can have their number
    TRY(Handle session, start(TPM2_SE_HMAC));
    TRY_STATUS(set_attributes(session.get(), 0));
    return session;
}

void Sessions::drop() {
    hmac_.reset();
    policy_.reset();
}

}  // namespace sealcall::tpm
