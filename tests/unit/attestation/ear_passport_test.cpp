// What a relying party believes of a partner's verifier: each case is a genuine passport with one thing wrong.
#include "tests/unit/attestation/passports.h"

#include <gtest/gtest.h>

#include <functional>

namespace sealcall::attestation {
namespace {

using namespace test;
using rats::Level;
using rats::Reason;

void expect_only(const rats::AttestationResult& result, Level level, Reason why) {
    EXPECT_EQ(result.level, level);
    EXPECT_EQ(result.reasons.items(), std::vector{why});
}

Scenario lab() {
    Scenario s;
    s.claims = {.ek = EkOrigin::lab, .software_tpm = true, .managed = true, .device = "d", .authority = {}};
    return s;
}

TEST(EarPassport, OfAPinnedVerifierCountsAsItSays) {
    const auto result = Issued().at();
    expect_only(result, Level::measured, Reason::vouched_by_partner);
    EXPECT_FALSE(result.lab);
}

TEST(EarPassport, KeepsTheMarkOfALaboratory) {
    const Issued issued(lab());
    EXPECT_TRUE(issued.at().lab);
    EXPECT_TRUE(issued.at().software_tpm);
    EXPECT_EQ(std::ranges::count(issued.at().reasons, Reason::tpm_genuine_lab), 1);
}

TEST(EarPassport, WithTheLaboratoryStrippedIsNotGenuine) {
    Issued issued(lab());
    issued.passport.lab = false;
    expect_only(issued.at(), Level::failed, Reason::partner_result_invalid);
}

TEST(EarPassport, OfAPartnerThatIsOnlyALaboratoryIsAlwaysLab) {
    EXPECT_TRUE(Issued().at(pinned(Level::trusted_runtime, true)).lab);
}

TEST(EarPassport, ChangedInAnyFieldIsNotGenuine) {
    using P = rats::Passport;
    const std::vector<std::function<void(P&)>> changes = {[](P& p) { p.issued_s += 1; },
                                                          [](P& p) { p.life_s += 1; },
                                                          [](P& p) { p.level = Level::trusted_boot; },
                                                          [](P& p) { p.software_tpm = !p.software_tpm; },
                                                          [](P& p) { p.evidence_body[0] ^= std::byte{1}; },
                                                          [](P& p) { p.instance[31] ^= std::byte{1}; },
                                                          [](P& p) { p.signature[0] ^= std::byte{1}; },
                                                          [](P& p) { p.signature[63] ^= std::byte{1}; },
                                                          [](P& p) { p.signature = {}; },
                                                          [](P& p) { p.signature.fill(std::byte{0xff}); }};
    for (size_t i = 0; i < changes.size(); ++i) {
        Issued issued;
        changes[i](issued.passport);
        SCOPED_TRACE(i);
        expect_only(issued.at(), Level::failed, Reason::partner_result_invalid);
    }
}

TEST(EarPassport, SignedByAnotherKeyIsNotGenuine) {
    Issued issued;
    issued.sign_again(keys().peer.get());
    expect_only(issued.at(), Level::failed, Reason::partner_result_invalid);
}

TEST(EarPassport, OfAnotherChannelRoleRoundOrKeyIsNotGenuine) {
    using E = Expectation;
    const std::vector<std::function<void(E&)>> changes = {
        [](E& e) { e.binding.channel_binding = digest_of(0x99); },
        [](E& e) { e.binding.verifier_nonce = digest_of(0x99); },
        [](E& e) { e.binding.attester_nonce = digest_of(0x99); },
        [](E& e) { e.binding.attester = rats::Role::caller; },
        [](E& e) { e.binding.round = 2; },
        [](E& e) { e.binding.peer_tls_spki = digest_of(0x99); },
        [](E& e) { e.binding.attester_dtls = digest_of(0x99); },
        [](E& e) { e.binding.peer_dtls = digest_of(0x99); },
        [](E& e) { e.binding.hellos = digest_of(0x99); },
        [](E& e) { e.binding.channel_binding = {}; },
    };
    for (size_t i = 0; i < changes.size(); ++i) {
        Issued issued;
        changes[i](issued.c.expect);
        SCOPED_TRACE(i);
        expect_only(issued.at(), Level::failed, Reason::partner_result_invalid);
    }
}

TEST(EarPassport, ForAnotherIdentityKeyIsNotGenuine) {
    Issued issued;
    issued.spki = *public_key_der(keys().other_identity.get());
    expect_only(issued.at(), Level::failed, Reason::partner_result_invalid);
    issued.c.expect.identity_spki = spki_digest(keys().other_identity.get());
    expect_only(issued.at(), Level::failed, Reason::partner_result_invalid);
}

TEST(EarPassport, ForOurOwnKeyIsAReflection) {
    Issued issued;
    issued.c.expect.binding.peer_tls_spki = issued.c.expect.binding.attester_tls_spki;
    expect_only(issued.at(), Level::failed, Reason::reflected_key);
}

TEST(EarPassport, CountsFromItsIssueUntilItsEnd) {
    const auto at = [](uint64_t now_s) {
        Issued issued;
        issued.c.expect.wall_ms = now_s * 1000;
        return issued.at();
    };
    constexpr uint64_t kIssued = kNow / 1000;
    EXPECT_EQ(at(kIssued + kPassportLife - 1).level, Level::measured);
    expect_only(at(kIssued + kPassportLife), Level::unverified, Reason::partner_result_expired);
    EXPECT_EQ(at(kIssued - kPassportSkew).level, Level::measured) << "the issuer's clock may be a little ahead";
    expect_only(at(kIssued - kPassportSkew - 1), Level::unverified, Reason::partner_result_expired);
}

TEST(EarPassport, ThatWouldLiveLongerThanTenMinutesIsNone) {
    Issued issued;
    issued.passport.life_s = rats::kPassportLifeMax;
    issued.sign_again();
    EXPECT_EQ(issued.at().level, Level::measured);
    for (uint16_t life : std::initializer_list<uint16_t>{0, 601, UINT16_MAX}) {
        issued.passport.life_s = life;
        EXPECT_FALSE(sign_passport(issued.passport, issued.nonce(), issued.spki, partner_key())) << "nobody writes it";
        expect_only(issued.at(), Level::failed, Reason::partner_result_invalid);
    }
    issued.passport.life_s = 300;
    issued.passport.issued_s = UINT64_MAX - 10;
    EXPECT_FALSE(sign_passport(issued.passport, issued.nonce(), issued.spki, partner_key()));
    expect_only(issued.at(), Level::failed, Reason::partner_result_invalid);
}

TEST(EarPassport, AboveWhatThePartnerMayVouchForIsCut) {
    Issued issued;
    issued.passport.level = Level::trusted_runtime;
    issued.sign_again();
    EXPECT_EQ(issued.at().level, Level::trusted_runtime);
    const auto cut = issued.at(pinned(Level::measured));
    EXPECT_EQ(cut.level, Level::measured);
    EXPECT_EQ(std::ranges::count(cut.reasons, Reason::partner_level_limit), 1);
}

TEST(EarPassport, OfNobodyWhoIsPinnedIsNothing) {
    const Issued issued;
    expect_only(issued.at(empty_bundle()), Level::unverified, Reason::partner_not_pinned);
    expect_only(check_passport(issued.passport, issued.c.expect, issued.spki, kPartnerDomain), Level::unverified,
                Reason::partner_not_pinned);  // no bundle at all
    auto other = pinned();
    other.issuer = BoundedString<128>("Another");
    expect_only(issued.at(other), Level::unverified, Reason::partner_not_pinned);
    other = pinned();
    other.domain = BoundedString<128>("elsewhere.example");
    expect_only(issued.at(other), Level::unverified, Reason::partner_not_pinned);
    other = pinned();
    other.profile = BoundedString<64>("tag:github.com,2023:veraison/ear");
    expect_only(issued.at(other), Level::unverified, Reason::partner_not_pinned);
}

TEST(EarPassport, OfAnIssuerByAnotherNameIsNotGenuine) {
    // Both are pinned: the text names the issuer, so one partner's passport is none of another's.
    Issued issued;
    rats::Bundle b = empty_bundle();
    CHECK(b.partners.push(pinned()));
    auto twin = pinned();
    twin.issuer = BoundedString<128>("Twin");
    CHECK(b.partners.push(twin));
    issued.passport.issuer = BoundedString<128>("Twin");
    expect_only(issued.at(b), Level::failed, Reason::partner_result_invalid);
}

TEST(EarPassport, OfAKeyThatWeStruckOffIsFailed) {
    const Issued issued;
    for (const Digest& key : {spki_digest(partner_key()), spki_digest(keys().identity.get())}) {
        rats::Bundle b = revoking({key});
        CHECK(b.partners.push(pinned()));
        expect_only(issued.at(b), Level::failed, Reason::attestation_key_revoked);
    }
}

TEST(EarPassport, IsNothingWhileOurRevocationsAreOld) {
    Issued issued;
    issued.c.expect.revocations_unknown = Reason::revocation_list_stale;
    const auto result = issued.at();
    EXPECT_EQ(result.level, Level::unverified);
    EXPECT_EQ(std::ranges::count(result.reasons, Reason::revocation_list_stale), 1);
}

TEST(EarPassport, NamesThatJsonWouldEscapeAreRefused) {
    for (const char* name : {"", "a\"b", "a\\b", "a\nb", "a\x7f"}) {
        Issued issued;
        issued.passport.issuer = BoundedString<128>(name);
        EXPECT_FALSE(passport_text(issued.passport, issued.nonce(), issued.spki)) << name;
    }
}

TEST(EarPassport, OfALevelThatNobodyVouchesForCannotBeWritten) {
    for (Level level : {Level::failed, Level::unverified}) {
        Issued issued;
        issued.passport.level = level;
        EXPECT_FALSE(passport_text(issued.passport, issued.nonce(), issued.spki));
        EXPECT_EQ(issued.at().level, Level::failed);
    }
}

TEST(EarPassport, NeverGivesMoreThanThePartnersAuthorityFound) {
    // Whatever is wrong with the machine: the passport, if there is one, is no better than the appraisal.
    for (Level level : {Level::known_device, Level::measured, Level::trusted_boot, Level::trusted_runtime}) {
        Issued issued;
        issued.passport.level = level;
        issued.sign_again();
        for (Level most : {Level::unverified, Level::known_device, Level::measured, Level::trusted_runtime})
            EXPECT_LE(issued.at(pinned(most)).level, std::min(level, most));
    }
}

TEST(EarPassport, InstanceIsOfOneTpmInOneChannel) {
    const auto of = [](const Scenario& s) { return Issued(s).passport.instance; };
    const Digest genuine = of({});
    EXPECT_EQ(of({}), genuine);
    Scenario reset, other;
    reset.quote = reset.quote10 = [](AttestFields& f) { f.reset_count += 1; };
    EXPECT_NE(of(reset), genuine);
    other.ak_key = keys().other_ak.get();
    EXPECT_NE(of(other), genuine);
}

TEST(PassportRequest, ReadsBackAndIsRefusedWhenItsSizesLie) {
    const Case c = bound_case({});
    rats::VerifierRequest request = request_of(c);
    request.boot_log_size = 5;
    request.runtime_log_size = 3;
    Bytes whole = ipc::encode(request);
    const Bytes logs = to_bytes(as_bytes("boot!run"));
    whole.insert(whole.end(), logs.begin(), logs.end());
    const auto read = parse_passport_request(whole);
    ASSERT_TRUE(read);
    EXPECT_EQ(as_chars(read->boot_log), "boot!");
    EXPECT_EQ(as_chars(read->runtime_log), "run");
    EXPECT_EQ(read->request.evidence, c.evidence);
    for (size_t n = 0; n < whole.size(); n += 97) EXPECT_FALSE(parse_passport_request(ByteSpan(whole).first(n)));
    whole.push_back(std::byte{0});
    EXPECT_FALSE(parse_passport_request(whole));
    request.boot_log_size = rats::kBootLogMax + 1;
    EXPECT_EQ(parse_passport_request(ipc::encode(request)).error().code, Errc::too_large);
}

TEST(PassportRequest, IsAppraisedWithTheAuthoritysOwnFacts) {
    const Case c = bound_case({});
    PassportRequest in{.request = request_of(c), .boot_log = {}, .runtime_log = {}};
    in.request.anchors = {};
    CHECK(in.request.anchors.push(rats::CertificateDer(keys().other_root)));  // of the phone's choosing
    in.request.wall_ms = 1;
    in.request.measurement_pcr = 4;
    EXPECT_EQ(appraised(in, c).result.level, Level::measured);
    EXPECT_EQ(in.request.measurement_pcr, 13);
    EXPECT_EQ(in.request.wall_ms, kNow);

    PassportRequest stranger{.request = request_of(c), .boot_log = {}, .runtime_log = {}};
    EXPECT_EQ(
        appraise_own(stranger, {.anchors = {rats::CertificateDer(keys().other_root)}, .wall_ms = kNow}, in_process)
            .result.level,
        Level::failed);
    const auto nobody = [](const rats::VerifierRequest&, const RequestLogs&) { return std::optional<VerifierWord>(); };
    EXPECT_EQ(appraise_own(in, {.anchors = c.expect.anchors, .wall_ms = kNow}, nobody).result.level, Level::unverified);
}

}  // namespace
}  // namespace sealcall::attestation
