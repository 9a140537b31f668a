// EAR tokens: those of Veraison as INDEX.md judges them, and made ones with one thing wrong each.
#include "attestation/ear.h"

#include "attestation/bounded_json.h"
#include "attestation/certificates.h"
#include "attestation/ear_claims.h"
#include "tests/support/vectors.h"

namespace sealcall::attestation {
namespace {

using nlohmann::json;
using sealcall::test::vector_file;

constexpr int64_t kIssued = 1767225600;
constexpr uint64_t kNow = 1767225660000;

struct Signer {
    PkeyPtr key;
    JoseKey pinned;
    explicit Signer(const char* curve) : key(EVP_EC_gen(curve)) {
        EXPECT_TRUE(key);
        pinned = *parse_jwk(*jwk_of(key.get()));
    }
};
const Signer& p256() {
    static const Signer s("P-256");
    return s;
}

Ear passport() {
    Ear e;
    e.issuer = "https://authority.example.com";
    e.issued_at = kIssued;
    e.expires_at = kIssued + 600;
    e.nonces = {Bytes(32, std::byte{0x5a})};
    e.cnf_spki = *public_key_der(p256().key.get());
    e.developer = "https://sealcall.example";
    e.build = "1.0";
    e.submods["phone"] = {.status = TrustTier::warning,
                          .vector = {2, 32, 33, std::nullopt, 2, std::nullopt, std::nullopt, std::nullopt},
                          .policy_ids = {"policy://example.com/1"}};
    return e;
}

EarExpectation at_now() {
    EarExpectation e;
    e.wall_ms = kNow;
    return e;
}

std::string fault(const Result<Ear>& r) { return r ? "" : ear_fault_name(r.error().detail); }

/// A token over any header and claims, signed as JOSE wants it.
std::string token_of(const std::string& header, const std::string& claims, EVP_PKEY* key) {
    std::string t = to_base64url(as_bytes(header)) + "." + to_base64url(as_bytes(claims));
    return t + "." + to_base64url(*sign_jose(key, as_bytes(t)));
}
std::string token_of(const json& claims) { return token_of(R"({"alg":"ES256"})", claims.dump(), p256().key.get()); }
std::string judged(const json& claims) { return fault(verify_ear(token_of(claims), p256().pinned, at_now())); }

json genuine_claims() { return *ear_claims_json(passport()); }

TEST(EarToken, RoundTripsWithEitherCurveAndProfile) {
    for (const char* curve : {"P-256", "P-384"})
        for (EarProfile profile : {EarProfile::ietf, EarProfile::veraison}) {
            const Signer s(curve);
            Ear ear = passport();
            ear.profile = profile;
            auto token = issue_ear(ear, s.key.get(), "key-1");
            ASSERT_TRUE(token) << token.error().what;
            auto back = verify_ear(*token, s.pinned, at_now());
            ASSERT_TRUE(back) << fault(back);
            EXPECT_EQ(*back, ear);
            EXPECT_EQ(fault(verify_ear(*token, p256().pinned, at_now())),
                      curve == std::string("P-256") ? "signature" : "alg");
            EXPECT_TRUE(check_passport_form(*back));
        }
}

TEST(EarToken, EveryChangedLetterBreaksIt) {
    const std::string token = *issue_ear(passport(), p256().key.get(), "");
    for (size_t i = 0; i < token.size(); ++i) {
        std::string bad = token;
        bad[i] = bad[i] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(verify_ear(bad, p256().pinned, at_now())) << i;
    }
    for (const std::string& bad : {token + ".x", token + ".", token + "=", "." + token, token + "\n", " " + token,
                                   token.substr(0, token.size() - 2), std::string(), std::string("..")})
        EXPECT_EQ(fault(verify_ear(bad, p256().pinned, at_now())).empty(), false) << bad;
    EXPECT_EQ(fault(verify_ear(std::string(65537, 'A'), p256().pinned, at_now())), "size");
}

TEST(EarToken, TakesAlgorithmAndKeyFromThePinnedKeyOnly) {
    const Signer evil("P-256"), wide("P-384");
    const std::string claims = genuine_claims().dump();
    const auto verdict = [&](const std::string& header, EVP_PKEY* key) {
        return fault(verify_ear(token_of(header, claims, key), p256().pinned, at_now()));
    };
    EXPECT_EQ(verdict(R"({"alg":"ES256"})", p256().key.get()), "");
    for (const char* alg : {"none", "None", "HS256", "RS256", "PS256", "ES384", "es256", ""})
        EXPECT_EQ(verdict("{\"alg\":\"" + std::string(alg) + "\"}", p256().key.get()), "alg") << alg;
    EXPECT_EQ(verdict(R"({"alg":["ES256"]})", p256().key.get()), "alg");
    EXPECT_EQ(verdict(R"({})", p256().key.get()), "alg");
    const json smuggled = {{"alg", "ES256"}, {"jwk", *jwk_of(evil.key.get())}};
    EXPECT_EQ(verdict(smuggled.dump(), evil.key.get()), "signature") << "its own key vouches for nothing";
    EXPECT_EQ(verdict(smuggled.dump(), p256().key.get()), "") << "and is not looked at";
    EXPECT_EQ(verdict(R"({"alg":"ES256","crit":["b64"],"b64":false})", p256().key.get()), "header");
    EXPECT_EQ(verdict(R"({"alg":"ES256","alg":"none"})", p256().key.get()), "header") << "twice";
    EXPECT_EQ(verdict(R"({"alg":"ES256","typ":"JOSE+JSON"})", p256().key.get()), "header");
    EXPECT_EQ(verdict(R"({"alg":"ES384"})", wide.key.get()), "alg");
}

TEST(EarToken, KnowsOnlyItsTime) {
    const std::string token = *issue_ear(passport(), p256().key.get(), "");
    const auto at = [&](int64_t seconds) {
        EarExpectation e;
        e.wall_ms = static_cast<uint64_t>(seconds) * 1000;
        return fault(verify_ear(token, p256().pinned, e));
    };
    EXPECT_EQ(at(kIssued - 60), "") << "their clock may be a minute ahead";
    EXPECT_EQ(at(kIssued - 61), "not_yet_valid");
    EXPECT_EQ(at(kIssued + 599), "");
    EXPECT_EQ(at(kIssued + 600), "expired") << "no minute is given at the end";
    json c = genuine_claims();
    c["nbf"] = kIssued + 3600;
    EXPECT_EQ(judged(c), "not_yet_valid");
    c = genuine_claims();
    c["exp"] = kIssued - 1;
    EXPECT_EQ(judged(c), "expired");
    for (const json& v : {json("1767225600"), json(-1), json(1e300), json(nullptr), json(true), json::array({1})}) {
        c = genuine_claims();
        c["exp"] = v;
        EXPECT_EQ(judged(c), "bad_claim") << v;
    }
}

TEST(EarToken, RefusesWhatIsExpectedOtherwise) {
    const Ear ear = passport();
    const std::string token = *issue_ear(ear, p256().key.get(), "");
    const auto with = [&](auto change) {
        EarExpectation e = at_now();
        change(e);
        return fault(verify_ear(token, p256().pinned, e));
    };
    EXPECT_EQ(with([&](auto& e) {
                  e.profile = EarProfile::ietf;
                  e.issuer = ear.issuer;
                  e.nonce = ear.nonces.front();
                  e.cnf_spki = ear.cnf_spki;
                  e.max_lifetime_s = 600;
              }),
              "");
    EXPECT_EQ(with([](auto& e) { e.profile = EarProfile::veraison; }), "profile");
    EXPECT_EQ(with([](auto& e) { e.issuer = "https://other.example.com"; }), "issuer");
    EXPECT_EQ(with([](auto& e) { e.nonce = Bytes(32, std::byte{0x5b}); }), "nonce");
    EXPECT_EQ(with([](auto& e) { e.nonce = Bytes{}; }), "nonce");
    EXPECT_EQ(with([](auto& e) { e.cnf_spki = *public_key_der(Signer("P-256").key.get()); }), "confirmation");
    EXPECT_EQ(with([](auto& e) { e.max_lifetime_s = 599; }), "lifetime");
    json c = genuine_claims();
    c.erase("exp");
    c["eat_nonce"] = json::array({c["eat_nonce"], to_base64url(Bytes(32))});
    EarExpectation e = at_now();
    e.nonce = ear.nonces.front();
    EXPECT_EQ(fault(verify_ear(token_of(c), p256().pinned, e)), "nonce") << "one of several is not enough";
    e.nonce.reset();
    e.max_lifetime_s = 600;
    EXPECT_EQ(fault(verify_ear(token_of(c), p256().pinned, e)), "lifetime");
    EXPECT_FALSE(check_passport_form(*verify_ear(token_of(c), p256().pinned, at_now())));
}

TEST(EarToken, EveryMandatoryClaimMustBeThereAndSound) {
    for (const char* name : {"eat_profile", "iat", "submods", "ear_verifier_id"}) {
        json c = genuine_claims();
        c.erase(name);
        EXPECT_EQ(judged(c), "missing") << name;
    }
    const auto changed = [](auto change) {
        json c = genuine_claims();
        change(c);
        return judged(c);
    };
    EXPECT_EQ(changed([](json& c) { c["eat_profile"] = "tag:ietf.org,2026:rats/ear#02"; }), "profile");
    EXPECT_EQ(changed([](json& c) { c["eat_profile"] = kEarVeraisonProfile; }), "missing") << "its names are others";
    EXPECT_EQ(changed([](json& c) { c["submods"] = json::object(); }), "bad_claim");
    EXPECT_EQ(changed([](json& c) { c["submods"]["phone"].erase("ear_status"); }), "missing");
    for (const json& v : {json("trusted"), json(2), json(nullptr), json("Affirming")})
        EXPECT_EQ(changed([&](json& c) { c["submods"]["phone"]["ear_status"] = v; }), "bad_claim") << v;
    for (const json& v : {json(128), json(-129), json(2.0), json("2"), json(uint64_t{1} << 63)})
        EXPECT_EQ(changed([&](json& c) { c["submods"]["phone"]["ear_trustworthiness_vector"]["hardware"] = v; }),
                  "bad_claim")
            << v;
    EXPECT_EQ(changed([](json& c) { c["submods"]["phone"]["ear_trustworthiness_vector"]["luck"] = 2; }), "bad_claim");
    EXPECT_EQ(changed([](json& c) { c["eat_nonce"] = "short"; }), "bad_claim");
    EXPECT_EQ(changed([](json& c) { c["eat_nonce"] = json::array(); }), "bad_claim");
    EXPECT_EQ(changed([](json& c) { c["cnf"] = {{"kid", "x"}}; }), "bad_claim");
    EXPECT_EQ(changed([](json& c) { c["cnf"]["jwk"]["y"] = c["cnf"]["jwk"]["x"]; }), "bad_claim") << "off the curve";
    EXPECT_EQ(changed([](json& c) { c["iss"] = 7; }), "bad_claim");
    EXPECT_EQ(changed([](json& c) {
                  for (int i = 0; i < 16; ++i) c["submods"]["s" + std::to_string(i)] = c["submods"]["phone"];
              }),
              "bad_claim");
    EXPECT_EQ(fault(verify_ear(token_of(R"({"alg":"ES256"})", "[]", p256().key.get()), p256().pinned, at_now())),
              "claims");
    std::string twice = genuine_claims().dump();
    twice.insert(1, R"("iat":1,)");
    EXPECT_EQ(fault(verify_ear(token_of(R"({"alg":"ES256"})", twice, p256().key.get()), p256().pinned, at_now())),
              "claims");
    const std::string deep = std::string(R"({"x":)") + std::string(40, '[') + std::string(40, ']') + "}";
    EXPECT_EQ(fault(verify_ear(token_of(R"({"alg":"ES256"})", deep, p256().key.get()), p256().pinned, at_now())),
              "claims");
}

TEST(EarToken, NoStatusIsBetterThanItsVector) {
    for (const auto& [status, value, wanted] :
         {std::tuple("affirming", 31, ""), std::tuple("affirming", 32, "contradiction"),
          std::tuple("affirming", -33, "contradiction"), std::tuple("warning", 95, ""),
          std::tuple("warning", 96, "contradiction"), std::tuple("warning", -97, "contradiction"),
          std::tuple("contraindicated", 127, ""), std::tuple("none", 99, ""), std::tuple("contraindicated", 2, "")}) {
        json c = genuine_claims();
        c["submods"]["phone"]["ear_status"] = status;
        c["submods"]["phone"]["ear_trustworthiness_vector"] = {{"hardware", value}};
        EXPECT_EQ(judged(c), wanted) << status << value;
    }
}

TEST(EarTiers, HaveTheRangesOfAr4si) {
    for (int v = -128; v < 128; ++v) {
        const TrustTier wanted = v >= -1 && v <= 1                                ? TrustTier::none
                                 : (v >= 2 && v <= 31) || (v >= -32 && v <= -2)   ? TrustTier::affirming
                                 : (v >= 32 && v <= 95) || (v >= -96 && v <= -33) ? TrustTier::warning
                                                                                  : TrustTier::contraindicated;
        EXPECT_EQ(tier_of(static_cast<int8_t>(v)), wanted) << v;
    }
    Ear e;
    EXPECT_EQ(e.status(), TrustTier::none);
    e.submods["a"].status = TrustTier::affirming;
    EXPECT_EQ(e.status(), TrustTier::affirming);
    e.submods["b"].status = TrustTier::none;
    EXPECT_EQ(e.status(), TrustTier::none);
    e.submods["c"].status = TrustTier::contraindicated;
    EXPECT_EQ(e.status(), TrustTier::contraindicated);
}

TEST(EarIssue, SignsNothingThatWouldBeRefused) {
    for (auto change : std::initializer_list<void (*)(Ear&)>{
             [](Ear& e) { e.submods.clear(); }, [](Ear& e) { e.nonces = {Bytes(3)}; },
             [](Ear& e) { e.submods["phone"].status = TrustTier::affirming; }, [](Ear& e) { e.developer = "\xff"; },
             [](Ear& e) { e.cnf_spki = Bytes(5); },
             [](Ear& e) {
                 e.profile = EarProfile::veraison;
                 e.submods["phone"].policy_ids = {"a", "b"};
             }}) {
        Ear e = passport();
        change(e);
        EXPECT_FALSE(issue_ear(e, p256().key.get(), ""));
    }
    const PkeyPtr rsa(EVP_RSA_gen(2048));
    EXPECT_FALSE(issue_ear(passport(), rsa.get(), ""));
}

TEST(JoseKeys, TakeOneFormAndNoPrivateKey) {
    const json good = *jwk_of(p256().key.get());
    ASSERT_TRUE(parse_jwk(good));
    for (const auto& [name, value] :
         std::initializer_list<std::pair<const char*, json>>{{"kty", "RSA"},
                                                             {"crv", "P-521"},
                                                             {"crv", "P-384"},
                                                             {"x", ""},
                                                             {"y", "AAAA"},
                                                             {"d", "AAAA"},
                                                             {"use", "enc"},
                                                             {"alg", "ES384"},
                                                             {"alg", "HS256"},
                                                             {"key_ops", json::array({"sign"})}}) {
        json bad = good;
        bad[name] = value;
        EXPECT_FALSE(parse_jwk(bad)) << name << value;
        EXPECT_FALSE(read_jose_key(as_bytes(bad.dump()))) << name;
    }
    json fine = good;
    fine.update({{"use", "sig"}, {"alg", "ES256"}, {"kid", "k"}, {"key_ops", json::array({"verify"})}});
    EXPECT_EQ(parse_jwk(fine)->kid, "k");
    EXPECT_TRUE(read_jose_key(*public_key_der(p256().key.get())));
    EXPECT_FALSE(read_jose_key(*key_to_pem(p256().key.get())));
    EXPECT_FALSE(read_jose_key({}));
    const PkeyPtr rsa(EVP_RSA_gen(2048));
    EXPECT_FALSE(read_jose_key(*public_key_der(rsa.get())));
}

TEST(Base64Url, HasOneFormForEachRunOfBytes) {
    for (const char* text : {"", "Zg", "Zm8", "Zm9v", "Zm9vYg", "_-8"}) {
        auto bytes = from_base64url(text);
        ASSERT_TRUE(bytes) << text;
        EXPECT_EQ(to_base64url(*bytes), text);
    }
    for (const char* text : {"Z", "Zh", "Zm9=", "Zg==", "Zm 9", "Zm+/", "Zm9v\n"})
        EXPECT_FALSE(from_base64url(text)) << text;
    EXPECT_FALSE(from_base64url(std::string_view("Zm\0v", 4)));
}

// ---- the real ones ----

class EarVectors : public sealcall::test::Vectors {
  protected:
    static std::string token(const std::string& name) {
        std::string t(as_chars(vector_file("veraison_ear/jwt/" + name)));
        while (!t.empty() && (t.back() == '\n' || t.back() == '\r')) t.pop_back();
        return t;
    }
    static JoseKey key() { return *read_jose_key(vector_file("veraison_ear/jwt/verification_key.jwk.json")); }
    static EarExpectation now() {
        EarExpectation e;
        e.wall_ms = 1795000000000;  // November 2026
        return e;
    }
};

TEST_F(EarVectors, VeraisonsOwnTokensVerifyWithTheirKey) {
    for (const char* name : {"verify_pass.jwt", "testJWT.jwt", "testJWT_JWK.jwt"}) {
        auto ear = verify_ear(token(name), key(), now());
        ASSERT_TRUE(ear) << name << " " << fault(ear);
        EXPECT_EQ(ear->profile, EarProfile::veraison);
        EXPECT_EQ(ear->status(), TrustTier::affirming);
        EXPECT_EQ(ear->developer, "Acme Inc.");
        EXPECT_EQ(fault(verify_ear(token(name), p256().pinned, now())), "signature") << "another key";
        EXPECT_FALSE(check_passport_form(*ear)) << "no nonce, no key, no end";
    }
    EXPECT_EQ(verify_ear(token("testJWT.jwt"), key(), now())->submods.at("test").vector[2], 3);
}

TEST_F(EarVectors, EveryBrokenTokenIsRefusedByName) {
    for (const auto& [name, wanted] :
         {std::pair("fail_alg_hs256.jwt", "alg"), std::pair("fail_alg_none.jwt", "alg"),
          std::pair("fail_bad_format.jwt", "format"), std::pair("fail_empty_claims.jwt", "missing"),
          std::pair("fail_trailing_rubbish.jwt", "format")})
        EXPECT_EQ(fault(verify_ear(token(name), key(), now())), wanted) << name;
}

TEST_F(EarVectors, AnExpiredTokenIsExpiredEvenForTheKeyThatItBringsAlong) {
    const std::string realm = token("testRealmJWT.jwt");
    EXPECT_EQ(fault(verify_ear(realm, key(), now())), "signature") << "not by the pinned key";
    // Only to look behind the signature: its own header's key is nobody's.
    auto header = parse_bounded_json(as_chars(*from_base64url(realm.substr(0, realm.find('.')))), {});
    ASSERT_TRUE(header);
    auto own = parse_jwk(header->at("jwk"));
    ASSERT_TRUE(own) << own.error().what;
    EXPECT_EQ(fault(verify_ear(realm, *own, now())), "expired");
    EarExpectation then;
    then.wall_ms = 1752059200000;  // a minute after iat
    EXPECT_EQ(fault(verify_ear(realm, *own, then)), "profile") << "Trustee's profile is not one of ours";
}

TEST_F(EarVectors, ArcClaimsAreJudgedAsTheirNamesSay) {
    for (const auto& [name, good] :
         {std::pair("ear-claims.json", true), std::pair("ear-claims-tv-ok.json", true),
          std::pair("ear-claims-extension-ok.json", true), std::pair("ear-claims-key-attestation-ok.json", true),
          std::pair("ear-claims-key-attestation-ko.json", false)}) {
        auto claims = parse_bounded_json(as_chars(vector_file(std::string("veraison_ear/arc-data/") + name)), {});
        ASSERT_TRUE(claims) << name;
        EXPECT_EQ(parse_ear_claims(*claims).has_value(), good) << name;
    }
}

TEST_F(EarVectors, EnactTrustsResultsHaveTheirTiers) {
    auto submods =
        parse_bounded_json(as_chars(vector_file("veraison_services/tpm-enacttrust/enacttrust.good.json")), {});
    ASSERT_TRUE(submods);
    json claims = {{"eat_profile", kEarVeraisonProfile},
                   {"iat", 1666529184},
                   {"ear.verifier-id", {{"build", "b"}, {"developer", "d"}}},
                   {"submods", *submods}};
    auto ear = parse_ear_claims(claims);
    ASSERT_TRUE(ear) << ear.error().what;
    EXPECT_EQ(ear->status(), TrustTier::affirming);
    // The result for their bad node: every claim 99.
    json& appraisal = claims["submods"]["TPM_ENACTTRUST"];
    for (auto& [name, value] : appraisal["ear.trustworthiness-vector"].items()) value = 99;
    EXPECT_EQ(parse_ear_claims(claims).error().detail, static_cast<uint32_t>(EarFault::contradiction));
    appraisal["ear.status"] = "contraindicated";
    ear = parse_ear_claims(claims);
    ASSERT_TRUE(ear) << ear.error().what;
    EXPECT_EQ(ear->status(), TrustTier::contraindicated);
}

TEST_F(EarVectors, RustEarsTokensVerifyAndSilenceIsNoTrust) {
    const auto dir = sealcall::test::vectors_root() / "veraison_rust-ear";
    if (!std::filesystem::exists(dir)) GTEST_SKIP() << "no vectors of rust-ear";
    std::string ok(as_chars(vector_file("veraison_rust-ear/verify_ok.jwt")));
    while (ok.ends_with('\n')) ok.pop_back();
    EXPECT_TRUE(verify_ear(ok, key(), now()));
    std::string readme(as_chars(vector_file("veraison_rust-ear/readme_example.jwt")));
    while (readme.ends_with('\n')) readme.pop_back();
    auto own = read_jose_key(vector_file("veraison_rust-ear/readme_example.pub.jwk.json"));
    ASSERT_TRUE(own);
    auto ear = verify_ear(readme, *own, now());
    ASSERT_TRUE(ear) << fault(ear);
    EXPECT_EQ(ear->status(), TrustTier::none);
}

}  // namespace
}  // namespace sealcall::attestation
