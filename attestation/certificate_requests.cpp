// Reading what an authority is handed: PKCS#10 requests and PEM files.
#include <openssl/pem.h>

#include "attestation/certificates.h"
#include "attestation/x509_checks.h"

namespace sealcall::attestation {

namespace {

using RequestPtr = std::unique_ptr<X509_REQ, Deleter<X509_REQ_free>>;

void free_extensions(STACK_OF(X509_EXTENSION) * exts) { sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free); }
using ExtensionsPtr = std::unique_ptr<STACK_OF(X509_EXTENSION), Deleter<free_extensions>>;

constexpr size_t kRequestMax = 2048;
constexpr size_t kPemMax = 64 * 1024;

Result<std::string> requested_uri(X509_REQ* request) {
    ExtensionsPtr exts(X509_REQ_get_extensions(request));
    int critical = 0;
    GeneralNamesPtr names(
        exts ? static_cast<GENERAL_NAMES*>(X509V3_get_d2i(exts.get(), NID_subject_alt_name, &critical, nullptr))
             : nullptr);
    if (!names || sk_GENERAL_NAME_num(names.get()) != 1) return Error{Errc::wrong_name, "subjectAltName", 0};
    int type = 0;
    const auto* uri =
        static_cast<const ASN1_IA5STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), 0), &type));
    if (type != GEN_URI) return Error{Errc::wrong_name, "subjectAltName", static_cast<uint32_t>(type)};
    std::string out(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                    static_cast<size_t>(ASN1_STRING_length(uri)));
    if (!is_sip_address(out)) return Error{Errc::wrong_name, "not a SIP address", 0};
    return out;
}

Bytes contents(BIO* bio) {
    char* data = nullptr;
    long n = BIO_get_mem_data(bio, &data);
    return n > 0 ? to_bytes(as_bytes(std::string_view(data, static_cast<size_t>(n)))) : Bytes{};
}

BioPtr reader(ByteSpan pem) {
    if (pem.size() > kPemMax) return {};
    return BioPtr(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

}  // namespace

Result<CertificateRequest> check_certificate_request(ByteSpan der) {
    QuietErrors quiet;
    if (der.size() > kRequestMax) return Error{Errc::too_large, "request", static_cast<uint32_t>(der.size())};
    const unsigned char* at = as_u8(der.data());
    RequestPtr request(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
    if (!request || at != as_u8(der.data()) + der.size()) return Error{Errc::bad_certificate, "request", 0};
    CertificateRequest out;
    EVP_PKEY* key = X509_REQ_get0_pubkey(request.get());
    if (key == nullptr) return Error{Errc::bad_key, "request", 0};
    out.spki = to_der(i2d_X509_PUBKEY, X509_REQ_get_X509_PUBKEY(request.get()));
    if (!is_canonical_p256_spki(out.spki)) return Error{Errc::bad_key, "identity keys are P-256", 0};
    if (X509_REQ_get_signature_nid(request.get()) != NID_ecdsa_with_SHA256 || X509_REQ_verify(request.get(), key) != 1)
        return Error{Errc::bad_signature, "request", 0};
    TRY(out.uri, requested_uri(request.get()));
    return out;
}

Result<Bytes> certificate_to_pem(ByteSpan der) {
    QuietErrors quiet;
    const unsigned char* at = as_u8(der.data());
    X509Ptr x(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    BioPtr bio(BIO_new(BIO_s_mem()));
    if (!x || !bio || PEM_write_bio_X509(bio.get(), x.get()) != 1) return Error{Errc::bad_certificate, "PEM", 0};
    return contents(bio.get());
}

Result<Bytes> certificate_from_pem(ByteSpan pem) {
    QuietErrors quiet;
    BioPtr bio = reader(pem);
    X509Ptr x(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
    if (!x) return Error{Errc::bad_certificate, "PEM", 0};
    Bytes der = to_der(i2d_X509, x.get());
    if (der.empty()) return Error{Errc::bad_certificate, "PEM", 0};
    X509Ptr second(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (second) return Error{Errc::bad_certificate, "more than one certificate", 0};
    return der;
}

Result<Bytes> key_to_pem(EVP_PKEY* key) {
    QuietErrors quiet;
    BioPtr bio(BIO_new(BIO_s_secmem()));
    if (!bio || PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
        return Error{Errc::bad_key, "PEM", 0};
    return contents(bio.get());
}

Result<PkeyPtr> key_from_pem(ByteSpan pem) {
    QuietErrors quiet;
    BioPtr bio = reader(pem);
    // An empty pass phrase, so that an encrypted file fails and nobody is asked on a terminal.
    char none[] = "";
    PkeyPtr key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, none) : nullptr);
    if (!key) return Error{Errc::bad_key, "PEM", 0};
    return key;
}

}  // namespace sealcall::attestation
