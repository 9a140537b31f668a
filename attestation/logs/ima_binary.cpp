#include "attestation/logs/ima_fields.h"
#include "attestation/logs/little_reader.h"

namespace sealcall::logs {
namespace {

constexpr struct {
    ImaTemplate form;
    std::string_view name;
} kTemplates[] = {{ImaTemplate::ima, "ima"},           {ImaTemplate::ima_ng, "ima-ng"},
                  {ImaTemplate::ima_sig, "ima-sig"},   {ImaTemplate::ima_buf, "ima-buf"},
                  {ImaTemplate::ima_ngv2, "ima-ngv2"}, {ImaTemplate::ima_sigv2, "ima-sigv2"}};
constexpr size_t kTemplateNameMax = 32;
constexpr std::string_view kUsualDigest("sha256:\0", 8);  ///< by far the most frequent
constexpr size_t kOldNameSize = 256;                      ///< the template "ima" hashes its name padded to this

Error bad(const ImaEntry& e, const char* what, Errc code = Errc::bad_value) { return {code, what, e.index}; }

Result<ByteSpan> field(LittleReader& r, const ImaEntry& e) {
    const auto size = r.u32();
    if (!size || *size > r.left()) return bad(e, "a field is longer than its entry", Errc::truncated);
    return r.bytes(*size);
}

Status set_digest(uint16_t algorithm, ByteSpan hash, ImaEntry& e) {
    const size_t size = registered_digest_size(algorithm);
    if (size != 0 && hash.size() != size && !e.violation()) return bad(e, "file hash of a wrong size");
    e.file_algorithm = algorithm;
    e.file_hash = hash;
    return {};
}

/// "sha256:" NUL digest, or for d-ngv2 "ima:sha256:" NUL digest. Old ima-ng entries of violations may lack the
/// algorithm.
Status read_digest(ByteSpan in, ImaEntry& e) {
    const std::string_view text = as_chars(in);
    if (text.starts_with(kUsualDigest)) return set_digest(kSha256, in.subspan(kUsualDigest.size()), e);
    const size_t nul = text.find('\0');
    if (nul == std::string_view::npos || nul == 0 || text[nul - 1] != ':') return bad(e, "digest field");
    std::string_view name = text.substr(0, nul - 1);
    if (const size_t colon = name.find(':'); colon != std::string_view::npos) {
        if (name.substr(0, colon) != "ima" && name.substr(0, colon) != "verity") return bad(e, "digest type");
        e.verity = name.starts_with("verity");
        name.remove_prefix(colon + 1);
    }
    return set_digest(file_algorithm_of(name), in.subspan(nul + 1), e);
}

Status read_name(ByteSpan in, ImaEntry& e) {
    if (in.empty() || in.back() != std::byte{0}) return bad(e, "a name without its end");
    e.name = as_chars(in.first(in.size() - 1));
    if (e.name.size() > kImaNameMax || e.name.find('\0') != std::string_view::npos) return bad(e, "name field");
    return {};
}

/// file hash 20, name length u32, name. What is hashed is the hash and the name in 256 bytes, so that is built in
/// `scratch`.
Status read_old(LittleReader& r, ImaEntry& e, Bytes& scratch) {
    const auto hash = r.bytes(20);
    const auto size = r.u32();
    if (!hash || !size) return bad(e, "entry", Errc::truncated);
    if (*size >= kOldNameSize) return bad(e, "name field");
    const auto name = r.bytes(*size);
    if (!name) return bad(e, "a name is longer than the list", Errc::truncated);
    e.name = as_chars(*name);
    if (e.name.find('\0') != std::string_view::npos) return bad(e, "name field");
    scratch.assign(20 + kOldNameSize, std::byte{0});
    std::ranges::copy(*hash, scratch.begin());
    std::ranges::copy(*name, scratch.begin() + 20);
    e.data = scratch;
    e.file_algorithm = kSha1;
    e.file_hash = e.data.first(20);
    return {};
}

Status read_entry(LittleReader& r, ImaEntry& e, Bytes& scratch) {
    const auto pcr = r.u32();
    const auto hash = r.bytes(20);
    const auto name_size = r.u32();
    if (!pcr || !hash || !name_size) return bad(e, "entry", Errc::truncated);
    if (*pcr >= 24) return bad(e, "PCR over 23");
    if (*name_size == 0 || *name_size > kTemplateNameMax) return bad(e, "template name");
    const auto name = r.bytes(*name_size);
    if (!name) return bad(e, "template name", Errc::truncated);
    const auto form = template_of(as_chars(*name));
    if (!form) return bad(e, "a template that is not known");
    e.pcr = *pcr;
    e.form = *form;
    std::ranges::copy(*hash, e.template_hash.begin());
    if (*form == ImaTemplate::ima) return read_old(r, e, scratch);
    const auto size = r.u32();
    if (!size) return bad(e, "entry", Errc::truncated);
    if (*size > kImaFieldsMax) return bad(e, "template data", Errc::too_large);
    const auto data = r.bytes(*size);
    if (!data) return bad(e, "template data is longer than the list", Errc::truncated);
    e.data = *data;
    return read_fields(e);
}

}  // namespace

const char* template_name(ImaTemplate t) { return kTemplates[static_cast<size_t>(t)].name.data(); }

std::optional<ImaTemplate> template_of(std::string_view name) {
    if (name == "ima-ng") return ImaTemplate::ima_ng;  // by far the most frequent one
    for (const auto& row : kTemplates)
        if (name == row.name) return row.form;
    return {};
}

uint16_t file_algorithm_of(std::string_view name) {
    if (name == "sha1") return kSha1;  // by far the most frequent ones
    if (name == "sha256") return kSha256;
    return algorithm_number(name).value_or(0);
}

Status read_fields(ImaEntry& e) {
    LittleReader r(e.data);
    TRY(const ByteSpan digest, field(r, e));
    TRY_STATUS(read_digest(digest, e));
    TRY(const ByteSpan name, field(r, e));
    TRY_STATUS(read_name(name, e));
    e.extra = {};
    if (e.form == ImaTemplate::ima_sig || e.form == ImaTemplate::ima_buf || e.form == ImaTemplate::ima_sigv2) {
        TRY(e.extra, field(r, e));
    }
    if (!r.done()) return bad(e, "bytes behind the last field", Errc::trailing_bytes);
    return {};
}

Status visit_ima_binary(ByteSpan list, const ImaVisitor& visit) {
    if (list.size() > kImaListMax) return Error{Errc::too_large, "IMA list", 0};
    LittleReader r(list);
    Bytes scratch;
    for (uint32_t index = 0; !r.done(); ++index) {
        if (index == kImaEntriesMax) return Error{Errc::too_large, "too many entries", index};
        ImaEntry e;
        e.index = index;
        TRY_STATUS(read_entry(r, e, scratch));
        if (!visit(e)) return {};
    }
    return {};
}

}  // namespace sealcall::logs
