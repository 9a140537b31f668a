// Other projects' real evidence (tests/support/vectors.h), checked as a phone's is.
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "attestation/cel.h"
#include "attestation/endorsement.h"
#include "tests/support/vectors.h"
#include "tests/unit/attestation/software_tpm.h"

namespace sealcall::attestation::test {
namespace {

namespace fs = std::filesystem;

using sealcall::test::vector_file;
using sealcall::test::Vectors;

/// A certificate file of either form.
Bytes certificate(const fs::path& name) {
    Bytes raw = vector_file(name);
    if (as_chars(raw).starts_with("-----")) return *certificate_from_pem(raw);
    return raw;
}

constexpr uint64_t kIn2023 = 1685577600000;  // the Google EK certificates were issued in 2022

TEST_F(Vectors, GoogleEkCertificatesChainToTheirOwnRootOnly) {
    const fs::path ca = "google_go-tpm-tools/ca-certs", certs = "google_go-tpm-tools/certificates";
    const std::vector<Bytes> pca_root{certificate(ca / "gcp_ek_ak_ca_root.crt")};
    const std::vector<Bytes> uca_root{certificate(ca / "tpm_ek_root_1.cer")};
    const std::vector<Bytes> middle{certificate(ca / "gcp_ek_ak_ca_intermediate_v3.crt"),
                                    certificate(ca / "tpm_ek_intermediate_2.crt"),
                                    certificate(ca / "tpm_ek_intermediate_3.crt")};
    for (const char* kind : {"rsa", "ecc"}) {
        auto pca = parse_ek_certificate(certificate(certs / ("pca_tpm_" + std::string(kind) + "_enc_cert.pem")));
        auto uca = parse_ek_certificate(certificate(certs / ("uca_tpm_" + std::string(kind) + "_enc_cert.pem")));
        ASSERT_TRUE(pca && uca) << kind;
        auto ok = check_ek_chain(*pca, pca_root, middle, kIn2023);
        EXPECT_TRUE(ok) << kind << (ok ? 0 : ok.error().detail);
        ok = check_ek_chain(*uca, uca_root, middle, kIn2023);
        EXPECT_TRUE(ok) << kind << (ok ? 0 : ok.error().detail);
        EXPECT_FALSE(check_ek_chain(*pca, uca_root, middle, kIn2023)) << kind;
        EXPECT_FALSE(check_ek_chain(*uca, pca_root, middle, kIn2023)) << kind;
        EXPECT_FALSE(check_ek_chain(*pca, pca_root, {}, kIn2023)) << kind;
    }
}

TEST_F(Vectors, GoogleAkCertificatesAreNoEkCertificates) {
    for (const char* name : {"pca_tpm_rsa_sign_cert.pem", "pca_tpm_ecc_sign_cert.pem", "uca_tpm_rsa_sign_cert.pem",
                             "uca_tpm_ecc_sign_cert.pem"})
        EXPECT_FALSE(parse_ek_certificate(certificate(fs::path("google_go-tpm-tools/certificates") / name))) << name;
}

TEST_F(Vectors, GooglePaddedEkCertificateIsTrimmed) {
    Bytes padded = certificate("google_go-tpm-tools/certificates/uca_tpm_ecc_enc_cert.pem");
    const size_t size = padded.size();
    padded.insert(padded.end(), 512, std::byte{0xff});
    auto ek = parse_ek_certificate(padded);
    ASSERT_TRUE(ek);
    EXPECT_EQ(ek->der.size(), size);
}

TEST_F(Vectors, GoogleQuotesVerifyAndTheirSwappedSignaturesDoNot) {
    for (const char* which : {"nonce9009", "no-nonce"}) {
        const fs::path dir =
            fs::path("google_go-tpm-tools/attestations") / ("gce-cos-85-" + std::string(which) + ".decoded");
        auto ak = parse_tpmt_public(vector_file(dir / "ak_pub.tpmt_public"));
        ASSERT_TRUE(ak) << which;
        EXPECT_TRUE(ak->attributes.restricted() && ak->attributes.sign() && !ak->attributes.decrypt());
        for (const char* bank : {"sha1", "sha256", "sha384"}) {
            const Bytes message = vector_file(dir / ("quote_" + std::string(bank) + ".tpms_attest"));
            auto attest = parse_tpms_attest(message);
            auto signature =
                parse_tpmt_signature(vector_file(dir / ("quote_" + std::string(bank) + ".tpmt_signature")));
            ASSERT_TRUE(attest && signature) << bank;
            EXPECT_EQ(attest->type, kTpmStAttestQuote);
            ASSERT_EQ(attest->selection.size(), 1u);
            EXPECT_EQ(attest->selection[0].pcrs, 0xffffffu) << "PCR 0 to 23";
            EXPECT_TRUE(verify_tpm_signature(*ak, message, *signature)) << bank;
            Bytes changed = message;
            changed.back() ^= std::byte{1};
            EXPECT_FALSE(verify_tpm_signature(*ak, changed, *signature)) << bank;
        }
        auto other = parse_tpmt_signature(vector_file(dir / "quote_sha384.tpmt_signature"));
        EXPECT_FALSE(verify_tpm_signature(*ak, vector_file(dir / "quote_sha256.tpms_attest"), *other));
    }
}

TEST_F(Vectors, GoogleQuoteWithoutNonceIsNotFresh) {
    const fs::path dir = "google_go-tpm-tools/attestations/gce-cos-85-no-nonce.decoded";
    auto attest = parse_tpms_attest(vector_file(dir / "quote_sha256.tpms_attest"));
    ASSERT_TRUE(attest);
    EXPECT_NE(attest->extra_data.size(), 32u) << "cannot be the 32 bytes of a channel of ours";
    Case c = make_case({});
    c.evidence.quote = rats::TpmAttest(vector_file(dir / "quote_sha256.tpms_attest"));
    c.evidence.quote_signature = rats::TpmSignature(vector_file(dir / "quote_sha256.tpmt_signature"));
    EXPECT_EQ(check_evidence(c.evidence, c.expect).result.level, rats::Level::failed);
}

/// A public key file as the key of a public area: the vectors keep it without its TPM attributes.
PublicArea key_of(const fs::path& pem) {
    const Bytes text = vector_file(pem);
    std::unique_ptr<BIO, Deleter<BIO_free_all>> bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    PkeyPtr key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
    EXPECT_TRUE(key) << pem;
    PublicTemplate any;
    any.scheme = kTpmAlgNull;
    return *parse_tpmt_public(tpmt_public(key.get(), any));
}

TEST_F(Vectors, VeraisonCertifyAndQuoteAreByTheSameKey) {
    const fs::path dir = "veraison_services/parsec-tpm/decoded";
    const PublicArea ak = key_of(dir / "ak_pub.pem");
    const Bytes certify = vector_file(dir / "kat.certInfo.bin"), quote = vector_file(dir / "pat.attestInfo.bin");
    auto certified = parse_tpms_attest(certify);
    auto quoted = parse_tpms_attest(quote);
    auto key = parse_tpmt_public(vector_file(dir / "kat.pubArea.bin"));
    auto certify_signature = parse_tpmt_signature(vector_file(dir / "kat.sig.bin"));
    auto quote_signature = parse_tpmt_signature(vector_file(dir / "pat.sig.bin"));
    ASSERT_TRUE(certified && quoted && key && certify_signature && quote_signature);
    EXPECT_EQ(certified->type, kTpmStAttestCertify);
    EXPECT_EQ(certified->name, key->name);
    EXPECT_EQ(quoted->type, kTpmStAttestQuote);
    ASSERT_EQ(quoted->selection.size(), 1u);
    EXPECT_EQ(quoted->selection[0], (PcrSelection{.hash = kTpmAlgSha256, .pcrs = 7}));
    EXPECT_TRUE(verify_tpm_signature(ak, certify, *certify_signature));
    EXPECT_TRUE(verify_tpm_signature(ak, quote, *quote_signature));
    EXPECT_FALSE(verify_tpm_signature(ak, quote, *certify_signature));
}

TEST_F(Vectors, EnactTrustQuoteIsSignedButNeverSafeNorFresh) {
    const fs::path dir = "veraison_services/tpm-enacttrust";
    const Bytes message = vector_file(dir / "decoded/quote.tpms_attest");
    auto attest = parse_tpms_attest(message);
    auto signature = parse_tpmt_signature(vector_file(dir / "decoded/quote.tpmt_signature"));
    ASSERT_TRUE(attest && signature);
    EXPECT_TRUE(verify_tpm_signature(key_of(dir / "basic.pem.pub"), message, *signature));
    EXPECT_FALSE(attest->safe);
    EXPECT_NE(attest->extra_data.size(), 32u);
}

TEST_F(Vectors, CanonicalLogsOfOthersAreRefusedAndNotMisread) {
    const Bytes text = vector_file("google_go-tpm-tools/cel/cel.b64");
    Bytes raw(text.size());
    std::string joined;
    for (char c : as_chars(text))
        if (c != '\n' && c != '\r') joined += c;
    const int n = EVP_DecodeBlock(as_u8(raw.data()), reinterpret_cast<const unsigned char*>(joined.data()),
                                  static_cast<int>(joined.size()));
    ASSERT_GT(n, 0);
    raw.resize(static_cast<size_t>(n));
    EXPECT_FALSE(parse_cel(raw)) << "their content types are not ours";
}

}  // namespace
}  // namespace sealcall::attestation::test
