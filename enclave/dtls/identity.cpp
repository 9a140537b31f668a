#include "enclave/dtls/identity.h"

#include <openssl/bn.h>

namespace sealcall::dtls {

namespace {

using tls::check;
using BignumPtr = std::unique_ptr<BIGNUM, tls::Deleter<BN_free>>;

// A fixed span, the same in every certificate: the clock of a phone is nobody's business, and only the fingerprint
// counts.
constexpr const char* kNotBefore = "20000101000000Z";
constexpr const char* kNotAfter = "20491231235959Z";

Status fill(X509* certificate, EVP_PKEY* key) {
    const auto need = [](long result, const char* call) { return check(result, Errc::crypto_failed, call); };
    std::array<std::byte, 16> serial{};
    tls::random_bytes(serial);
    serial[0] &= std::byte{0x7f};  // positive
    const BignumPtr number(BN_bin2bn(as_u8(serial.data()), static_cast<int>(serial.size()), nullptr));
    if (!number) return tls::openssl_error(Errc::out_of_memory, "BN_bin2bn");
    if (BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) == nullptr)
        return tls::openssl_error(Errc::crypto_failed, "BN_to_ASN1_INTEGER");
    TRY_STATUS(need(X509_set_version(certificate, X509_VERSION_3), "X509_set_version"));
    TRY_STATUS(need(ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), kNotBefore), "notBefore"));
    TRY_STATUS(need(ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), kNotAfter), "notAfter"));
    TRY_STATUS(need(X509_set_pubkey(certificate, key), "X509_set_pubkey"));
    return need(X509_sign(certificate, key, EVP_sha256()), "X509_sign");
}

}  // namespace

Result<Digest> certificate_fingerprint(const X509* certificate) {
    Digest out{};
    unsigned length = 0;
    if (certificate == nullptr || X509_digest(certificate, EVP_sha256(), as_u8(out.data()), &length) != 1 ||
        length != out.size())
        return tls::openssl_error(Errc::bad_certificate, "X509_digest");
    return out;
}

Result<std::unique_ptr<Identity>> Identity::create() {
    tls::EvpPkeyPtr key(EVP_EC_gen("P-256"));
    tls::X509Ptr certificate(X509_new());
    if (!key || !certificate) return tls::openssl_error(Errc::crypto_failed, "EVP_EC_gen");
    TRY_STATUS(fill(certificate.get(), key.get()));
    TRY(const Digest fingerprint, certificate_fingerprint(certificate.get()));
    return std::unique_ptr<Identity>(
        std::make_unique<SoftwareIdentity>(std::move(key), std::move(certificate), fingerprint));
}

}  // namespace sealcall::dtls
