#include "attestation/foreign/ek_check.h"

#include <openssl/pem.h>

#include "attestation/certificates.h"
#include "tests/support/vectors.h"

namespace sealcall::attestation::foreign {
namespace {

namespace fs = std::filesystem;
using sealcall::test::vector_file;

constexpr uint64_t kSecond = 1000, kYear = 365 * 86400 * kSecond, kIn2023 = 1685577600000;

std::string failures(const EkAnswer& a) {
    std::string out;
    for (const auto& f : a.findings.list())
        if (f.verdict >= Verdict::unknown) out += (out.empty() ? "" : " ") + f.name;
    return out;
}

/// A certificate of three lines of openssl's: enough to be an intermediate or an EK.
struct Made {
    PkeyPtr key = PkeyPtr(EVP_EC_gen("P-256"));
    X509Ptr x = X509Ptr(X509_new());
    [[nodiscard]] Bytes der() const { return to_der(i2d_X509, x.get()); }
};

void extension(X509* x, int nid, const char* value) {
    X509_EXTENSION* e = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    ASSERT_NE(e, nullptr);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
}

Made make(const char* name, const Made* issuer, uint64_t from_ms, uint64_t until_ms, const char* constraints,
          const char* usage) {
    Made out;
    X509* x = out.x.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 4711);
    X509_NAME* subject = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    X509_set_issuer_name(x, issuer == nullptr ? subject : X509_get_subject_name(issuer->x.get()));
    ASN1_TIME_set(X509_getm_notBefore(x), static_cast<time_t>(from_ms / 1000));
    ASN1_TIME_set(X509_getm_notAfter(x), static_cast<time_t>(until_ms / 1000));
    X509_set_pubkey(x, out.key.get());
    extension(x, NID_basic_constraints, constraints);
    extension(x, NID_key_usage, usage);
    EXPECT_GT(X509_sign(x, issuer == nullptr ? out.key.get() : issuer->key.get(), EVP_sha256()), 0);
    return out;
}

constexpr uint64_t kStart = 1600000000000;

struct Chain {
    Made root = make("Vendor Root", nullptr, kStart, kStart + 50 * kYear, "critical,CA:TRUE", "critical,keyCertSign");
    Made middle = make("Vendor 2020", &root, kStart, kStart + 2 * kYear, "critical,CA:TRUE", "critical,keyCertSign");
    Made ek = make("TPM", &middle, kStart + kYear, kStart + 20 * kYear, "critical,CA:FALSE", "critical,keyAgreement");
    [[nodiscard]] EkQuestion ask(const Bytes& certificate, uint64_t at) const {
        return {.certificate = certificate, .roots = {root.der()}, .intermediates = {middle.der()}, .wall_ms = at};
    }
};
const Chain& chain() {
    static const Chain c;
    return c;
}

TEST(ForeignEk, HoldsInEveryFormOfTheFile) {
    const Bytes der = chain().ek.der();
    const uint64_t at = kStart + kYear + kSecond;
    Bytes padded = der, rubbish = der;
    padded.insert(padded.end(), 300, std::byte{0xff});
    rubbish.push_back(std::byte{1});
    const Bytes pem = *certificate_to_pem(der);
    for (const Bytes& file : {der, padded, pem}) {
        const EkAnswer a = check_foreign_ek(chain().ask(file, at));
        EXPECT_TRUE(a.findings.holds()) << failures(a);
        EXPECT_EQ(a.kind, "ECC P-256");
        EXPECT_EQ(a.findings.find("padding") != nullptr, &file == &padded || file.size() == padded.size());
    }
    EXPECT_EQ(failures(check_foreign_ek(chain().ask(rubbish, at))), "certificate");
    EXPECT_EQ(failures(check_foreign_ek(chain().ask({}, at))), "certificate");
    Bytes two = pem;
    two.insert(two.end(), pem.begin(), pem.end());
    EXPECT_EQ(failures(check_foreign_ek(chain().ask(two, at))), "certificate") << "which of the two is meant?";
}

TEST(ForeignEk, AnExpiredIntermediateIsAMatterOfStatedPolicy) {
    const Bytes ek = chain().ek.der();
    const uint64_t later = kStart + 5 * kYear;
    EkQuestion q = chain().ask(ek, later);
    EXPECT_EQ(failures(check_foreign_ek(q)), "chain");
    q.expired = ExpiredIssuers::accepted;
    const EkAnswer a = check_foreign_ek(q);
    EXPECT_TRUE(a.findings.holds()) << failures(a);
    ASSERT_NE(a.findings.find("expired_issuer"), nullptr);
    q.wall_ms = kStart + 21 * kYear;
    EXPECT_EQ(failures(check_foreign_ek(q)), "validity") << "the policy is about issuers, not about the EK's own end";
    // Issued when its issuer had already run out: no policy helps.
    const Made late = make("TPM", &chain().middle, kStart + 3 * kYear, kStart + 20 * kYear, "critical,CA:FALSE",
                           "critical,keyAgreement");
    const Bytes late_der = late.der();
    EkQuestion bad = chain().ask(late_der, later);
    bad.expired = ExpiredIssuers::accepted;
    EXPECT_EQ(failures(check_foreign_ek(bad)), "chain");
}

TEST(ForeignEk, RootsAreTrustedAsTheyAreAndNothingElseIs) {
    const Bytes ek = chain().ek.der();
    const uint64_t at = kStart + kYear + kSecond;
    EkQuestion q = chain().ask(ek, at);
    q.roots = {chain().middle.der()};
    q.intermediates.clear();
    EXPECT_TRUE(check_foreign_ek(q).findings.holds()) << "a root that is not self-signed";
    q.roots.clear();
    q.intermediates = {chain().root.der(), chain().middle.der()};
    const EkAnswer a = check_foreign_ek(q);
    EXPECT_EQ(failures(a), "chain");
    EXPECT_EQ(a.findings.find("chain")->verdict, Verdict::unknown) << "not checked is not wrong";
    const Chain other;
    q.roots = {other.root.der()};
    EXPECT_EQ(failures(check_foreign_ek(q)), "chain") << "same names, another key";
}

TEST(ForeignEk, KnowsCertificatesOfOtherPurposes) {
    const uint64_t at = kStart + kYear + kSecond;
    const Bytes ca = chain().middle.der();
    EXPECT_EQ(failures(check_foreign_ek(chain().ask(ca, at))), "certificate");
    const Made signs =
        make("TPM", &chain().middle, kStart, kStart + 20 * kYear, "critical,CA:FALSE", "critical,digitalSignature");
    const Bytes der = signs.der();
    EXPECT_EQ(failures(check_foreign_ek(chain().ask(der, at))), "certificate");
    EXPECT_EQ(failures(check_foreign_ek(chain().ask(chain().ek.der(), kStart))), "validity chain") << "before its time";
}

TEST(CertificateBundle, ReadsAllOrNone) {
    Bytes pem = *certificate_to_pem(chain().root.der());
    const Bytes second = *certificate_to_pem(chain().middle.der());
    pem.insert(pem.end(), second.begin(), second.end());
    EXPECT_EQ(read_certificates(pem)->size(), 2u);
    EXPECT_EQ(read_certificates(chain().root.der())->size(), 1u);
    pem[pem.size() / 2 + 200] = std::byte{'!'};
    EXPECT_FALSE(read_certificates(pem));
    EXPECT_FALSE(read_certificates({}));
    EXPECT_FALSE(read_certificates(as_bytes("-----BEGIN NOTHING-----\n-----END NOTHING-----\n")));
}

class EkVectors : public sealcall::test::Vectors {};

TEST_F(EkVectors, GoogleCertificatesHoldUnderTheirOwnRootOnly) {
    const fs::path ca = "google_go-tpm-tools/ca-certs", certs = "google_go-tpm-tools/certificates";
    const auto read = [](const fs::path& name) { return read_certificates(vector_file(name))->front(); };
    const Bytes pca = read(ca / "gcp_ek_ak_ca_root.crt"), uca = read(ca / "tpm_ek_root_1.cer");
    const std::vector<Bytes> middle{read(ca / "gcp_ek_ak_ca_intermediate_v3.crt"),
                                    read(ca / "tpm_ek_intermediate_2.crt"), read(ca / "tpm_ek_intermediate_3.crt")};
    for (const std::string family : {"pca", "uca"})
        for (const std::string kind : {"rsa", "ecc"}) {
            const Bytes enc = vector_file(certs / (family + "_tpm_" + kind + "_enc_cert.pem"));
            const Bytes sign = vector_file(certs / (family + "_tpm_" + kind + "_sign_cert.pem"));
            EkQuestion q{.certificate = enc,
                         .roots = {family == "pca" ? pca : uca},
                         .intermediates = middle,
                         .wall_ms = kIn2023};
            const EkAnswer a = check_foreign_ek(q);
            EXPECT_TRUE(a.findings.holds()) << family << kind << failures(a);
            EXPECT_EQ(a.kind, kind == "rsa" ? "RSA 2048" : "ECC P-256");
            q.roots = {family == "pca" ? uca : pca};
            EXPECT_EQ(failures(check_foreign_ek(q)), "chain");
            q.roots = {pca, uca};
            q.intermediates.clear();
            EXPECT_EQ(failures(check_foreign_ek(q)), "chain");
            q.intermediates = middle;
            q.wall_ms = 1640000000000;  // 2021
            EXPECT_FALSE(check_foreign_ek(q).findings.holds()) << "before it was issued";
            q.wall_ms = kIn2023;
            q.certificate = sign;
            EXPECT_EQ(failures(check_foreign_ek(q)), "certificate") << "an AK's certificate is not an EK's";
        }
}

}  // namespace
}  // namespace sealcall::attestation::foreign
