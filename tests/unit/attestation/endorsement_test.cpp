#include "attestation/endorsement.h"

#include <gtest/gtest.h>

#include "attestation/oids.h"
#include "tests/unit/attestation/software_tpm.h"

namespace sealcall::attestation::test {
namespace {

using ExtensionPtr = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;

struct ExtensionText {
    const char* oid;
    const char* value;
};

/// A certificate by `issuer`, with exactly these extensions.
Bytes made(EVP_PKEY* subject, std::string_view name, EVP_PKEY* issuer, std::string_view issuer_name,
           const std::vector<ExtensionText>& extensions, const EVP_MD* md = EVP_sha256()) {
    X509Ptr x(X509_new());
    X509_set_version(x.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x.get()), 77);
    ASN1_TIME_set(X509_getm_notBefore(x.get()), static_cast<time_t>((kNow - kDay) / 1000));
    ASN1_TIME_set(X509_getm_notAfter(x.get()), static_cast<time_t>((kNow + kDay) / 1000));
    auto put = [](X509_NAME* n, std::string_view cn) {
        if (!cn.empty())
            X509_NAME_add_entry_by_NID(n, NID_commonName, MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(cn.data()), static_cast<int>(cn.size()),
                                       -1, 0);
    };
    put(X509_get_subject_name(x.get()), name);
    put(X509_get_issuer_name(x.get()), issuer_name);
    X509_set_pubkey(x.get(), subject);
    for (const auto& e : extensions) {
        ExtensionPtr ext(X509V3_EXT_conf(nullptr, nullptr, e.oid, e.value));
        CHECK(ext && X509_add_ext(x.get(), ext.get(), -1) == 1);
    }
    CHECK(X509_sign(x.get(), issuer, md) > 0);
    return to_der(i2d_X509, x.get());
}

const std::vector<ExtensionText> kCa{{"basicConstraints", "critical,CA:TRUE"}, {"keyUsage", "critical,keyCertSign"}};
const std::vector<ExtensionText> kEk{{"basicConstraints", "critical,CA:FALSE"},
                                     {"keyUsage", "critical,keyAgreement"},
                                     {"extendedKeyUsage", kOidEkUsage}};

struct Maker {
    PkeyPtr root_key = new_key(), middle_key = new_key(), ek_key = new_key();
    Bytes root = made(root_key.get(), "Chip Root", root_key.get(), "Chip Root", kCa);
    Bytes middle = made(middle_key.get(), "Chip CA 7", root_key.get(), "Chip Root", kCa);
    [[nodiscard]] Bytes ek(const std::vector<ExtensionText>& extensions = kEk, std::string_view name = "EK") const {
        return made(ek_key.get(), name, middle_key.get(), "Chip CA 7", extensions);
    }
};
const Maker& maker() {
    static const Maker m;
    return m;
}

Status chained(const Bytes& ek, const std::vector<Bytes>& roots, const std::vector<Bytes>& middle, uint64_t at = kNow) {
    TRY(auto parsed, parse_ek_certificate(ek));
    return check_ek_chain(parsed, roots, middle, at);
}

std::vector<ExtensionText> ek_with(ExtensionText more) {
    auto all = kEk;
    all.push_back(more);
    return all;
}

TEST(TrimCertificate, CutsPaddingAndNothingElse) {
    const Bytes der = maker().ek();
    for (std::byte fill : {std::byte{0xff}, std::byte{0}}) {
        Bytes padded = der;
        padded.insert(padded.end(), 300, fill);
        EXPECT_EQ(*trim_certificate(padded), der);
        padded.back() = std::byte{0x30};
        EXPECT_EQ(trim_certificate(padded).error().code, Errc::trailing_bytes);
    }
    EXPECT_EQ(*trim_certificate(der), der);
    for (size_t n = 0; n < der.size(); ++n) EXPECT_FALSE(trim_certificate(ByteSpan(der).first(n))) << n;
    EXPECT_FALSE(trim_certificate(Bytes(64, std::byte{0xff})));
    EXPECT_FALSE(trim_certificate(Bytes(17 * 1024, std::byte{0x30})));
}

TEST(EkCertificate, ChainsThroughAnIntermediateToARoot) {
    EXPECT_TRUE(chained(maker().ek(), {maker().root}, {maker().middle}));
    EXPECT_FALSE(chained(maker().ek(), {maker().root}, {})) << "intermediate missing";
    EXPECT_FALSE(chained(maker().ek(), {}, {maker().middle})) << "an intermediate is no root";
    EXPECT_TRUE(chained(maker().ek(), {maker().middle}, {})) << "a trusted certificate need not be self-signed";
    EXPECT_FALSE(chained(maker().ek(), {maker().root}, {maker().middle}, kNow + 2 * kDay)) << "expired";
    EXPECT_FALSE(chained(maker().ek(), {maker().ek()}, {})) << "an end entity is no root";
    EXPECT_TRUE(chained(maker().ek(kEk, ""), {maker().root}, {maker().middle})) << "empty subject";
}

TEST(EkCertificate, TakesUnknownCriticalExtensionsOfTheTcgOnly) {
    const std::vector<Bytes> roots{maker().root}, middle{maker().middle};
    EXPECT_TRUE(chained(maker().ek(ek_with({"2.23.133.2.16", "critical,ASN1:NULL"})), roots, middle));
    EXPECT_TRUE(chained(maker().ek(ek_with({"2.5.29.9", "critical,ASN1:NULL"})), roots, middle));
    EXPECT_TRUE(chained(maker().ek(ek_with({"1.2.3.4.5", "ASN1:NULL"})), roots, middle)) << "not critical";
    auto other = chained(maker().ek(ek_with({"1.2.3.4.5", "critical,ASN1:NULL"})), roots, middle);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().detail, static_cast<uint32_t>(X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION));
    // The flag for the leaf must not let another one through in the chain.
    auto bad = kCa;
    bad.push_back({"1.2.3.4.5", "critical,ASN1:NULL"});
    const Bytes odd_middle = made(maker().middle_key.get(), "Chip CA 7", maker().root_key.get(), "Chip Root", bad);
    EXPECT_FALSE(chained(maker().ek(ek_with({"2.23.133.2.16", "critical,ASN1:NULL"})), roots, {odd_middle}));
}

TEST(EkCertificate, IsOfAStorageKey) {
    auto parse = [](std::vector<ExtensionText> e) { return parse_ek_certificate(maker().ek(e)); };
    EXPECT_TRUE(parse({}));
    EXPECT_TRUE(parse(kEk));
    EXPECT_FALSE(parse({{"keyUsage", "critical,digitalSignature"}})) << "a signing key";
    EXPECT_FALSE(parse({{"keyUsage", "critical,keyEncipherment"}})) << "RSA's usage on an ECC key";
    EXPECT_FALSE(parse({{"extendedKeyUsage", "serverAuth"}}));
    EXPECT_FALSE(parse(kCa)) << "a CA";
    PkeyPtr p521(EVP_EC_gen("P-521"));
    EXPECT_FALSE(parse_ek_certificate(made(p521.get(), "EK", maker().middle_key.get(), "Chip CA 7", kEk)));
}

TEST(EkCertificate, RefusesASha1Signature) {
    const Bytes weak = made(maker().ek_key.get(), "EK", maker().middle_key.get(), "Chip CA 7", kEk, EVP_sha1());
    EXPECT_FALSE(chained(weak, {maker().root}, {maker().middle}));
}

TEST(EkCertificate, SpeaksOfOneKey) {
    auto ek = parse_ek_certificate(maker().ek());
    ASSERT_TRUE(ek);
    const PublicTemplate t{.attributes = kFixed | kRestricted | kDecrypt};
    EXPECT_TRUE(check_ek_key(*ek, *parse_tpmt_public(tpmt_public(maker().ek_key.get(), t))));
    EXPECT_FALSE(check_ek_key(*ek, *parse_tpmt_public(tpmt_public(keys().ak.get(), t))));
}

}  // namespace
}  // namespace sealcall::attestation::test
