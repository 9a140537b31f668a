#include "attestation/logs/uefi_variable.h"

#include "attestation/logs/event_data.h"
#include "attestation/logs/little_reader.h"

namespace sealcall::logs {
namespace {

using attestation::Deleter;

constexpr Guid guid(std::array<uint8_t, 16> v) {
    Guid out;
    for (size_t i = 0; i < 16; ++i) out.bytes[i] = static_cast<std::byte>(v[i]);
    return out;
}

constexpr Guid kX509 =
    guid({0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72});
constexpr Guid kHashSha256 =
    guid({0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28});
constexpr size_t kListHeader = 28;

/// Nothing if it is no certificate, or has bytes behind it.
std::optional<DatabaseCertificate> certificate_of(ByteSpan der) {
    const attestation::QuietErrors quiet;
    const unsigned char* at = as_u8(der.data());
    const attestation::X509Ptr cert(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    if (!cert || at != as_u8(der.data()) + der.size()) return {};
    DatabaseCertificate out;
    const std::unique_ptr<BIO, Deleter<BIO_free_all>> bio(BIO_new(BIO_s_mem()));
    constexpr unsigned long kFlags = XN_FLAG_RFC2253;  // escapes what is not ASCII
    if (!bio || X509_NAME_print_ex(bio.get(), X509_get_subject_name(cert.get()), 0, kFlags) < 0) return {};
    char* text = nullptr;
    const long n = BIO_get_mem_data(bio.get(), &text);
    if (n > 0) out.subject = ascii_text(as_bytes(std::string_view(text, static_cast<size_t>(n))));
    Hasher(kSha256).hash({der}, out.sha256.data());
    return out;
}

/// The signatures of one list; `size` is that of each, owner included.
Status read_signatures(ByteSpan in, const Guid& type, uint32_t size, SignatureDatabase& out) {
    if (size < 16 || in.size() % size != 0) return Error{Errc::bad_value, "signature size", size};
    if (type == kHashSha256) {
        out.hashes += in.size() / size;
        return {};
    }
    if (type != kX509) {
        out.others += in.size() / size;
        return {};
    }
    for (; !in.empty(); in = in.subspan(size)) {
        if (out.certificates.size() == kCertificatesMax) return Error{Errc::too_large, "certificates", 0};
        auto cert = certificate_of(in.subspan(16, size - 16));
        if (!cert) {
            ++out.others;
            continue;
        }
        cert->owner = Guid::of(in.first(16));
        out.certificates.push_back(*std::move(cert));
    }
    return {};
}

}  // namespace

const Guid kEfiGlobalVariable =
    guid({0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c});
const Guid kEfiImageSecurity =
    guid({0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f});
const Guid kShimLock =
    guid({0x50, 0xab, 0x5d, 0x60, 0x46, 0xe0, 0x00, 0x43, 0xab, 0xb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b, 0x23});

Guid Guid::of(ByteSpan b) {
    CHECK(b.size() == 16);
    Guid out;
    std::ranges::copy(b, out.bytes.begin());
    return out;
}

std::string Guid::text() const {
    // The first three groups are little-endian integers.
    static constexpr size_t kOrder[] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    std::string out;
    for (size_t i = 0; i < 16; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
        char two[3];
        std::snprintf(two, sizeof two, "%02x", static_cast<unsigned>(bytes[kOrder[i]]));
        out += two;
    }
    return out;
}

Result<UefiVariable> parse_uefi_variable(ByteSpan in) {
    LittleReader r(in);
    UefiVariable out;
    TRY(const ByteSpan vendor, r.bytes(16));
    out.vendor = Guid::of(vendor);
    TRY(const uint64_t name_length, r.u64());
    TRY(const uint64_t data_length, r.u64());
    if (name_length > kVariableNameMax) return Error{Errc::too_large, "variable name", 0};
    TRY(const ByteSpan name, r.bytes(2 * name_length));
    TRY(out.data, r.bytes(data_length));
    out.name = utf16_text(name);
    out.trailing = r.left();
    return out;
}

Result<SignatureDatabase> parse_signature_database(ByteSpan in) {
    SignatureDatabase out;
    LittleReader r(in);
    for (size_t lists = 0; !r.done(); ++lists) {
        if (lists == kSignatureListsMax) return Error{Errc::too_large, "signature lists", 0};
        TRY(const ByteSpan type, r.bytes(16));
        TRY(const uint32_t list_size, r.u32());
        TRY(const uint32_t header_size, r.u32());
        TRY(const uint32_t signature_size, r.u32());
        if (list_size < kListHeader || header_size > list_size - kListHeader)
            return Error{Errc::bad_value, "signature list size", list_size};
        TRY(const ByteSpan body, r.bytes(list_size - kListHeader));
        TRY_STATUS(read_signatures(body.subspan(header_size), Guid::of(type), signature_size, out));
    }
    return out;
}

std::optional<DatabaseCertificate> authority_certificate(ByteSpan in) {
    if (in.size() > 16) {
        if (auto cert = certificate_of(in.subspan(16))) {
            cert->owner = Guid::of(in.first(16));
            return cert;
        }
    }
    return certificate_of(in);
}

}  // namespace sealcall::logs
