#include "compile.h"

#include "attestation/bundle_writer.h"
#include "problem.h"

namespace sealcall::reference {
namespace {

using cli::Problem;
constexpr std::string_view kListContext = "sealcall-allow-list/1";

template <class List, class T>
void push(List& list, T value, const char* what) {
    if (!list.push(std::move(value)))
        throw Problem(std::string("A bundle holds at most ") + std::to_string(List::kMax) + " " + what + ".",
                      "Withdraw what is no longer used: sealcall reference approve --withdraw ID.");
}

}  // namespace

rats::Bundle compile(const ReferenceStore& store, const BundleFacts& facts) {
    rats::Bundle b;
    if (facts.authority.empty() || facts.authority.size() > 128)
        throw Problem("The authority's name does not fit a bundle.", "");
    b.authority = BoundedString<128>(facts.authority);
    b.version = facts.version;
    b.issued_ms = facts.issued_ms;
    b.next_update_ms = facts.next_update_ms;
    if (facts.next_update_ms - facts.issued_ms > rats::kBundleLifeMax)
        throw Problem("A bundle counts for at most 400 days.", "Give fewer with --days.", cli::exit_status::kUsage);
    for (const Bytes& anchor : facts.anchors) {
        if (anchor.size() > rats::CertificateDer::kMax) throw Problem("A root certificate is too large.", "");
        push(b.anchors, rats::CertificateDer(anchor), "anchors");
    }
    for (const Digest& d : facts.revoked) push(b.revoked, d, "struck off keys");
    for (const auto& p : facts.partners) push(b.partners, p, "partners");
    if (facts.policy.size() > rats::kPolicyMax) throw Problem("The policy does not fit a bundle.", "");
    b.policy = BoundedBytes<rats::kPolicyMax>(facts.policy);
    b.boot_pcrs = store.boot_pcrs();
    for (const Entry& e : store.entries()) {
        if (e.state != EntryState::approved) continue;
        push(e.value.pcr == 10 ? b.runtime : b.references, e.value, "references");
    }
    return attestation::sorted_bundle(b);
}

Bytes sign_list(std::string_view list, EVP_PKEY* key) {
    const std::string message = std::string(kListContext) + std::string(list);
    Bytes out(128);
    size_t n = out.size();
    attestation::MdCtxPtr ctx(EVP_MD_CTX_new());
    if (!ctx || EVP_DigestSignInit(ctx.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
        EVP_DigestSign(ctx.get(), as_u8(out.data()), &n, as_u8(as_bytes(message).data()), message.size()) != 1)
        throw Problem("The list could not be signed.", "");
    out.resize(n);
    return out;
}

void check_list(std::string_view list, ByteSpan signature, EVP_PKEY* key) {
    attestation::QuietErrors quiet;
    const std::string message = std::string(kListContext) + std::string(list);
    attestation::MdCtxPtr ctx(EVP_MD_CTX_new());
    if (!ctx || EVP_DigestVerifyInit(ctx.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
        EVP_DigestVerify(ctx.get(), as_u8(signature.data()), signature.size(), as_u8(as_bytes(message).data()),
                         message.size()) != 1)
        throw Problem("The signature of the list does not hold: it was changed, or is of another authority.",
                      "Take nothing from it; ask whoever gave it to you.", cli::exit_status::kRefused);
}

}  // namespace sealcall::reference
