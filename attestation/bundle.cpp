#include "attestation/bundle.h"

namespace sealcall::attestation {

namespace {

using rats::kReferenceSize;
using rats::Reference;

constexpr uint8_t kRuntimePcr = 10, kPcrs = 24;

Status verify(ByteSpan spki, ByteSpan body, ByteSpan signature) {
    QuietErrors quiet;
    if (!is_canonical_p256_spki(spki)) return Error{Errc::bad_key, "the bundle's signer is not P-256", 0};
    const unsigned char* at = as_u8(spki.data());
    PkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
    if (!key) return Error{Errc::bad_key, "the bundle's signer is not on its curve", 0};
    MdCtxPtr ctx(EVP_MD_CTX_new());
    const ByteSpan context = as_bytes(rats::kBundleContext);
    if (!ctx || EVP_DigestVerifyInit(ctx.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
        EVP_DigestVerifyUpdate(ctx.get(), context.data(), context.size()) != 1 ||
        EVP_DigestVerifyUpdate(ctx.get(), body.data(), body.size()) != 1)
        return Error{Errc::crypto_failed, "bundle", 0};
    if (EVP_DigestVerifyFinal(ctx.get(), as_u8(signature.data()), signature.size()) != 1)
        return Error{Errc::bad_signature, "the bundle's signature does not verify", 0};
    return {};
}

Reference entry(ByteSpan list, size_t index) {
    auto r = ipc::decode<Reference>(list.subspan(index * kReferenceSize, kReferenceSize));
    CHECK(r);  // read_list has seen it
    return *r;
}

bool before(const Reference& a, uint8_t pcr, const Digest& digest) {
    return a.pcr != pcr ? a.pcr < pcr : a.digest < digest;
}

/// Count and entries of one list, left in place.
Result<ByteSpan> read_list(ByteReader& r, bool runtime) {
    TRY(uint16_t count, r.u16());
    if (count > rats::kReferencesMax) return Error{Errc::too_large, "references", count};
    TRY(ByteSpan list, r.bytes(count * kReferenceSize));
    Reference last;
    for (uint32_t i = 0; i < count; ++i) {
        TRY(Reference now, ipc::decode<Reference>(list.subspan(i * kReferenceSize, kReferenceSize)));
        if (now.id == 0 || now.pcr >= kPcrs || (now.pcr == kRuntimePcr) != runtime)
            return Error{Errc::bad_value, "reference", i};
        if (i > 0 && !before(last, now.pcr, now.digest)) return Error{Errc::not_canonical, "references in order", i};
        last = now;
    }
    return list;
}

}  // namespace

Result<ReferenceSet> ReferenceSet::open(ByteSpan signed_bundle, ByteSpan signer_spki, uint64_t oldest_version) {
    ByteReader r(signed_bundle);
    TRY(uint32_t size, r.u32());
    if (size > rats::kBundleMax) return Error{Errc::too_large, "bundle", size};
    TRY(ByteSpan body, r.bytes(size));
    BoundedBytes<128> signature;
    TRY_STATUS(ipc::decode_value(r, signature));
    TRY_STATUS(r.finish());
    TRY_STATUS(verify(signer_spki, body, signature.view()));
    ReferenceSet out;
    TRY_STATUS(out.read(body));
    if (out.head_.version < oldest_version)
        return Error{Errc::bundle_rolled_back, "a newer bundle was accepted before", 0};
    return out;
}

Status ReferenceSet::read(ByteSpan body) {
    ByteReader r(body);
    TRY_STATUS(ipc::decode_value(r, head_));
    TRY_STATUS(check_head());
    TRY(references_, read_list(r, false));
    TRY(runtime_, read_list(r, true));
    TRY_STATUS(ipc::decode_value(r, partners_));
    TRY_STATUS(check_partners());
    anchors_ = read_anchors(head_.anchors.items());
    TRY(uint32_t size, r.u32());
    if (size > rats::kPolicyMax) return Error{Errc::too_large, "policy", size};
    TRY(policy_, r.bytes(size));
    return r.finish();
}

Status ReferenceSet::check_head() const {
    if (head_.format != 2) return Error{Errc::bad_value, "format of the bundle", head_.format};
    if (head_.version == 0 || head_.authority.empty()) return Error{Errc::bad_value, "bundle without a name", 0};
    if (head_.next_update_ms <= head_.issued_ms || head_.next_update_ms - head_.issued_ms > rats::kBundleLifeMax)
        return Error{Errc::bad_value, "times of the bundle", 0};
    if (head_.boot_pcrs >> kPcrs != 0 || (head_.boot_pcrs >> kRuntimePcr & 1) != 0)
        return Error{Errc::bad_value, "boot PCRs", head_.boot_pcrs};
    if (head_.anchors.empty()) return Error{Errc::bad_value, "bundle without anchors", 0};
    const auto& revoked = head_.revoked.items();
    if (std::ranges::adjacent_find(revoked, std::greater_equal<>()) != revoked.end())
        return Error{Errc::not_canonical, "revocations in order", 0};
    return {};
}

Status ReferenceSet::check_partners() const {
    const rats::PartnerVerifier* last = nullptr;
    for (const auto& p : partners_) {
        if (p.issuer.empty() || p.domain.empty() || p.profile.empty() || !is_canonical_p256_spki(p.key.view()))
            return Error{Errc::bad_value, "partner", 0};
        if (last != nullptr && last->issuer.view() >= p.issuer.view())
            return Error{Errc::not_canonical, "partners in order", 0};
        last = &p;
    }
    return {};
}

Status ReferenceSet::in_time(uint64_t wall_ms) const {
    if (head_.issued_ms > rats::kBundleSkew && wall_ms < head_.issued_ms - rats::kBundleSkew)
        return Error{Errc::clock_wrong, "before the bundle's issue", 0};
    if (wall_ms >= head_.next_update_ms) return Error{Errc::bundle_stale, "the bundle's next update is overdue", 0};
    return {};
}

std::optional<Reference> ReferenceSet::find(uint8_t pcr, const Digest& digest) const {
    const ByteSpan list = pcr == kRuntimePcr ? runtime_ : references_;
    size_t low = 0, high = list.size() / kReferenceSize;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const Reference r = entry(list, middle);
        if (r.pcr == pcr && r.digest == digest) return r;
        if (before(r, pcr, digest)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return {};
}

bool ReferenceSet::revoked(const Digest& spki) const { return std::ranges::binary_search(head_.revoked.items(), spki); }

const rats::PartnerVerifier* ReferenceSet::partner(std::string_view issuer) const {
    const auto& all = partners_.items();
    const auto found = std::ranges::find(all, issuer, [](const rats::PartnerVerifier& p) { return p.issuer.view(); });
    return found == all.end() ? nullptr : &*found;
}

}  // namespace sealcall::attestation
