// OpenSSL as the enclave uses it: one owner type per handle, one error checker, one warm-up. Trusts libssl and
// libcrypto. No configuration file is ever read: main calls warm_up first, before OpenSSL is used in any other way.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "attestation/openssl.h"

namespace sealcall::tls {

using attestation::Deleter;
using SslPtr = std::unique_ptr<SSL, Deleter<SSL_free>>;
using SslCtxPtr = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free>>;
using BioMethodPtr = std::unique_ptr<BIO_METHOD, Deleter<BIO_meth_free>>;
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;
using EvpPkeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using EvpPkeyCtxPtr = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using EvpMdCtxPtr = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using EvpKdfPtr = std::unique_ptr<EVP_KDF, Deleter<EVP_KDF_free>>;
using EvpKdfCtxPtr = std::unique_ptr<EVP_KDF_CTX, Deleter<EVP_KDF_CTX_free>>;
using LibCtxPtr = std::unique_ptr<OSSL_LIB_CTX, Deleter<OSSL_LIB_CTX_free>>;
using ProviderPtr = std::unique_ptr<OSSL_PROVIDER, Deleter<OSSL_PROVIDER_unload>>;

/// The error of a failed OpenSSL call: `call` names it, `detail` is ERR_GET_REASON of the first entry of this thread's
/// error queue (0 when there is none). Empties the queue.
Error openssl_error(Errc code, const char* call);

/// Success when an OpenSSL return code is 1 or more, else openssl_error.
Status check(long result, Errc code, const char* call);

/// `out.size()` random bytes; ends the process when there is no randomness: nothing of ours may go on without.
void random_bytes(std::span<std::byte> out);

/// Touches everything that OpenSSL or libc open or build on first use (providers, random generator, error strings, time
/// zone), so that it works after lock-down. Once, by main, before the sandbox. Ends the process when the library is
/// unusable.
void warm_up();

}  // namespace sealcall::tls
