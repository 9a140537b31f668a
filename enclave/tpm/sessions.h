// The two sessions that are kept: one to authorise by HMAC, one to satisfy policies. Both are salted to a storage key
// whose Name was checked, and can encrypt the first parameter in either direction (AES-128-CFB). A TPM holds three at a
// time.
#pragma once

#include "enclave/tpm/esys.h"

namespace sealcall::tpm {

class Sessions {
  public:
    Sessions(Esys& esys, ESYS_TR salt_key) : esys_(esys), salt_key_(salt_key) {}

    /// What the next command encrypts: TPMA_SESSION_DECRYPT (to the TPM), TPMA_SESSION_ENCRYPT (from it), or 0.
    Result<ESYS_TR> hmac(TPMA_SESSION encrypt);
    /// Nothing asserted yet.
    Result<ESYS_TR> policy(TPMA_SESSION encrypt);
    /// Makes both now: salting takes an object slot, which later may not be free.
    Status prepare();
    /// For the rare command with two authorisations: ends with the handle.
    Result<Handle> second_hmac();
    /// Flushes both.
    void drop();

  private:
    Result<Handle> start(TPM2_SE type);
    Status refresh(Handle& kept, TPM2_SE type);
    Status set_attributes(ESYS_TR session, TPMA_SESSION encrypt);

    Esys& esys_;
    ESYS_TR salt_key_;
    Handle hmac_, policy_;
    uint32_t failures_ = 0;
};

}  // namespace sealcall::tpm
