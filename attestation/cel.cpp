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

}  // namespace sealcall::attestation
