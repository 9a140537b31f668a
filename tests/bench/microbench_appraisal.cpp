// One appraisal of a peer's Evidence on one core, beside its floor: the four signature checks (two quotes,
// TPM2_Certify, AK certificate) with keys at hand and the hashes of what they cover. What lies between is reading and
// comparing.
#include "attestation/appraise.h"
#include "attestation/evidence_file.h"
#include "attestation/levels.h"
#include "attestation/openssl.h"
#include "tests/bench/microbench.h"
#include "tests/unit/foreign/evidence_files.h"

namespace sealcall::bench {
namespace {

using namespace attestation;

const test::Case& genuine() {
    static const test::Case c = test::make_case({});
    return c;
}

/// One signature: what was signed, and by whom, ready to be checked.
struct Signed {
    EVP_PKEY* key = nullptr;
    Bytes message, signature;  ///< DER
};

Bytes der_of(ByteSpan tpmt_signature) {
    const auto parsed = *parse_tpmt_signature(tpmt_signature);
    EcdsaSigPtr sig(ECDSA_SIG_new());
    const auto number = [](ByteSpan b) { return BN_bin2bn(as_u8(b.data()), static_cast<int>(b.size()), nullptr); };
    CHECK(sig && ECDSA_SIG_set0(sig.get(), number(parsed.r), number(parsed.s)) == 1);
    return to_der<ECDSA_SIG>(i2d_ECDSA_SIG, sig.get());
}

Signed certificate_signature(ByteSpan der) {
    const unsigned char* at = as_u8(der.data());
    const X509Ptr x(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    CHECK(x);
    const ASN1_BIT_STRING* signature = nullptr;
    const X509_ALGOR* algorithm = nullptr;
    X509_get0_signature(&signature, &algorithm, x.get());
    unsigned char* tbs = nullptr;
    const int n = i2d_re_X509_tbs(x.get(), &tbs);
    CHECK(n > 0);
    Signed out{.key = test::keys().authority.get(), .message = {}, .signature = {}};
    out.message = to_bytes(std::as_bytes(std::span(tbs, static_cast<size_t>(n))));
    OPENSSL_free(tbs);
    out.signature = to_bytes(
        std::as_bytes(std::span(ASN1_STRING_get0_data(signature), static_cast<size_t>(ASN1_STRING_length(signature)))));
    return out;
}

const std::vector<Signed>& signatures() {
    static const std::vector<Signed> made = [] {
        const rats::Evidence& e = genuine().evidence;
        const auto body = *ipc::decode<rats::EvidenceBody>(e.body.view());
        EVP_PKEY* ak = test::keys().ak.get();
        return std::vector<Signed>{
            {.key = ak, .message = to_bytes(e.quote.view()), .signature = der_of(e.quote_signature.view())},
            {.key = ak, .message = to_bytes(e.quote10.view()), .signature = der_of(e.quote10_signature.view())},
            {.key = ak,
             .message = to_bytes(body.certify_attest.view()),
             .signature = der_of(body.certify_signature.view())},
            certificate_signature(body.ak_certificate.view())};
    }();
    return made;
}

/// Signature checks, and the hashes outside of them: the body, the PCR values of both quotes.
void floor_of_appraisal(benchmark::State& state) {
    const auto& all = signatures();
    const std::unique_ptr<EVP_MD, Deleter<EVP_MD_free>> md(EVP_MD_fetch(nullptr, "SHA256", nullptr));
    const MdCtxPtr ctx(EVP_MD_CTX_new());
    const Bytes values(15 * 32);
    for (auto _ : state) {
        bool good = true;
        for (const Signed& s : all) {
            EVP_MD_CTX_reset(ctx.get());
            good = good && EVP_DigestVerifyInit(ctx.get(), nullptr, md.get(), nullptr, s.key) == 1 &&
                   EVP_DigestVerify(ctx.get(), as_u8(s.signature.data()), s.signature.size(), as_u8(s.message.data()),
                                    s.message.size()) == 1;
        }
        for (const ByteSpan hashed : {genuine().evidence.body.view(), ByteSpan(values)}) {
            Digest out{};
            EVP_MD_CTX_reset(ctx.get());
            good = good && EVP_DigestInit_ex2(ctx.get(), md.get(), nullptr) == 1 &&
                   EVP_DigestUpdate(ctx.get(), hashed.data(), hashed.size()) == 1 &&
                   EVP_DigestFinal_ex(ctx.get(), as_u8(out.data()), nullptr) == 1;
            benchmark::DoNotOptimize(out);
        }
        if (!good) state.SkipWithError("a signature does not verify");
    }
}

/// Parts 1 and 2: quotes, keys, certificates. The enclave's share: it opened its authority's bundle at its start, and
/// without one it reads its anchors anew.
void quotes_and_chains(benchmark::State& state, bool with_bundle) {
    static const test::OwnedSet set(test::approving(test::Machine{}));
    const test::Case& c = genuine();
    Expectation expect = c.expect;
    if (with_bundle) expect.references = &set.set;
    for (auto _ : state) {
        const Appraised a = check_evidence(c.evidence, expect);
        if (a.result.level == rats::Level::failed) state.SkipWithError("genuine Evidence failed");
    }
}

/// The verifier's share: the same again, and sealcall's own log.
void in_the_verifier(benchmark::State& state) {
    const rats::VerifierRequest request = test::request_of(genuine());
    for (auto _ : state) {
        const VerifierFindings found = appraise(request);
        if (found.level == rats::Level::failed) state.SkipWithError("genuine Evidence failed");
    }
}

/// All of both shares with a boot log, a list of programs and a bundle: `evidence verify` without reading the file.
void whole_with_logs(benchmark::State& state) {
    static const test::Machine machine;
    static const EvidenceFile file = test::make_file(machine);
    static const test::OwnedSet approved(test::approving(machine));
    const FileGround ground = test::ground_of(&approved.set);
    for (auto _ : state) {
        const FileAppraisal a = appraise_file(file, ground);
        if (a.result.level != rats::Level::trusted_runtime) state.SkipWithError("not the level it is");
    }
}

}  // namespace

void register_appraisal() {
    const auto add = [](const char* name, const auto& run) {
        benchmark::RegisterBenchmark(name, run)->Unit(benchmark::kMicrosecond);
    };
    add("appraisal/signatures_and_hashes_alone", floor_of_appraisal);
    add("appraisal/quotes_and_chains", [](benchmark::State& state) { quotes_and_chains(state, true); });
    add("appraisal/quotes_and_chains_no_bundle", [](benchmark::State& state) { quotes_and_chains(state, false); });
    add("appraisal/in_the_verifier", in_the_verifier);
    add("appraisal/both_with_logs_and_bundle", whole_with_logs);
}

}  // namespace sealcall::bench
