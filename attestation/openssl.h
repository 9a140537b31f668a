// Owners of OpenSSL handles, and the few conversions between its types and ours.
#pragma once

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

#include "sealcall/base/bytes.h"

namespace sealcall::attestation {

template <auto Free>
struct Deleter {
    template <class T>
    void operator()(T* p) const {
        Free(p);
    }
};

using PkeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using PkeyCtxPtr = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using CipherCtxPtr = std::unique_ptr<EVP_CIPHER_CTX, Deleter<EVP_CIPHER_CTX_free>>;
using MdCtxPtr = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using BignumPtr = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using EcGroupPtr = std::unique_ptr<EC_GROUP, Deleter<EC_GROUP_free>>;
using EcPointPtr = std::unique_ptr<EC_POINT, Deleter<EC_POINT_free>>;
using EcdsaSigPtr = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG_free>>;
using ObjectPtr = std::unique_ptr<ASN1_OBJECT, Deleter<ASN1_OBJECT_free>>;
using BitStringPtr = std::unique_ptr<ASN1_BIT_STRING, Deleter<ASN1_BIT_STRING_free>>;
using ExtendedKeyUsagePtr = std::unique_ptr<EXTENDED_KEY_USAGE, Deleter<EXTENDED_KEY_USAGE_free>>;
using GeneralNamesPtr = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;
using X509StorePtr = std::unique_ptr<X509_STORE, Deleter<X509_STORE_free>>;
using X509StoreCtxPtr = std::unique_ptr<X509_STORE_CTX, Deleter<X509_STORE_CTX_free>>;

/// Drops the errors that OpenSSL queues in its life time: SSL_get_error of a later TLS call in the same thread looks
/// there.
class QuietErrors {
  public:
    QuietErrors() { ERR_set_mark(); }
    QuietErrors(const QuietErrors&) = delete;
    QuietErrors& operator=(const QuietErrors&) = delete;
    ~QuietErrors() { ERR_pop_to_mark(); }
};

/// Runs one of OpenSSL's i2d functions; empty on failure.
template <class T>
Bytes to_der(int (*i2d)(const T*, unsigned char**), const T* value) {
    int n = i2d(value, nullptr);
    if (n <= 0) return {};
    Bytes out(static_cast<size_t>(n));
    unsigned char* at = as_u8(out.data());
    if (i2d(value, &at) != n) return {};
    return out;
}

/// DER of ECDSA-Sig-Value (RFC 3279 2.2.3) from its two numbers, big-endian; empty on failure.
inline Bytes ecdsa_der(ByteSpan r, ByteSpan s) {
    EcdsaSigPtr sig(ECDSA_SIG_new());
    BignumPtr a(BN_bin2bn(as_u8(r.data()), static_cast<int>(r.size()), nullptr));
    BignumPtr b(BN_bin2bn(as_u8(s.data()), static_cast<int>(s.size()), nullptr));
    if (!sig || !a || !b || ECDSA_SIG_set0(sig.get(), a.get(), b.get()) != 1) return {};
    (void)a.release();  // owned by sig now
    (void)b.release();
    return to_der<ECDSA_SIG>(i2d_ECDSA_SIG, sig.get());
}

}  // namespace sealcall::attestation
