// A passport's text, which two enclaves render, is an EAR that any reader of EAR tokens verifies.
#include <gtest/gtest.h>

#include "attestation/bounded_json.h"
#include "attestation/ear.h"
#include "tests/unit/attestation/passports.h"

namespace sealcall::attestation {
namespace {

using namespace test;
using rats::Level;

JoseKey pinned_key() { return read_jose_key(*public_key_der(partner_key())).value(); }

std::string jwt_of(const Issued& issued) { return passport_jwt(issued.passport, issued.nonce(), issued.spki).value(); }

EarExpectation expectation(const Issued& issued) {
    EarExpectation e;
    e.wall_ms = kNow;
    e.profile = EarProfile::ietf;
    e.issuer = kPartnerName;
    e.nonce = to_bytes(issued.nonce());
    e.cnf_spki = issued.spki;
    e.max_lifetime_s = rats::kPassportLifeMax;
    return e;
}

TEST(PassportEar, IsVerifiedByAReaderOfEars) {
    const Issued issued;
    const auto ear = verify_ear(jwt_of(issued), pinned_key(), expectation(issued));
    ASSERT_TRUE(ear) << ear_fault_name(ear.error().detail);
    EXPECT_TRUE(check_passport_form(*ear));
    EXPECT_EQ(*ear->expires_at - ear->issued_at, kPassportLife);
    ASSERT_EQ(ear->submods.count("sealcall"), 1u);
}

TEST(PassportEar, SaysForEachLevelWhatTheTableOfLevelsSays) {
    const std::map<Level, std::pair<TrustTier, TrustVector>> table = {
        {Level::known_device, {TrustTier::warning, {2, {}, {}, {}, 33, {}, {}, {}}}},
        {Level::measured, {TrustTier::warning, {2, 32, 33, {}, 2, {}, {}, {}}}},
        {Level::trusted_boot, {TrustTier::affirming, {2, 3, 3, {}, 2, {}, 2, {}}}},
        {Level::trusted_runtime, {TrustTier::affirming, {2, 2, 2, 2, 2, {}, 2, {}}}}};
    for (const auto& [level, wanted] : table) {
        Issued issued;
        issued.passport.level = level;
        issued.sign_again();
        const auto ear = verify_ear(jwt_of(issued), pinned_key(), expectation(issued));
        ASSERT_TRUE(ear) << ear_fault_name(ear.error().detail);
        EXPECT_EQ(ear->submods.at("sealcall").status, wanted.first);
        EXPECT_EQ(ear->submods.at("sealcall").vector, wanted.second);
    }
}

TEST(PassportEar, IsInTheCanonicalFormOfItsOwnClaims) {
    Issued issued;
    issued.passport.lab = true;
    issued.passport.issuer = BoundedString<128>("Größe & Söhne <1>");
    issued.sign_again();
    const std::string jwt = jwt_of(issued);
    const size_t first = jwt.find('.'), second = jwt.find('.', first + 1);
    const auto claims = from_base64url(std::string_view(jwt).substr(first + 1, second - first - 1)).value();
    const auto json = parse_bounded_json(as_chars(claims), {.bytes = 4096, .depth = 8, .values = 64}).value();
    EXPECT_EQ(json.dump(), as_chars(claims)) << "sorted members, no white space";
    EXPECT_EQ(json.at("iss"), "Größe & Söhne <1>");
    const auto& says = json.at("submods").at("sealcall");
    EXPECT_EQ(says.at("sealcall_lab"), true);
    EXPECT_EQ(says.at("sealcall_level"), 2);
    EXPECT_EQ(as_chars(from_base64url(std::string_view(jwt).substr(0, first)).value()),
              R"({"alg":"ES256","typ":"eat+jwt"})");
}

TEST(PassportEar, InAnyOtherFormIsNone) {
    // A relying party has one text only: what is equal as JSON and not as bytes has another signature.
    Issued issued;
    const std::string text = passport_text(issued.passport, issued.nonce(), issued.spki).value();
    const size_t dot = text.find('.');
    const auto claims = from_base64url(text.substr(dot + 1)).value();
    const auto json = parse_bounded_json(as_chars(claims), {.bytes = 4096, .depth = 8, .values = 64}).value();
    const auto signed_as = [&](const std::string& head, const std::string& body) {
        const std::string t = to_base64url(as_bytes(head)) + "." + to_base64url(as_bytes(body));
        const Bytes raw = sign_jose(partner_key(), as_bytes(t)).value();
        std::ranges::copy(raw, issued.passport.signature.begin());
        return issued.at().level;
    };
    const std::string canonical_header = R"({"alg":"ES256","typ":"eat+jwt"})";
    EXPECT_EQ(signed_as(canonical_header, json.dump()), Level::measured) << "so the others fail for their own reason";
    EXPECT_EQ(signed_as(canonical_header, json.dump(1)), Level::failed);
    EXPECT_EQ(signed_as(canonical_header, json.dump() + " "), Level::failed);
    EXPECT_EQ(signed_as(R"({"alg":"none"})", json.dump()), Level::failed);
    EXPECT_EQ(signed_as(R"({"typ":"eat+jwt","alg":"ES256"})", json.dump()), Level::failed);
    auto more = json;
    more["x"] = 1;
    EXPECT_EQ(signed_as(canonical_header, more.dump()), Level::failed);
    more = json;
    more["eat_profile"] = kEarVeraisonProfile;
    EXPECT_EQ(signed_as(canonical_header, more.dump()), Level::failed);
}

}  // namespace
}  // namespace sealcall::attestation
