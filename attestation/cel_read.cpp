// Reading the log of cel.h: for those who get it from somebody else. Writers do not link this.
#include "attestation/binding.h"
#include "attestation/cel.h"
#include "attestation/tpm_structs.h"

namespace sealcall::attestation {

namespace {

constexpr uint8_t kTagRecnum = 0, kTagPcr = 1, kTagDigests = 3, kTagContent = 0x53;
constexpr uint8_t kTagRole = 0, kTagExecutable = 1, kTagManifest = 2, kTagFiles = 3;
constexpr size_t kRoleMax = 32;

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
