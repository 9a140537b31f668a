#include "attestation/certificates.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "attestation/x509_checks.h"
#include "tests/unit/attestation/software_tpm.h"

namespace sealcall::attestation::test {
namespace {

using RequestPtr = std::unique_ptr<X509_REQ, Deleter<X509_REQ_free>>;

X509Ptr read(const Bytes& der) {
    const unsigned char* at = as_u8(der.data());
    return X509Ptr(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
}

/// True when OpenSSL's own purpose check takes `leaf` under `root`, strictly.
bool verifies(const Bytes& leaf, const Bytes& root, int purpose) {
    X509Ptr x = read(leaf), anchor = read(root);
    X509StorePtr store(X509_STORE_new());
    X509_STORE_add_cert(store.get(), anchor.get());
    X509StoreCtxPtr ctx(X509_STORE_CTX_new());
    X509_STORE_CTX_init(ctx.get(), store.get(), x.get(), nullptr);
    X509_VERIFY_PARAM* p = X509_STORE_CTX_get0_param(ctx.get());
    X509_VERIFY_PARAM_set_time(p, static_cast<time_t>(kNow / 1000));
    X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_X509_STRICT);
    if (purpose != 0) X509_VERIFY_PARAM_set_purpose(p, purpose);
    const bool ok = X509_verify_cert(ctx.get()) == 1;
    EXPECT_TRUE(ok) << X509_verify_cert_error_string(X509_STORE_CTX_get_error(ctx.get()));
    return ok;
}

Bytes spki() { return *public_key_der(keys().identity.get()); }

TEST(Authority, MakesARootThatCertifiesEndEntitiesOnly) {
    X509Ptr root = read(keys().authority_root);
    ASSERT_TRUE(root);
    EXPECT_EQ(X509_check_ca(root.get()), 1);
    EXPECT_EQ(X509_get_pathlen(root.get()), 0);
    EXPECT_FALSE(make_authority_root(keys().authority.get(), "", kThisYear));
    EXPECT_FALSE(make_authority_root(keys().authority.get(), std::string(65, 'a'), kThisYear));
    EXPECT_FALSE(make_authority_root(keys().authority.get(), "a", {.not_before_ms = 5000, .not_after_ms = 5000}));
}

TEST(Authority, IssuesIdentityCertificatesThatTlsTakesOnBothSides) {
    const Bytes der = *issue_identity_certificate(keys().issuer(), spki(), "sip:alice@corp.example", kThisYear);
    EXPECT_TRUE(verifies(der, keys().authority_root, X509_PURPOSE_SSL_CLIENT));
    EXPECT_TRUE(verifies(der, keys().authority_root, X509_PURPOSE_SSL_SERVER));
    EXPECT_LE(der.size(), rats::CertificateDer::kMax);
}

TEST(Authority, IssuesHostCertificatesForNamesAndAddresses) {
    const HostNames names{
        .dns = {"localhost", "a.example"}, .addresses = {"127.0.0.1", "::1"}, .uris = {"sip:a.example"}};
    const Bytes der = *issue_host_certificate(keys().issuer(), spki(), names, kThisYear);
    EXPECT_TRUE(verifies(der, keys().authority_root, X509_PURPOSE_SSL_SERVER));
    X509Ptr x = read(der);
    EXPECT_EQ(X509_check_host(x.get(), "localhost", 0, 0, nullptr), 1);
    EXPECT_EQ(X509_check_host(x.get(), "b.example", 0, 0, nullptr), 0);
    EXPECT_EQ(X509_check_ip_asc(x.get(), "127.0.0.1", 0), 1);
    EXPECT_EQ(X509_check_ip_asc(x.get(), "::1", 0), 1);
    EXPECT_EQ(X509_check_ip_asc(x.get(), "127.0.0.2", 0), 0);
}

TEST(Authority, NeverPutsAPersonIntoAHostCertificate) {
    auto host = [](HostNames n) { return issue_host_certificate(keys().issuer(), spki(), n, kThisYear); };
    EXPECT_FALSE(host({}));
    EXPECT_FALSE(host({.dns = {}, .addresses = {}, .uris = {"sip:alice@corp.example"}}));
    EXPECT_FALSE(host({.dns = {"a b"}, .addresses = {}, .uris = {}}));
    EXPECT_FALSE(host({.dns = {}, .addresses = {"not an address"}, .uris = {}}));
    const Bytes der = *host({.dns = {}, .addresses = {}, .uris = {"sip:corp.example"}});
    EXPECT_FALSE(check_identity_certificate(der, {rats::CertificateDer(keys().authority_root)}, kNow));
}

TEST(Authority, RefusesToSignWhatItShouldNot) {
    const PublicArea ak = *parse_tpmt_public(tpmt_public(keys().ak.get(), {}));
    const DeviceClaims claims{
        .ek = EkOrigin::vendor, .software_tpm = false, .managed = false, .device = "d", .authority = {}};
    const Authority mismatched{.key = keys().other_authority.get(), .certificate = keys().authority_root};
    EXPECT_FALSE(issue_ak_certificate(mismatched, ak, claims, kThisYear)) << "not the key of that certificate";
    const PublicArea identity =
        *parse_tpmt_public(tpmt_public(keys().identity.get(), {.attributes = kIdentityAttributes}));
    EXPECT_FALSE(issue_ak_certificate(keys().issuer(), identity, claims, kThisYear)) << "not restricted";
    for (const char* device : {"", "a b", "a\nb", "a,b"}) {
        DeviceClaims odd = claims;
        odd.device = device;
        EXPECT_FALSE(issue_ak_certificate(keys().issuer(), ak, odd, kThisYear)) << device;
    }
    EXPECT_FALSE(issue_identity_certificate(keys().issuer(), spki(), "alice", kThisYear));
    EXPECT_FALSE(issue_identity_certificate(keys().issuer(), *public_key_der(PkeyPtr(EVP_EC_gen("P-384")).get()),
                                            "sip:a@b", kThisYear));
    EXPECT_FALSE(issue_identity_certificate(keys().issuer(), {}, "sip:a@b", kThisYear));
}

TEST(Authority, GivesEachCertificateItsOwnSerialNumber) {
    auto serial = [] {
        X509Ptr x = read(*issue_identity_certificate(keys().issuer(), spki(), "sip:a@b", kThisYear));
        return to_der(i2d_ASN1_INTEGER, X509_get0_serialNumber(x.get()));
    };
    const Bytes one = serial(), two = serial();
    EXPECT_NE(one, two);
    EXPECT_EQ(one.size(), 18u);
}

Bytes request(EVP_PKEY* key, const char* names, const EVP_MD* md = EVP_sha256()) {
    RequestPtr r(X509_REQ_new());
    X509_REQ_set_pubkey(r.get(), key);
    if (names != nullptr) {
        STACK_OF(X509_EXTENSION)* exts = sk_X509_EXTENSION_new_null();
        sk_X509_EXTENSION_push(exts, X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names));
        X509_REQ_add_extensions(r.get(), exts);
        sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    }
    CHECK(X509_REQ_sign(r.get(), key, md) > 0);
    return to_der(i2d_X509_REQ, r.get());
}

TEST(CertificateRequest, GivesKeyAndName) {
    auto r = check_certificate_request(request(keys().identity.get(), "URI:sip:alice@corp.example"));
    ASSERT_TRUE(r);
    EXPECT_EQ(r->uri, "sip:alice@corp.example");
    EXPECT_EQ(r->spki, spki());
}

TEST(CertificateRequest, RefusesBadSignaturesNamesAndKeys) {
    EVP_PKEY* key = keys().identity.get();
    const Bytes good = request(key, "URI:sip:alice@corp.example");
    for (size_t i = 0; i < good.size(); ++i) {
        Bytes b = good;
        b[i] ^= std::byte{0x01};
        EXPECT_FALSE(check_certificate_request(b)) << i;
        EXPECT_FALSE(check_certificate_request(ByteSpan(good).first(i))) << i;
    }
    EXPECT_FALSE(check_certificate_request(request(key, nullptr)));
    EXPECT_FALSE(check_certificate_request(request(key, "URI:sip:a@b,URI:sip:c@d")));
    EXPECT_FALSE(check_certificate_request(request(key, "DNS:corp.example")));
    EXPECT_FALSE(check_certificate_request(request(key, "URI:sip:a@b", EVP_sha1())));
    PkeyPtr p384(EVP_EC_gen("P-384")), rsa(EVP_RSA_gen(2048));
    EXPECT_FALSE(check_certificate_request(request(p384.get(), "URI:sip:a@b")));
    EXPECT_FALSE(check_certificate_request(request(rsa.get(), "URI:sip:a@b")));
    EXPECT_FALSE(check_certificate_request(Bytes(4096)));
}

TEST(Pem, RoundTripsCertificatesAndKeys) {
    const Bytes pem = *certificate_to_pem(keys().authority_root);
    EXPECT_TRUE(as_chars(pem).starts_with("-----BEGIN CERTIFICATE-----"));
    EXPECT_EQ(*certificate_from_pem(pem), keys().authority_root);
    EXPECT_FALSE(certificate_from_pem(ByteWriter{}.bytes(pem).bytes(pem).view())) << "two of them";
    EXPECT_FALSE(certificate_from_pem(as_bytes("-----BEGIN CERTIFICATE-----\n")));
    EXPECT_FALSE(certificate_to_pem(as_bytes("no certificate")));
    const Bytes key_pem = *key_to_pem(keys().identity.get());
    PkeyPtr key = *key_from_pem(key_pem);
    EXPECT_EQ(EVP_PKEY_eq(key.get(), keys().identity.get()), 1);
    EXPECT_FALSE(key_from_pem(pem));
}

TEST(Pem, DoesNotAskForAPassPhrase) {
    std::unique_ptr<BIO, Deleter<BIO_free_all>> bio(BIO_new(BIO_s_mem()));
    char phrase[] = "secret";
    ASSERT_EQ(
        PEM_write_bio_PKCS8PrivateKey(bio.get(), keys().identity.get(), EVP_aes_128_cbc(), phrase, 6, nullptr, nullptr),
        1);
    char* data = nullptr;
    const long n = BIO_get_mem_data(bio.get(), &data);
    EXPECT_FALSE(key_from_pem(as_bytes(std::string_view(data, static_cast<size_t>(n)))));
}

}  // namespace
}  // namespace sealcall::attestation::test
