// ESYS 3.2 makes a new OpenSSL library context for each hash: most of its time on a fast TPM. Inside a LibctxScope it
// is given the process-wide default context instead. All other callers of OSSL_LIB_CTX_new get a context of their own.
#pragma once

namespace sealcall::tpm {

/// Holds for the calling thread only. ESYS frees what it was given; freeing the default context does nothing
/// (OSSL_LIB_CTX(3)).
class LibctxScope {
  public:
    LibctxScope();
    LibctxScope(const LibctxScope&) = delete;
    LibctxScope& operator=(const LibctxScope&) = delete;
    ~LibctxScope();
};

}  // namespace sealcall::tpm
