// One thing wrong at a time: each check of parts 1 and 2 must be the one that finds it.
#include "attestation/checks.h"

#include <gtest/gtest.h>
#include <openssl/err.h>

#include "tests/unit/attestation/bundles.h"

namespace sealcall::attestation::test {
namespace {

using rats::Level;
using rats::Reason;

bool has(const rats::AttestationResult& r, Reason reason) { return std::ranges::count(r.reasons, reason) == 1; }

TEST(CheckEvidence, SetsNoCeilingToGenuineEvidenceOfAManagedDevice) {
    const Case c = make_case({});
    const Appraised a = check_evidence(c.evidence, c.expect);
    EXPECT_EQ(a.result.level, Level::trusted_runtime) << "logs and references lower it";
    EXPECT_FALSE(a.result.lab);
    EXPECT_FALSE(a.result.software_tpm);
    for (Reason r :
         {Reason::quote_fresh_and_bound, Reason::identity_key_in_tpm, Reason::device_enrolled, Reason::tpm_genuine})
        EXPECT_TRUE(has(a.result, r)) << static_cast<int>(r);
    EXPECT_EQ(a.device.device, "device-1");
    EXPECT_EQ(a.device.authority, "Example Corp");
    EXPECT_EQ(a.clock.reset_count, 7u);
    EXPECT_EQ(a.clock.restart_count, 2u);
    EXPECT_EQ(a.clock.clock, 5000u);
    EXPECT_EQ(a.pcrs.size(), 15u);
}

TEST(CheckEvidence, MarksALaboratoryRoot) {
    Scenario s;
    s.claims.ek = EkOrigin::lab;
    s.claims.software_tpm = true;
    const Case c = make_case(s);
    const Appraised a = check_evidence(c.evidence, c.expect);
    EXPECT_EQ(a.result.level, Level::trusted_runtime);
    EXPECT_TRUE(a.result.lab);
    EXPECT_TRUE(a.result.software_tpm);
    EXPECT_TRUE(has(a.result, Reason::tpm_genuine_lab));
    EXPECT_FALSE(has(a.result, Reason::tpm_genuine));
}

TEST(CheckEvidence, KeepsADeviceWithoutProvenTpmAtKnownDevice) {
    Scenario s;
    s.claims.ek = EkOrigin::not_proven;
    const Case c = make_case(s);
    const Appraised a = check_evidence(c.evidence, c.expect);
    EXPECT_EQ(a.result.level, Level::known_device);
    EXPECT_TRUE(has(a.result, Reason::tpm_not_proven_genuine));
}

TEST(CheckEvidence, KeepsADeviceWithoutAGuardAtKnownDeviceOrAtALaboratorysMeasured) {
    Scenario s;
    s.claims.managed = false;
    const Case vendor = make_case(s);
    const Appraised a = check_evidence(vendor.evidence, vendor.expect);
    EXPECT_EQ(a.result.level, Level::known_device);
    EXPECT_TRUE(has(a.result, Reason::embedded_mode));
    EXPECT_TRUE(has(a.result, Reason::tpm_genuine));
    s.claims.ek = EkOrigin::lab;
    const Case lab = make_case(s);
    const Appraised b = check_evidence(lab.evidence, lab.expect);
    EXPECT_EQ(b.result.level, Level::measured);
    EXPECT_TRUE(b.result.lab);
    EXPECT_TRUE(has(b.result, Reason::embedded_mode));
}

TEST(CheckEvidence, DoesNotSayEmbeddedOfAManagedDevice) {
    const Case c = make_case({});
    const Appraised a = check_evidence(c.evidence, c.expect);
    EXPECT_TRUE(a.device.managed);
    EXPECT_FALSE(has(a.result, Reason::embedded_mode));
}

TEST(CheckEvidence, CannotCheckWithoutAnchors) {
    Scenario s;
    s.expect = [](Expectation& e) { e.anchors.clear(); };
    const Case c = make_case(s);
    const Appraised a = check_evidence(c.evidence, c.expect);
    EXPECT_EQ(a.result.level, Level::unverified);
    EXPECT_TRUE(has(a.result, Reason::could_not_check));
}

TEST(CheckEvidence, LeavesNoErrorsBehindForTheTlsOfTheSameThread) {
    ERR_clear_error();
    Scenario s;
    s.quote_signer = keys().other_ak.get();
    const Case bad = make_case(s);
    (void)check_evidence(bad.evidence, bad.expect);
    Scenario untrusted;
    untrusted.authority = keys().other_issuer();
    const Case worse = make_case(untrusted);
    (void)check_evidence(worse.evidence, worse.expect);
    EXPECT_EQ(ERR_peek_error(), 0u);
}

struct Wrong {
    const char* name;
    Reason reason;
    Scenario scenario;
};

class WrongEvidence : public testing::TestWithParam<size_t> {};

Scenario with(const std::function<void(Scenario&)>& edit) {
    Scenario s;
    edit(s);
    return s;
}
Scenario quote(std::function<void(AttestFields&)> f) {
    return with([&](Scenario& s) { s.quote = std::move(f); });
}
Scenario quote10(std::function<void(AttestFields&)> f) {
    return with([&](Scenario& s) { s.quote10 = std::move(f); });
}
Scenario certify(std::function<void(AttestFields&)> f) {
    return with([&](Scenario& s) { s.certify = std::move(f); });
}
Scenario body(std::function<void(rats::EvidenceBody&)> f) {
    return with([&](Scenario& s) { s.body = std::move(f); });
}
Scenario evidence(std::function<void(rats::Evidence&)> f) {
    return with([&](Scenario& s) { s.evidence = std::move(f); });
}
Scenario expecting(std::function<void(Expectation&)> f) {
    return with([&](Scenario& s) { s.expect = std::move(f); });
}
Scenario ak_attributes(uint32_t bits) {
    return with([=](Scenario& s) { s.ak.attributes = bits; });
}
Scenario identity_attributes(uint32_t bits) {
    return with([=](Scenario& s) { s.identity.attributes = bits; });
}

rats::Evidence without_pcr(rats::Evidence e, size_t index) {
    auto all = e.pcrs.items();
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(index));
    e.pcrs = {};
    for (const auto& v : all) CHECK(e.pcrs.push(v));
    return e;
}

/// The AK certificate of another AK, or with another profile.
Scenario certificate(std::function<Result<Bytes>(const PublicArea&)> make) {
    return body([make](rats::EvidenceBody& b) {
        b.ak_certificate = rats::CertificateDer(*make(*parse_tpmt_public(b.ak_public.view())));
    });
}

std::vector<Wrong> binding_cases() {
    auto bound = [](auto member, uint8_t fill) {
        return expecting([=](Expectation& e) { e.binding.*member = digest_of(fill); });
    };
    using B = rats::BindingInput;
    return {
        {"ChannelOfAnother", Reason::not_bound_to_channel, bound(&B::channel_binding, 0x99)},
        {"ChannelBindingAbsent", Reason::not_bound_to_channel, bound(&B::channel_binding, 0)},
        {"StaleNonce", Reason::not_bound_to_channel, bound(&B::verifier_nonce, 0x99)},
        {"NoNonceAtAll", Reason::not_bound_to_channel, bound(&B::verifier_nonce, 0)},
        {"AttesterNonceOfAnother", Reason::not_bound_to_channel, bound(&B::attester_nonce, 0x99)},
        {"PeerKeyOfAnother", Reason::not_bound_to_channel, bound(&B::peer_tls_spki, 0x99)},
        {"AttesterKeyOfAnother", Reason::not_bound_to_channel, bound(&B::attester_tls_spki, 0x99)},
        {"DtlsCertificateOfAnother", Reason::not_bound_to_channel, bound(&B::attester_dtls, 0x99)},
        {"PeerDtlsCertificateOfAnother", Reason::not_bound_to_channel, bound(&B::peer_dtls, 0x99)},
        {"OtherHellos", Reason::not_bound_to_channel, bound(&B::hellos, 0x99)},
        {"OtherRole", Reason::not_bound_to_channel,
         expecting([](Expectation& e) { e.binding.attester = rats::Role::caller; })},
        {"OtherRound", Reason::not_bound_to_channel, expecting([](Expectation& e) { e.binding.round = 2; })},
        {"OtherRoundInBody", Reason::not_bound_to_channel, body([](rats::EvidenceBody& b) { b.round = 2; })},
        {"OurOwnKeyBack", Reason::reflected_key,
         expecting([](Expectation& e) { e.binding.peer_tls_spki = e.binding.attester_tls_spki; })},
        {"BodyChangedOnTheWay", Reason::not_bound_to_channel, evidence([](rats::Evidence& e) {
             e.body = flipped(e.body, e.body.size() - 1);  // last byte of the log
         })},
        {"ExtraDataShort", Reason::not_bound_to_channel, quote([](AttestFields& f) { f.extra_data.pop_back(); })},
        {"ExtraDataEmpty", Reason::not_bound_to_channel, quote([](AttestFields& f) { f.extra_data.clear(); })},
        {"ExtraDataOfQuote10", Reason::not_bound_to_channel,
         quote10([](AttestFields& f) { f.extra_data[0] ^= std::byte{1}; })},
    };
}

std::vector<Wrong> quote_cases() {
    auto selects = [](std::vector<PcrSelection> v) { return quote([v](AttestFields& f) { f.selection = v; }); };
    return {
        {"MagicOfNoTpm", Reason::quote_malformed, quote([](AttestFields& f) { f.magic = 0xff544346; })},
        {"CertifyAsQuote", Reason::quote_malformed, quote([](AttestFields& f) { f.type = kTpmStAttestCertify; })},
        {"UnknownType", Reason::quote_malformed, quote10([](AttestFields& f) { f.type = 0x8019; })},
        {"SelectionWithoutPcr0", Reason::quote_malformed, selects({{kTpmAlgSha256, 0x7bfe}})},
        {"SelectionWithoutPcr14", Reason::quote_malformed, selects({{kTpmAlgSha256, 0x3bff}})},
        {"SelectionWithPcr16", Reason::quote_malformed, selects({{kTpmAlgSha256, 0x17bff}})},
        {"SelectionOfSha1", Reason::quote_malformed, selects({{kTpmAlgSha1, 0x7bff}})},
        {"SelectionOfSha384", Reason::quote_malformed, selects({{kTpmAlgSha384, 0x7bff}})},
        {"SelectionEmpty", Reason::quote_malformed, selects({})},
        {"SelectionTwice", Reason::quote_malformed, selects({{kTpmAlgSha256, 0x7bff}, {kTpmAlgSha256, 0x7bff}})},
        {"SelectionWithSha1Beside", Reason::quote_malformed, selects({{kTpmAlgSha256, 0x7bff}, {kTpmAlgSha1, 0}})},
        {"Quote10OfOtherPcr", Reason::quote_malformed, quote10([](AttestFields& f) {
             f.selection = {{kTpmAlgSha256, 1u << 11}};
         })},
        {"Quote10Missing", Reason::quote_malformed, evidence([](rats::Evidence& e) { e.quote10 = {}; })},
        {"QuotesSwapped", Reason::quote_malformed, evidence([](rats::Evidence& e) {
             std::swap(e.quote, e.quote10);
             std::swap(e.quote_signature, e.quote10_signature);
         })},
        {"SafeNeitherYesNorNo", Reason::quote_malformed, quote([](AttestFields& f) { f.safe = 2; })},
        {"TrailingByte", Reason::quote_malformed, evidence([](rats::Evidence& e) {
             Bytes b = to_bytes(e.quote.view());
             b.push_back(std::byte{0});
             e.quote = rats::TpmAttest(b);
         })},
        {"SignatureMissing", Reason::quote_malformed, evidence([](rats::Evidence& e) { e.quote_signature = {}; })},
        {"SignatureSha1", Reason::quote_malformed, evidence([](rats::Evidence& e) {
             Bytes b = to_bytes(e.quote_signature.view());
             b[3] = std::byte{kTpmAlgSha1};
             e.quote_signature = rats::TpmSignature(b);
         })},
        {"PcrValueChanged", Reason::pcr_values_do_not_match, evidence([](rats::Evidence& e) {
             auto all = e.pcrs.items();
             all[13].value[5] ^= std::byte{1};
             e.pcrs = {};
             for (const auto& v : all) CHECK(e.pcrs.push(v));
         })},
        {"Pcr10ValueChanged", Reason::pcr_values_do_not_match, evidence([](rats::Evidence& e) {
             auto all = e.pcrs.items();
             all[10].value[5] ^= std::byte{1};
             e.pcrs = {};
             for (const auto& v : all) CHECK(e.pcrs.push(v));
         })},
        {"PcrDigestShort", Reason::pcr_values_do_not_match, quote([](AttestFields& f) { f.pcr_digest.resize(20); })},
        {"PcrLeftOut", Reason::quote_malformed, evidence([](rats::Evidence& e) { e = without_pcr(e, 4); })},
        {"Pcr10LeftOut", Reason::quote_malformed, evidence([](rats::Evidence& e) { e = without_pcr(e, 10); })},
        {"PcrTooMany", Reason::quote_malformed,
         evidence([](rats::Evidence& e) { CHECK(e.pcrs.push({.pcr = 15, .value = {}})); })},
        {"SignedByAnotherKey", Reason::quote_signature_bad,
         with([](Scenario& s) { s.quote_signer = keys().other_ak.get(); })},
        {"SignatureChanged", Reason::quote_signature_bad,
         evidence([](rats::Evidence& e) { e.quote_signature = flipped(e.quote_signature, 20); })},
        {"SignatureOfQuote10Changed", Reason::quote_signature_bad,
         evidence([](rats::Evidence& e) { e.quote10_signature = flipped(e.quote10_signature, 50); })},
        {"ClockOfQuoteChanged", Reason::quote_signature_bad,
         evidence([](rats::Evidence& e) { e.quote = flipped(e.quote, 4 + 2 + 2 + 34 + 2 + 32 + 7); })},
        {"ClockUnsafe", Reason::tpm_clock_unsafe, quote([](AttestFields& f) { f.safe = 0; })},
        {"ClockOfQuote10Unsafe", Reason::tpm_clock_unsafe, quote10([](AttestFields& f) { f.safe = 0; })},
        {"ResetBetweenQuotes", Reason::tpm_was_reset, quote10([](AttestFields& f) { ++f.reset_count; })},
        {"RestartBetweenQuotes", Reason::tpm_was_reset, quote10([](AttestFields& f) { ++f.restart_count; })},
    };
}

std::vector<Wrong> attestation_key_cases() {
    return {
        {"AkNotRestricted", Reason::key_attributes_wrong, with([](Scenario& s) {
             s.ak.attributes = kAkAttributes & ~kRestricted;
             s.body = [](rats::EvidenceBody& b) { b.ak_certificate = {}; };
         })},
        {"AkNotFixedTpm", Reason::key_attributes_wrong, ak_attributes(kAkAttributes & ~(1u << 1))},
        {"AkNotFixedParent", Reason::key_attributes_wrong, ak_attributes(kAkAttributes & ~(1u << 4))},
        {"AkImported", Reason::key_attributes_wrong, ak_attributes(kAkAttributes & ~(1u << 5))},
        {"AkDoesNotSign", Reason::key_attributes_wrong, ak_attributes(kAkAttributes & ~kSign)},
        {"AkDecrypts", Reason::key_attributes_wrong, ak_attributes(kAkAttributes | kDecrypt)},
        {"AkDuplicable", Reason::key_attributes_wrong, ak_attributes(kAkAttributes | kEncryptedDuplication)},
        {"AkWithoutScheme", Reason::key_attributes_wrong, with([](Scenario& s) { s.ak.scheme = kTpmAlgNull; })},
        {"AkNamedBySha384", Reason::key_attributes_wrong, with([](Scenario& s) { s.ak.name_alg = kTpmAlgSha384; })},
        {"AkNamedBySha1", Reason::quote_malformed, with([](Scenario& s) { s.ak.name_alg = kTpmAlgSha1; })},
        {"AkReservedBits", Reason::quote_malformed, ak_attributes(kAkAttributes | 1)},
        {"AkOfOwnerHierarchy", Reason::key_not_in_quoted_tpm,
         quote([](AttestFields& f) { f.qualified_signer[5] ^= std::byte{1}; })},
        {"SignerOfQuote10Differs", Reason::key_not_in_quoted_tpm,
         quote10([](AttestFields& f) { f.qualified_signer.clear(); })},
        {"CertificateMissing", Reason::certificate_untrusted,
         body([](rats::EvidenceBody& b) { b.ak_certificate = {}; })},
        {"CertificateByAnotherOfTheSameName", Reason::certificate_untrusted,
         with([](Scenario& s) { s.authority = keys().other_issuer(); })},
        {"CertificateExpired", Reason::certificate_expired,
         expecting([](Expectation& e) { e.wall_ms = kThisYear.not_after_ms + 2000; })},
        {"CertificateExpiredUnderAValidRoot", Reason::certificate_expired, with([](Scenario& s) {
             s.validity = {kNow - kDay, kNow - 1000};
         })},
        {"CertificateNotYetValid", Reason::certificate_expired, with([](Scenario& s) {
             s.validity = {kNow + kDay, kNow + 2 * kDay};
         })},
        {"CertificateOfAnotherAk", Reason::certificate_untrusted, certificate([](const PublicArea&) {
             auto other = parse_tpmt_public(tpmt_public(keys().other_ak.get(), {}));
             return issue_ak_certificate(keys().issuer(), *other, Scenario{}.claims, kThisYear);
         })},
        {"CertificateForTlsAsAk", Reason::certificate_untrusted, certificate([](const PublicArea& ak) {
             return issue_identity_certificate(keys().issuer(), *spki_der(ak), "sip:alice@corp.example", kThisYear);
         })},
        {"CertificateOfAHostAsAk", Reason::certificate_untrusted, certificate([](const PublicArea& ak) {
             return issue_host_certificate(keys().issuer(), *spki_der(ak),
                                           {.dns = {"a.example"}, .addresses = {}, .uris = {}}, kThisYear);
         })},
        {"CertificateIsTheAnchor", Reason::certificate_untrusted,
         certificate([](const PublicArea&) -> Result<Bytes> { return keys().authority_root; })},
        {"AttestationKeyRevoked", Reason::attestation_key_revoked, expecting([](Expectation& e) {
             static const OwnedSet set(revoking({digest_of(9), spki_digest(keys().ak.get())}));
             e.references = &set.set;
         })},
    };
}

std::vector<Wrong> identity_cases() {
    return {
        {"IdentityKeyRevoked", Reason::attestation_key_revoked, expecting([](Expectation& e) {
             static const OwnedSet set(revoking({digest_of(9), spki_digest(keys().identity.get())}));
             e.references = &set.set;
         })},
        {"CertifyMissing", Reason::key_not_in_quoted_tpm, body([](rats::EvidenceBody& b) { b.certify_attest = {}; })},
        {"CertifySignatureMissing", Reason::key_not_in_quoted_tpm,
         body([](rats::EvidenceBody& b) { b.certify_signature = {}; })},
        {"IdentityPublicMissing", Reason::key_not_in_quoted_tpm,
         body([](rats::EvidenceBody& b) { b.identity_public = {}; })},
        {"CertifyIsAQuote", Reason::key_not_in_quoted_tpm,
         certify([](AttestFields& f) { f.type = kTpmStAttestQuote; })},
        {"CertifyMagic", Reason::key_not_in_quoted_tpm, certify([](AttestFields& f) { f.magic = 0; })},
        {"CertifyForAnotherUse", Reason::key_not_in_quoted_tpm,
         certify([](AttestFields& f) { f.extra_data = to_bytes(digest_of(1)); })},
        {"CertifyBySomebodyElse", Reason::key_not_in_quoted_tpm,
         with([](Scenario& s) { s.certify_signer = keys().other_ak.get(); })},
        {"CertifySignerInAnotherHierarchy", Reason::key_not_in_quoted_tpm,
         certify([](AttestFields& f) { f.qualified_signer[3] ^= std::byte{1}; })},
        {"CertifyOfAnotherName", Reason::key_not_in_quoted_tpm,
         certify([](AttestFields& f) { f.name[7] ^= std::byte{1}; })},
        {"PublicAreaDoesNotHashToTheName", Reason::key_not_in_quoted_tpm, body([](rats::EvidenceBody& b) {
             PublicTemplate t{.attributes = kIdentityAttributes, .auth_policy = to_bytes(digest_of(0x5b))};
             b.identity_public = rats::TpmPublic(tpmt_public(keys().identity.get(), t));
         })},
        {"AnotherKeyThanTheTlsPeers", Reason::key_not_in_quoted_tpm,
         with([](Scenario& s) { s.identity_key = keys().other_identity.get(); })},
        {"AnotherKeyCertifiedUnderTheTlsPeersName", Reason::key_not_in_quoted_tpm, with([](Scenario& s) {
             s.identity_key = keys().other_identity.get();
             s.certify = [](AttestFields& f) {
                 f.extra_data = to_bytes(certify_identity_qualifying_data(spki_digest(keys().identity.get())));
             };
         })},
        {"IdentityNotFixedTpm", Reason::key_attributes_wrong, identity_attributes(kIdentityAttributes & ~(1u << 1))},
        {"IdentityNotFixedParent", Reason::key_attributes_wrong, identity_attributes(kIdentityAttributes & ~(1u << 4))},
        {"IdentityImported", Reason::key_attributes_wrong, identity_attributes(kIdentityAttributes & ~(1u << 5))},
        {"IdentityDoesNotSign", Reason::key_attributes_wrong, identity_attributes(kIdentityAttributes & ~kSign)},
        {"IdentityDecrypts", Reason::key_attributes_wrong, identity_attributes(kIdentityAttributes | kDecrypt)},
        {"IdentityRestricted", Reason::key_attributes_wrong, identity_attributes(kIdentityAttributes | kRestricted)},
        {"IdentityDuplicable", Reason::key_attributes_wrong,
         identity_attributes(kIdentityAttributes | kEncryptedDuplication)},
        {"IdentityUsableByPassword", Reason::key_attributes_wrong,
         identity_attributes(kIdentityAttributes | kUserWithAuth)},
        {"IdentityAdminWithPolicy", Reason::key_attributes_wrong,
         identity_attributes(kIdentityAttributes | kAdminWithPolicy)},
        {"IdentityWithoutPolicy", Reason::key_attributes_wrong,
         with([](Scenario& s) { s.identity.auth_policy.clear(); })},
        {"IdentityPolicyZero", Reason::key_attributes_wrong,
         with([](Scenario& s) { s.identity.auth_policy = to_bytes(Digest{}); })},
        {"IdentityPolicyShort", Reason::key_attributes_wrong,
         with([](Scenario& s) { s.identity.auth_policy.resize(20); })},
        {"IdentityAnyScheme", Reason::key_attributes_wrong, with([](Scenario& s) { s.identity.scheme = kTpmAlgNull; })},
        {"IdentityBoundToAnotherState", Reason::key_attributes_wrong,
         expecting([](Expectation& e) { e.identity_policy_pcr = digest_of(0x77); })},
    };
}

const std::vector<Wrong>& all_wrong() {
    static const std::vector<Wrong> all = [] {
        std::vector<Wrong> out;
        for (auto part : {binding_cases(), quote_cases(), attestation_key_cases(), identity_cases()})
            out.insert(out.end(), part.begin(), part.end());
        return out;
    }();
    return all;
}

TEST_P(WrongEvidence, FailsForThatReasonAlone) {
    const Wrong& w = all_wrong()[GetParam()];
    const Case c = make_case(w.scenario);
    const Appraised a = check_evidence(c.evidence, c.expect);
    EXPECT_EQ(a.result.level, Level::failed);
    ASSERT_EQ(a.result.reasons.size(), 1u);
    EXPECT_EQ(static_cast<int>(a.result.reasons.items()[0]), static_cast<int>(w.reason));
    EXPECT_FALSE(a.result.lab);
    EXPECT_TRUE(a.pcrs.empty());
}

INSTANTIATE_TEST_SUITE_P(Each, WrongEvidence, testing::Range(size_t{0}, all_wrong().size()),
                         [](const auto& p) { return std::string(all_wrong()[p.param].name); });

TEST(CheckEvidence, TakesAnIdentityKeyBoundToTheApprovedState) {
    Scenario s;
    s.identity.auth_policy = to_bytes(identity_auth_policy(13, digest_of(0x77)));
    s.expect = [](Expectation& e) { e.identity_policy_pcr = digest_of(0x77); };
    const Case c = make_case(s);
    EXPECT_EQ(check_evidence(c.evidence, c.expect).result.level, Level::trusted_runtime);
}

TEST(CheckEvidence, TriesEveryAnchor) {
    Scenario s;
    s.expect = [](Expectation& e) {
        e.anchors = {rats::CertificateDer(Bytes(10)), rats::CertificateDer(keys().other_root),
                     rats::CertificateDer(keys().authority_root)};
    };
    const Case c = make_case(s);
    EXPECT_EQ(check_evidence(c.evidence, c.expect).result.level, Level::trusted_runtime);
}

TEST(CheckEvidence, BelievesABundlesAnchorsOnlyWhereTheyAreTheExpectedOnes) {
    const OwnedSet set(empty_bundle());
    ASSERT_EQ(set.set.anchors().size(), 1u);
    Case c = make_case({});
    c.expect.references = &set.set;
    ASSERT_EQ(set.set.head().anchors.items(), c.expect.anchors);
    EXPECT_EQ(check_evidence(c.evidence, c.expect).result.level, Level::trusted_runtime);
    c.expect.anchors = {rats::CertificateDer(keys().other_root)};
    EXPECT_EQ(check_evidence(c.evidence, c.expect).result.level, Level::failed);
    c.expect.anchors.clear();
    EXPECT_EQ(check_evidence(c.evidence, c.expect).result.level, Level::unverified);
}

}  // namespace
}  // namespace sealcall::attestation::test
