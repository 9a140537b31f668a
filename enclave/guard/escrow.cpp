// What the authority keeps, so that a computer whose boot secret is lost can be set up anew.
#include <openssl/cms.h>
#include <openssl/pem.h>

#include "attestation/openssl.h"
#include "enclave/guard/boot.h"
#include "sealcall/base/hex.h"

namespace sealcall::guard {
namespace {

using attestation::BioPtr;
using attestation::Deleter;
using attestation::X509Ptr;
using CmsPtr = std::unique_ptr<CMS_ContentInfo, Deleter<CMS_ContentInfo_free>>;

void free_only(STACK_OF(X509) * p) { sk_X509_free(p); }
using X509Stack = std::unique_ptr<STACK_OF(X509), Deleter<free_only>>;

constexpr std::string_view kNames[] = {"device", "owner", "endorsement", "lockout"};

}  // namespace

std::string print_escrow(const Escrow& escrow) {
    const ByteSpan values[] = {escrow.device, escrow.auths.owner.reveal(SecretAccess{}),
                               escrow.auths.endorsement.reveal(SecretAccess{}),
                               escrow.auths.lockout.reveal(SecretAccess{})};
    std::string out;
    out.reserve(512);  // once, so that no copy is left behind
    for (size_t i = 0; i < std::size(kNames); ++i) {
        std::string hex = to_hex(values[i]);
        out.append(kNames[i]).append(" ").append(hex).append("\n");
        wipe(hex.data(), hex.size());
    }
    return out;
}

Result<Escrow> parse_escrow(std::string_view text) {
    Escrow out;
    const std::span<std::byte> values[] = {out.device, out.auths.owner.reveal(SecretAccess{}),
                                           out.auths.endorsement.reveal(SecretAccess{}),
                                           out.auths.lockout.reveal(SecretAccess{})};
    for (size_t i = 0; i < std::size(kNames); ++i) {
        const size_t name = kNames[i].size(), size = name + 1 + 64 + 1;
        if (text.size() < size || !text.starts_with(kNames[i]) || text[name] != ' ' || text[size - 1] != '\n' ||
            !from_hex(text.substr(name + 1, 64), values[i]))
            return Error{Errc::bad_value, "lines device, owner, endorsement, lockout, each with 64 digits", 0};
        text.remove_prefix(size);
    }
    if (!text.empty()) return Error{Errc::bad_value, "more than four lines", 0};
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
