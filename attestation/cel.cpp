#include "attestation/cel.h"

#include "attestation/binding.h"
#include "attestation/tpm_structs.h"

namespace sealcall::attestation {

namespace {

constexpr uint8_t kTagRecnum = 0, kTagPcr = 1, kTagDigests = 3, kTagContent = 0x53;
constexpr uint8_t kTagRole = 0, kTagExecutable = 1, kTagManifest = 2, kTagFiles = 3;
constexpr size_t kRoleMax = 32, kFileNameMax = 255;

void put(ByteWriter& w, uint8_t tag, ByteSpan value) {
    w.u8(tag).u32(static_cast<uint32_t>(value.size())).bytes(value);
}

/// The value of the next element, which must carry this tag.
Result<ByteSpan> take(ByteReader& r, uint8_t tag) {
    TRY(uint8_t found, r.u8());
    if (found != tag) return Error{Errc::bad_evidence, "CEL tag", found};
    TRY(uint32_t n, r.u32());
    return r.bytes(n);
}

template <class U>
Result<U> take_uint(ByteReader& r, uint8_t tag) {
    TRY(ByteSpan value, take(r, tag));
    ByteReader inner(value);
    TRY(U v, inner.uint<U>());
    TRY_STATUS(inner.finish());
    return v;
}

Result<Digest> take_digest(ByteReader& r, uint8_t tag) {
    TRY(ByteSpan value, take(r, tag));
    Digest d{};
    if (value.size() != d.size()) return Error{Errc::bad_evidence, "CEL digest", static_cast<uint32_t>(value.size())};
    std::ranges::copy(value, d.begin());
    return d;
}

Bytes content_of(const MeasuredRole& role) {
    ByteWriter fields;
    put(fields, kTagRole, as_bytes(role.role));
    put(fields, kTagExecutable, role.files.front().digest);
    put(fields, kTagManifest, manifest_digest(role));
    put(fields, kTagFiles, ByteWriter{}.u16(static_cast<uint16_t>(role.files.size())).view());
    ByteWriter content;
    put(content, kTagContent, fields.view());
    return content.take();
}

Status check_role(const MeasuredRole& role) {
    if (role.role.empty() || role.role.size() > kRoleMax) return Error{Errc::bad_value, "role", 0};
    if (role.files.empty() || role.files.size() > kMeasuredFilesMax) return Error{Errc::bad_value, "files", 0};
    for (const auto& f : role.files)
        if (f.name.empty() || f.name.size() > kFileNameMax) return Error{Errc::bad_value, "file name", 0};
    return {};
}

Status read_content(ByteSpan value, CelRecord& out) {
    ByteReader r(value);
    TRY(ByteSpan role, take(r, kTagRole));
    const bool plain = std::ranges::all_of(as_chars(role), [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; });
    if (role.empty() || role.size() > kRoleMax || !plain) return Error{Errc::bad_evidence, "CEL role", 0};
    out.role = as_chars(role);
    TRY(out.executable, take_digest(r, kTagExecutable));
    TRY(out.manifest, take_digest(r, kTagManifest));
    TRY(out.files, take_uint<uint16_t>(r, kTagFiles));
    return r.finish();
}

Result<CelRecord> read_record(ByteReader& r) {
    CelRecord out;
    TRY(out.number, take_uint<uint64_t>(r, kTagRecnum));
    TRY(out.pcr, take_uint<uint8_t>(r, kTagPcr));
    TRY(ByteSpan digests, take(r, kTagDigests));
    ByteReader inner(digests);
    TRY(out.digest, take_digest(inner, kTpmAlgSha256));
    TRY_STATUS(inner.finish());
    TRY(ByteSpan content, take(r, kTagContent));
    TRY_STATUS(read_content(content, out));
    ByteWriter whole;
    put(whole, kTagContent, content);
    out.content = whole.take();
    return out;
}

}  // namespace

Digest manifest_digest(const MeasuredRole& role) {
    std::vector<const MeasuredFile*> sorted;
    for (const auto& f : role.files) sorted.push_back(&f);
    std::ranges::sort(sorted, [](const auto* a, const auto* b) {
        return a->name != b->name ? a->name < b->name : a->digest < b->digest;
    });
    ByteWriter w;
    for (const auto* f : sorted) w.u16(static_cast<uint16_t>(f->name.size())).bytes(as_bytes(f->name)).bytes(f->digest);
    return sha256(w.view());
}

Digest cel_digest(const MeasuredRole& role) {
    CHECK(check_role(role).has_value());
    return sha256(content_of(role));
}

Result<Bytes> encode_cel(std::span<const MeasuredRole> roles, uint8_t pcr) {
    if (roles.size() > kCelRecordsMax) return Error{Errc::too_large, "roles", static_cast<uint32_t>(roles.size())};
    ByteWriter w;
    uint64_t number = 0;
    for (const auto& role : roles) {
        TRY_STATUS(check_role(role));
        Bytes content = content_of(role);
        put(w, kTagRecnum, ByteWriter{}.u64(number++).view());
        put(w, kTagPcr, ByteWriter{}.u8(pcr).view());
        ByteWriter digests;
        put(digests, kTpmAlgSha256, sha256(content));
        put(w, kTagDigests, digests.view());
        w.bytes(content);
    }
    if (w.size() > kCelMax) return Error{Errc::too_large, "log", static_cast<uint32_t>(w.size())};
    return w.take();
}

Result<std::vector<CelRecord>> parse_cel(ByteSpan in) {
    if (in.size() > kCelMax) return Error{Errc::too_large, "log", static_cast<uint32_t>(in.size())};
    ByteReader r(in);
    std::vector<CelRecord> out;
    while (!r.done()) {
        if (out.size() >= kCelRecordsMax) return Error{Errc::too_large, "records", 0};
        TRY(CelRecord record, read_record(r));
        if (record.number != out.size()) return Error{Errc::bad_evidence, "record number", 0};
        out.push_back(std::move(record));
    }
    return out;
}

bool is_honest(const CelRecord& record) { return sha256(record.content) == record.digest; }

}  // namespace sealcall::attestation
