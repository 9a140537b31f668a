#include "enclave/tpm/esys_libctx.h"

#include <dlfcn.h>
#include <openssl/crypto.h>

#include "sealcall/base/check.h"

namespace sealcall::tpm {

namespace {

thread_local int inside_esys = 0;

using NewFunction = OSSL_LIB_CTX* (*)();

NewFunction library_function() {
    static const NewFunction kNext = reinterpret_cast<NewFunction>(::dlsym(RTLD_NEXT, "OSSL_LIB_CTX_new"));
    CHECK(kNext != nullptr);
    return kNext;
}

}  // namespace

LibctxScope::LibctxScope() {
    static_cast<void>(library_function());  // looked up before the sandbox closes
    ++inside_esys;
}

LibctxScope::~LibctxScope() { --inside_esys; }

}  // namespace sealcall::tpm

// Comes before libcrypto's in the search order of the dynamic linker, for this executable and its libraries.
extern "C" __attribute__((visibility("default"))) OSSL_LIB_CTX* OSSL_LIB_CTX_new(void) {
    if (sealcall::tpm::inside_esys > 0) return OSSL_LIB_CTX_get0_global_default();
    return sealcall::tpm::library_function()();
}
