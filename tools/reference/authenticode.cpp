#include "authenticode.h"

#include <openssl/evp.h>

#include <memory>

namespace sealcall::reference {

namespace {

struct MdDelete {
    void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
};

/// Little-endian fields at places that the headers name.
class Image {
  public:
    explicit Image(ByteSpan bytes) : bytes_(bytes) {}
    Result<uint16_t> u16(uint64_t at) const { return uint<uint16_t>(at); }
    Result<uint32_t> u32(uint64_t at) const { return uint<uint32_t>(at); }
    Result<ByteSpan> run(uint64_t from, uint64_t to) const {
        if (from > to || to > bytes_.size()) return Error{Errc::truncated, "PE image", static_cast<uint32_t>(from)};
        return bytes_.subspan(from, to - from);
    }
    uint64_t size() const { return bytes_.size(); }

  private:
    template <class U>
    Result<U> uint(uint64_t at) const {
        TRY(const ByteSpan b, run(at, at + sizeof(U)));
        uint32_t v = 0;
        for (size_t i = sizeof(U); i-- > 0;) v = v << 8 | static_cast<uint32_t>(b[i]);
        return static_cast<U>(v);
    }
    ByteSpan bytes_;
};

struct Headers {
    uint64_t checksum = 0;        ///< offset of CheckSum
    uint64_t security_entry = 0;  ///< offset of the certificate table's directory entry; 0: there is none
    uint64_t headers_end = 0;     ///< SizeOfHeaders
    uint64_t certificates = 0;    ///< bytes of the certificate table at the end of the file
    std::vector<std::pair<uint64_t, uint64_t>> sections;  ///< from, to
};

Status read_sections(const Image& image, uint64_t table, uint16_t count, Headers& out) {
    if (count > kSectionsMax) return Error{Errc::too_large, "PE sections", count};
    for (uint16_t i = 0; i < count; ++i) {
        TRY(const uint32_t size, image.u32(table + 40ULL * i + 16));
        TRY(const uint32_t from, image.u32(table + 40ULL * i + 20));
        if (size == 0) continue;
        TRY_STATUS([&]() -> Status {
            TRY(const ByteSpan section, image.run(from, uint64_t{from} + size));
            (void)section;
            return {};
        }());
        out.sections.emplace_back(from, uint64_t{from} + size);
    }
    std::ranges::sort(out.sections);
    return {};
}

Result<Headers> read_headers(const Image& image) {
    const Error no_image{Errc::bad_value, "this is no PE image", 0};
    TRY(const uint16_t mz, image.u16(0));
    if (mz != 0x5a4d) return no_image;
    TRY(const uint32_t pe, image.u32(0x3c));
    TRY(const uint32_t signature, image.u32(pe));
    if (signature != 0x00004550) return no_image;
    TRY(const uint16_t sections, image.u16(pe + 6ULL));
    TRY(const uint16_t optional_size, image.u16(pe + 20ULL));
    const uint64_t optional = pe + 24ULL;
    TRY(const uint16_t magic, image.u16(optional));
    if (magic != 0x10b && magic != 0x20b) return no_image;
    const uint64_t directories = optional + (magic == 0x20b ? 112 : 96);
    Headers out;
    out.checksum = optional + 64;
    TRY(out.headers_end, image.u32(optional + 60));
    TRY(const uint32_t count, image.u32(directories - 4));
    if (count > 4) {
        out.security_entry = directories + 4 * 8;
        TRY(const uint32_t at, image.u32(out.security_entry));
        TRY(out.certificates, image.u32(out.security_entry + 4));
        // Attribute certificates are not part of the image: they must be its tail, or something would go unhashed.
        if (out.certificates != 0 && at + out.certificates != image.size())
            return Error{Errc::truncated, "certificate table is not the file's end", at};
    }
    TRY_STATUS(read_sections(image, optional + optional_size, sections, out));
    return out;
}

}  // namespace

Result<Digest> authenticode_sha256(ByteSpan bytes) {
    if (bytes.size() > kImageMax) return Error{Errc::too_large, "PE image", 0};
    const Image image(bytes);
    TRY(const Headers h, read_headers(image));
    std::unique_ptr<EVP_MD_CTX, MdDelete> md(EVP_MD_CTX_new());
    if (!md || EVP_DigestInit_ex(md.get(), EVP_sha256(), nullptr) != 1) return Error{Errc::crypto_failed, "hash", 0};
    uint64_t hashed = 0;  // bytes of the file that were hashed or rightly left out
    const auto add = [&](uint64_t from, uint64_t to) -> Status {
        TRY(const ByteSpan run, image.run(from, to));
        if (EVP_DigestUpdate(md.get(), run.data(), run.size()) != 1) return Error{Errc::crypto_failed, "hash", 0};
        return {};
    };
    TRY_STATUS(add(0, h.checksum));
    const uint64_t after = h.checksum + 4;
    if (h.security_entry == 0) {
        TRY_STATUS(add(after, h.headers_end));
    } else {
        TRY_STATUS(add(after, h.security_entry));
        TRY_STATUS(add(h.security_entry + 8, h.headers_end));
    }
    hashed = h.headers_end;
    for (const auto& [from, to] : h.sections) {
        TRY_STATUS(add(from, to));
        hashed += to - from;
    }
    // What lies behind the sections and before the certificates is part of the image, too.
    if (hashed + h.certificates < image.size()) TRY_STATUS(add(hashed, image.size() - h.certificates));
    Digest out{};
    if (EVP_DigestFinal_ex(md.get(), as_u8(out.data()), nullptr) != 1) return Error{Errc::crypto_failed, "hash", 0};
    return out;
}

}  // namespace sealcall::reference
