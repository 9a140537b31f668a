#include "escrow.h"

#include <openssl/cms.h>

#include <sstream>

#include "files.h"

namespace sealcall::authority {
namespace {

using attestation::BioPtr;
using CmsPtr = std::unique_ptr<CMS_ContentInfo, attestation::Deleter<CMS_ContentInfo_free>>;

constexpr size_t kTextMax = 1024;
const Error kBad{Errc::bad_value, "escrow", 0};

/// Wiped when it goes.
struct Text {
    std::string value;
    Text() = default;
    Text(const Text&) = delete;
    Text& operator=(const Text&) = delete;
    ~Text() { OPENSSL_cleanse(value.data(), value.size()); }
};

Status decrypt(EVP_PKEY* key, ByteSpan sealed, Text& out) {
    const unsigned char* at = as_u8(sealed.data());
    const CmsPtr cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(sealed.size())));
    const BioPtr plain(BIO_new(BIO_s_mem()));
    if (!cms || !plain || at != as_u8(sealed.data()) + sealed.size()) return kBad;
    // Authenticated encryption or none: CMS_decrypt would take the old kind as well.
    if (OBJ_obj2nid(CMS_get0_type(cms.get())) != NID_id_smime_ct_authEnvelopedData) return kBad;
    const bool opened = CMS_decrypt(cms.get(), key, nullptr, nullptr, plain.get(), 0) == 1;
    char* data = nullptr;
    const long n = BIO_get_mem_data(plain.get(), &data);
    if (opened && n > 0 && static_cast<size_t>(n) <= kTextMax) out.value.assign(data, static_cast<size_t>(n));
    if (n > 0) OPENSSL_cleanse(data, static_cast<size_t>(n));
    return opened && !out.value.empty() ? Status() : kBad;
}

}  // namespace

Result<HierarchyAuthorisations> open_escrow(EVP_PKEY* escrow_key, const std::string& ek, ByteSpan sealed) {
    const attestation::QuietErrors quiet;
    Text text;
    TRY_STATUS(decrypt(escrow_key, sealed, text));
    HierarchyAuthorisations out;
    std::istringstream in(text.value);
    std::string name, hex;
    if (!(in >> name >> hex) || name != "device" || hex != ek) return kBad;
    for (auto [wanted, place] :
         {std::pair{"owner", &out.owner}, {"endorsement", &out.endorsement}, {"lockout", &out.lockout}}) {
        if (!(in >> name >> hex) || name != wanted) return kBad;
        const auto bytes = cli::from_hex(hex);
        if (!bytes) return kBad;
        TRY(*place, BoundedBytes<64>::from(*bytes));
    }
    if (in >> name) return kBad;
    return out;
}

}  // namespace sealcall::authority
