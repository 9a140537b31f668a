#include "attestation/logs/ima.h"

#include "attestation/logs/sha256_pair.h"

namespace sealcall::logs {

Status visit_ima_list(ByteSpan list, const ImaVisitor& visit) {
    if (list.empty()) return {};
    const char first = static_cast<char>(list.front());
    const bool ascii = first == ' ' || (first >= '0' && first <= '9');
    return ascii ? visit_ima_ascii(list, visit) : visit_ima_binary(list, visit);
}

ImaReplay::ImaReplay(uint16_t bank, ImaRule rule)
    : hasher_(bank), rule_(rule), pairs_(bank == kSha256 && has_sha256_pair()) {
    value_.size = static_cast<uint8_t>(hasher_.size());
}

void ImaReplay::add(const ImaEntry& entry) {
    const bool hashed = !entry.violation() && rule_ == ImaRule::bank_hash && hasher_.algorithm() != kSha1;
    if (hashed && pairs_ && waits_) return extend_and_hash(value_.bytes.data(), waiting_.data(), entry.data);
    if (waits_) hasher_.extend(value_.bytes.data(), last_extended());
    waits_ = true;
    waiting_.fill(entry.violation() ? std::byte{0xff} : std::byte{0});
    if (hashed) hasher_.hash({entry.data}, waiting_.data());
    if (!hashed && !entry.violation()) std::ranges::copy(entry.template_hash, waiting_.begin());
}

AnyDigest ImaReplay::value() const {
    AnyDigest out = value_;
    if (waits_) Hasher(bank()).extend(out.bytes.data(), last_extended());
    return out;
}

bool ImaHashCheck::is_honest(const ImaEntry& entry) {
    if (entry.violation()) return false;
    std::array<std::byte, 20> hash{};
    sha1_.hash({entry.data}, hash.data());
    return hash == entry.template_hash;
}

Result<ImaSummary> summarize_ima(ByteSpan list) {
    ImaSummary out;
    ImaHashCheck check;
    ImaReplay sha1(kSha1, ImaRule::padded_sha1), padded(kSha256, ImaRule::padded_sha1),
        hashed(kSha256, ImaRule::bank_hash);
    TRY_STATUS(visit_ima_list(list, [&](const ImaEntry& e) {
        ++out.entries;
        if (e.violation()) {
            ++out.violations;
        } else if (!check.is_honest(e) && ++out.dishonest == 1) {
            out.first_dishonest = e.index;
        }
        if (e.index == 0 && e.name == "boot_aggregate" && e.file_hash.size() <= kDigestMax) {
            out.boot_aggregate = AnyDigest::of(e.file_hash);
            out.boot_aggregate_algorithm = e.file_algorithm;
        }
        if (e.pcr != 10) return true;
        sha1.add(e);
        padded.add(e);
        hashed.add(e);
        return true;
    }));
    out.sha1 = sha1.value();
    out.sha256_padded = padded.value();
    out.sha256 = hashed.value();
    return out;
}

namespace {

Result<std::optional<ImaPrefix>> find_by(ByteSpan list, uint16_t bank, ImaRule rule, ByteSpan pcr10) {
    ImaReplay replay(bank, rule);
    size_t entries = 0;  // up to the last one that was added
    if (equal_bytes(replay.value().view(), pcr10)) return std::optional(ImaPrefix{0, rule});
    bool found = false;
    const Status read = visit_ima_list(list, [&](const ImaEntry& e) {
        if (e.pcr != 10) return true;
        replay.add(e);
        found = entries != 0 && equal_bytes(replay.value_before_last(), pcr10);
        if (!found) entries = e.index + 1U;
        return !found;
    });
    // What comes after a prefix may be cut off: the list was copied while it grew.
    if (found || equal_bytes(replay.value().view(), pcr10)) return std::optional(ImaPrefix{entries, rule});
    TRY_STATUS(read);
    return std::optional<ImaPrefix>{};
}

}  // namespace

Result<std::optional<ImaPrefix>> find_ima_prefix(ByteSpan list, uint16_t bank, ByteSpan pcr10) {
    auto found = find_by(list, bank, ImaRule::bank_hash, pcr10);
    if (bank == kSha1 || (found && *found)) return found;
    auto by_old_rule = find_by(list, bank, ImaRule::padded_sha1, pcr10);
    return by_old_rule && *by_old_rule ? by_old_rule : found;
}

AnyDigest boot_aggregate(uint16_t bank, std::span<const AnyDigest> pcrs, BootAggregateRule rule) {
    const size_t count = rule == BootAggregateRule::pcr_0_to_7 ? 8 : 10;
    CHECK(pcrs.size() >= count);
    Bytes all;
    for (const AnyDigest& pcr : pcrs.first(count))
        all.insert(all.end(), pcr.bytes.begin(), pcr.bytes.begin() + pcr.size);
    return Hasher(bank).hash(all);
}

namespace {

void put_u32(Bytes& out, size_t v) {
    for (size_t i = 0; i < 4; ++i) out.push_back(static_cast<std::byte>(v >> (8 * i)));
}

void put(Bytes& out, ByteSpan bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

}  // namespace

Bytes encode_ima_ng(uint16_t algorithm, ByteSpan file_hash, std::string_view name) {
    const std::string prefix = algorithm_name(algorithm) + ":";
    Bytes out;
    put_u32(out, prefix.size() + 1 + file_hash.size());
    put(out, as_bytes(prefix));
    out.push_back(std::byte{0});
    put(out, file_hash);
    put_u32(out, name.size() + 1);
    put(out, as_bytes(name));
    out.push_back(std::byte{0});
    return out;
}

Bytes encode_ima_binary(ImaTemplate form, ByteSpan data) {
    Bytes out;
    const std::string_view name = template_name(form);
    put_u32(out, 10);
    put(out, Hasher(kSha1).hash(data).view());
    put_u32(out, name.size());
    put(out, as_bytes(name));
    put_u32(out, data.size());
    put(out, data);
    return out;
}

}  // namespace sealcall::logs
