// What the authority keeps, so that a computer whose boot secret is lost can be set up anew.
#include <openssl/cms.h>
#include <openssl/pem.h>

#include "enclave/guard/boot.h"

namespace sealcall::guard {
namespace {

template <auto F>
struct Deleter {
    template <class T>
    void operator()(T* p) const {
        F(p);
    }
};
using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;
using CmsPtr = std::unique_ptr<CMS_ContentInfo, Deleter<CMS_ContentInfo_free>>;

void free_only(STACK_OF(X509) * p) { sk_X509_free(p); }
using X509Stack = std::unique_ptr<STACK_OF(X509), Deleter<free_only>>;

constexpr std::string_view kNames[] = {"owner", "endorsement", "lockout"};

}  // namespace

std::string print_authorisations(const tpm::HierarchyAuths& auths) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const Secret<32>* const values[] = {&auths.owner, &auths.endorsement, &auths.lockout};
    std::string out;
    out.reserve(256);  // once, so that no copy is left behind
    for (size_t i = 0; i < 3; ++i) {
        out.append(kNames[i]).push_back(' ');
        for (const std::byte b : values[i]->reveal(SecretAccess{})) {
            out.push_back(kDigits[static_cast<size_t>(b >> 4)]);
            out.push_back(kDigits[static_cast<size_t>(b & std::byte{15})]);
        }
        out.push_back('\n');
    }
    return out;
}

Result<tpm::HierarchyAuths> parse_authorisations(std::string_view text) {
    constexpr Error kBad{Errc::bad_value, "lines \"owner HEX\", \"endorsement HEX\", \"lockout HEX\"", 0};
    tpm::HierarchyAuths out;
    Secret<32>* const values[] = {&out.owner, &out.endorsement, &out.lockout};
    for (size_t i = 0; i < 3; ++i) {
        const size_t size = kNames[i].size() + 1 + 64 + 1;
        if (text.size() < size || !text.starts_with(kNames[i]) || text[kNames[i].size()] != ' ' ||
            text[size - 1] != '\n')
            return kBad;
        const std::string_view hex = text.substr(kNames[i].size() + 1, 64);
        const auto bytes = values[i]->reveal(SecretAccess{});
        for (size_t j = 0; j < bytes.size(); ++j) {
            unsigned value = 0;
            for (const char c : hex.substr(2 * j, 2)) {
                const bool digit = c >= '0' && c <= '9';
                if (!digit && (c < 'a' || c > 'f')) return kBad;
                value = value << 4 | static_cast<unsigned>(digit ? c - '0' : c - 'a' + 10);
            }
            bytes[j] = static_cast<std::byte>(value);
        }
        text.remove_prefix(size);
    }
    if (!text.empty()) return kBad;
    return out;
}

Result<Bytes> encrypt_for(ByteSpan certificate_pem, ByteSpan plain) {
    const BioPtr pem(BIO_new_mem_buf(certificate_pem.data(), static_cast<int>(certificate_pem.size())));
    const X509Ptr certificate(pem ? PEM_read_bio_X509(pem.get(), nullptr, nullptr, nullptr) : nullptr);
    const X509Stack to(sk_X509_new_null());
    if (!certificate || !to || sk_X509_push(to.get(), certificate.get()) <= 0)
        return Error{Errc::bad_certificate, "certificate for the escrow", 0};
    const BioPtr in(BIO_new_mem_buf(plain.data(), static_cast<int>(plain.size())));
    const CmsPtr cms(in ? CMS_encrypt(to.get(), in.get(), EVP_aes_256_gcm(), CMS_BINARY) : nullptr);
    if (!cms) return Error{Errc::crypto_failed, "CMS_encrypt", 0};
    const int size = i2d_CMS_ContentInfo(cms.get(), nullptr);
    if (size <= 0) return Error{Errc::crypto_failed, "CMS_encrypt", 0};
    Bytes out(static_cast<size_t>(size));
    uint8_t* at = as_u8(out.data());
    if (i2d_CMS_ContentInfo(cms.get(), &at) != size) return Error{Errc::crypto_failed, "CMS_encrypt", 0};
    return out;
}

}  // namespace sealcall::guard
