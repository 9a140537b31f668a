#include "tests/unit/host/lab_certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <memory>

#include "sealcall/base/check.h"

namespace sealcall::testing {
namespace {

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using CertPtr = std::unique_ptr<X509, decltype(&X509_free)>;
using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

std::string contents(BIO* bio) {
    char* p = nullptr;
    const long n = BIO_get_mem_data(bio, &p);
    return {p, static_cast<size_t>(n)};
}

void add_extension(X509* cert, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, issuer, cert, nullptr, nullptr, 0);
    X509_EXTENSION* e = X509V3_EXT_conf_nid(nullptr, &ctx, nid, value.c_str());
    CHECK(e);
    CHECK(X509_add_ext(cert, e, -1) == 1);
    X509_EXTENSION_free(e);
}

CertPtr make(const std::string& name, EVP_PKEY* key) {
    CertPtr c(X509_new(), &X509_free);
    X509_set_version(c.get(), 2);
    uint64_t serial = 0;
    CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(c.get()), serial >> 1);
    X509_gmtime_adj(X509_getm_notBefore(c.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(c.get()), 86400);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c.get()), "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
    X509_set_pubkey(c.get(), key);
    return c;
}

std::string pem_of(X509* c) {
    BioPtr bio(BIO_new(BIO_s_mem()), &BIO_free_all);
    PEM_write_bio_X509(bio.get(), c);
    return contents(bio.get());
}

}  // namespace

struct LabAuthority::Keys {
    KeyPtr key{EVP_EC_gen("P-256"), &EVP_PKEY_free};
    CertPtr cert{nullptr, &X509_free};
};

LabAuthority::LabAuthority() : keys_(new Keys) {
    keys_->cert = make("sealcall test authority", keys_->key.get());
    X509* c = keys_->cert.get();
    X509_set_issuer_name(c, X509_get_subject_name(c));
    add_extension(c, c, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(c, c, NID_key_usage, "critical,keyCertSign,cRLSign");
    CHECK(X509_sign(c, keys_->key.get(), EVP_sha256()) > 0);
    pem_ = pem_of(c);
}

LabAuthority::~LabAuthority() { delete keys_; }

LabCertificate LabAuthority::issue(const std::string& common_name, const std::string& names) const {
    KeyPtr key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    CertPtr c = make(common_name, key.get());
    X509_set_issuer_name(c.get(), X509_get_subject_name(keys_->cert.get()));
    add_extension(c.get(), keys_->cert.get(), NID_basic_constraints, "CA:FALSE");
    add_extension(c.get(), keys_->cert.get(), NID_subject_alt_name, names);
    CHECK(X509_sign(c.get(), keys_->key.get(), EVP_sha256()) > 0);
    BioPtr bio(BIO_new(BIO_s_mem()), &BIO_free_all);
    PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return {pem_of(c.get()), contents(bio.get())};
}

}  // namespace sealcall::testing
