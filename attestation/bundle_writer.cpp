#include "attestation/bundle_writer.h"

namespace sealcall::attestation {

namespace {

template <class List>
List in_order(const List& list, auto less, auto same) {
    auto items = list.items();
    std::ranges::stable_sort(items, less);
    items.erase(std::unique(items.begin(), items.end(), same), items.end());
    List out;
    for (auto& item : items) CHECK(out.push(std::move(item)));
    return out;
}

template <class List>
List references_in_order(const List& list) {
    using rats::Reference;
    const auto key = [](const Reference& r) { return std::tie(r.pcr, r.digest); };
    const auto allowed = [](const Reference& r) { return r.kind != rats::ReferenceKind::forbidden; };
    return in_order(
        list,
        [&](const Reference& a, const Reference& b) {
            return key(a) != key(b) ? key(a) < key(b) : allowed(a) < allowed(b);
        },
        [&](const Reference& a, const Reference& b) { return key(a) == key(b); });
}

}  // namespace

rats::Bundle sorted_bundle(const rats::Bundle& bundle) {
    rats::Bundle out = bundle;
    out.revoked = in_order(bundle.revoked, std::less<>(), std::equal_to<>());
    out.references = references_in_order(bundle.references);
    out.runtime = references_in_order(bundle.runtime);
    using rats::PartnerVerifier;
    out.partners = in_order(
        bundle.partners,
        [](const PartnerVerifier& a, const PartnerVerifier& b) { return a.issuer.view() < b.issuer.view(); },
        [](const PartnerVerifier& a, const PartnerVerifier& b) { return a.issuer == b.issuer; });
    return out;
}

Result<Bytes> sign_bundle(const rats::Bundle& bundle, EVP_PKEY* key) {
    const Bytes body = ipc::encode(bundle);
    if (body.size() > rats::kBundleMax) return Error{Errc::too_large, "bundle", static_cast<uint32_t>(body.size())};
    ByteWriter message;
    message.bytes(as_bytes(rats::kBundleContext)).bytes(body);
    std::array<std::byte, 128> signature{};
    size_t n = signature.size();
    MdCtxPtr ctx(EVP_MD_CTX_new());
    if (!ctx || EVP_DigestSignInit(ctx.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
        EVP_DigestSign(ctx.get(), as_u8(signature.data()), &n, as_u8(message.view().data()), message.size()) != 1)
        return Error{Errc::crypto_failed, "signing the bundle", 0};
    rats::SignedBundle out;
    out.body = BoundedBytes<rats::kBundleMax>(body);
    out.signature = BoundedBytes<128>(ByteSpan(signature).first(n));
    return ipc::encode(out);
}

}  // namespace sealcall::attestation
