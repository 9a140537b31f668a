// PASSporT (RFC 8225): the text, its signature by a P-256 key, and every way in which it must not hold.
#include "enclave/passport.h"

#include <gtest/gtest.h>

#include "attestation/binding.h"
#include "attestation/certificates.h"

namespace sealcall::enclave {
namespace {

constexpr uint64_t kNow = 1'800'000'000;

class Passport : public ::testing::Test {
  protected:
    Passport() : key_(attestation::make_software_key().value()) {
        public_.type = attestation::kTpmAlgEcc;
        public_.name_alg = attestation::kTpmAlgSha256;
        public_.curve = 3;
        public_.scheme = attestation::kTpmAlgEcdsa;
        public_.scheme_hash = attestation::kTpmAlgSha256;
        const Bytes spki = attestation::public_key_der(key_.get()).value();
        public_.x.assign(spki.end() - 64, spki.end() - 32);
        public_.y.assign(spki.end() - 32, spki.end());
    }
    [[nodiscard]] std::string header(const PassportFacts& facts, uint64_t iat) const {
        const std::string text = passport_text(facts, iat).value();
        Bytes der(80);
        size_t n = der.size();
        EVP_MD_CTX* c = EVP_MD_CTX_new();
        EXPECT_EQ(EVP_DigestSignInit(c, nullptr, EVP_sha256(), nullptr, key_.get()), 1);
        EXPECT_EQ(EVP_DigestSign(c, as_u8(der.data()), &n, reinterpret_cast<const uint8_t*>(text.data()), text.size()),
                  1);
        EVP_MD_CTX_free(c);
        der.resize(n);
        return identity_header(text, der).value();
    }
    attestation::PkeyPtr key_;
    attestation::PublicArea public_;
    PassportFacts facts_{.orig = "sip:alice@example.com",
                         .dest = "sip:bob@example.com",
                         .mky = attestation::sha256(as_bytes("certificate"))};
};

TEST_F(Passport, HoldsForTheCallItWasMadeFor) {
    EXPECT_TRUE(verify_identity_header(header(facts_, kNow), facts_, kNow + 5, public_));
}

TEST_F(Passport, IsCanonicalAndShort) {
    const std::string h = header(facts_, kNow);
    EXPECT_TRUE(h.starts_with("eyJhbGciOiJFUzI1NiIsInR5cCI6InBhc3Nwb3J0Iiwie"));
    EXPECT_TRUE(h.ends_with(";info=<cid:sealcall-attest>;alg=ES256"));
    EXPECT_LT(h.size(), 600u);
}

TEST_F(Passport, AnotherCallerCalleeOrKeyIsRefused) {
    const std::string h = header(facts_, kNow);
    for (int i = 0; i < 3; ++i) {
        PassportFacts other = facts_;
        if (i == 0) other.orig = "sip:mallory@example.com";
        if (i == 1) other.dest = "sip:carol@example.com";
        if (i == 2) other.mky = attestation::sha256(as_bytes("another certificate"));
        auto s = verify_identity_header(h, other, kNow, public_);
        ASSERT_FALSE(s);
        EXPECT_EQ(s.error().code, Errc::wrong_binding);
    }
}

TEST_F(Passport, AStaleOrFutureOneIsRefused) {
    const std::string h = header(facts_, kNow);
    EXPECT_FALSE(verify_identity_header(h, facts_, kNow + kPassportLifeS + 1, public_));
    EXPECT_FALSE(verify_identity_header(h, facts_, kNow - kPassportLifeS - 1, public_));
}

TEST_F(Passport, AnyChangedCharacterIsRefused) {
    const std::string h = header(facts_, kNow);
    for (size_t i = 0; i < h.size(); ++i) {
        std::string changed = h;
        changed[i] = changed[i] == 'x' ? 'y' : 'x';
        EXPECT_FALSE(verify_identity_header(changed, facts_, kNow, public_)) << i;
    }
}

TEST_F(Passport, ShortAndEmptyTextIsRefused) {
    const std::string h = header(facts_, kNow);
    for (size_t n = 0; n < h.size(); n += 7)
        EXPECT_FALSE(verify_identity_header(h.substr(0, n), facts_, kNow, public_));
    EXPECT_FALSE(verify_identity_header("..;info=<cid:sealcall-attest>;alg=ES256", facts_, kNow, public_));
}

TEST_F(Passport, NamesThatJsonWouldEscapeAreNotSigned) {
    facts_.dest = "sip:bob\"@example.com";
    EXPECT_FALSE(passport_text(facts_, kNow));
    facts_.dest = "";
    EXPECT_FALSE(passport_text(facts_, kNow));
}

}  // namespace
}  // namespace sealcall::enclave
