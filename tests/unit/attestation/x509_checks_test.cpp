#include "attestation/x509_checks.h"

#include <gtest/gtest.h>
#include <openssl/x509_vfy.h>

#include "tests/unit/attestation/software_tpm.h"

namespace sealcall::attestation::test {
namespace {

const std::vector<rats::CertificateDer>& anchors() {
    static const std::vector<rats::CertificateDer> a{rats::CertificateDer(keys().authority_root)};
    return a;
}

Bytes identity(std::string_view uri = "sip:alice@corp.example", const Authority& by = keys().issuer()) {
    return *issue_identity_certificate(by, *public_key_der(keys().identity.get()), uri, kThisYear);
}

/// An identity certificate with something changed, signed anew by the authority.
Bytes changed(const std::function<void(X509*)>& edit) {
    const Bytes der = identity();
    const unsigned char* at = as_u8(der.data());
    X509Ptr x(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    edit(x.get());
    CHECK(X509_sign(x.get(), keys().authority.get(), EVP_sha256()) > 0);
    return to_der(i2d_X509, x.get());
}

void drop(X509* x, int nid) { X509_EXTENSION_free(X509_delete_ext(x, X509_get_ext_by_NID(x, nid, -1))); }
void add(X509* x, int nid, const char* value) {
    std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> ext(
        X509V3_EXT_conf_nid(nullptr, nullptr, nid, value));
    CHECK(ext && X509_add_ext(x, ext.get(), -1) == 1);
}

Errc error_of(const Bytes& der, uint64_t at = kNow) {
    auto r = check_identity_certificate(der, anchors(), at);
    return r ? Errc{} : r.error().code;
}

TEST(IdentityCertificate, GivesNameAuthorityAndKey) {
    auto r = check_identity_certificate(identity(), anchors(), kNow);
    ASSERT_TRUE(r);
    EXPECT_EQ(r->uri, "sip:alice@corp.example");
    EXPECT_EQ(r->authority, "Example Corp");
    EXPECT_EQ(r->spki, spki_digest(keys().identity.get()));
}

TEST(IdentityCertificate, RefusesAnotherAuthorityOfTheSameName) {
    EXPECT_EQ(error_of(identity("sip:alice@corp.example", keys().other_issuer())), Errc::untrusted_certificate);
    EXPECT_EQ(error_of(keys().authority_root), Errc::bad_certificate) << "a CA is nobody's identity";
    EXPECT_FALSE(check_identity_certificate(identity(), {}, kNow));
}

TEST(IdentityCertificate, TellsExpiryFromDistrust) {
    auto expired = check_identity_certificate(identity(), anchors(), kThisYear.not_after_ms + 2000);
    ASSERT_FALSE(expired);
    EXPECT_EQ(expired.error().detail, static_cast<uint32_t>(X509_V_ERR_CERT_HAS_EXPIRED));
    EXPECT_EQ(certificate_reason(expired.error()), rats::Reason::certificate_expired);
    auto early = check_identity_certificate(identity(), anchors(), kThisYear.not_before_ms - 2000);
    ASSERT_FALSE(early);
    EXPECT_EQ(certificate_reason(early.error()), rats::Reason::certificate_expired);
    EXPECT_FALSE(check_identity_certificate(identity(), anchors(), UINT64_MAX));
    auto stranger = check_identity_certificate(identity("sip:a@b", keys().other_issuer()), anchors(), kNow);
    EXPECT_EQ(certificate_reason(stranger.error()), rats::Reason::certificate_untrusted);
}

/// What check_identity_certificate says when the authority has this key.
bool vouches(PkeyPtr key) {
    const Bytes root = *make_authority_root(key.get(), "Other Keys", kThisYear);
    const Bytes der = identity("sip:alice@corp.example", {.key = key.get(), .certificate = root});
    return check_identity_certificate(der, {rats::CertificateDer(root)}, kNow).has_value();
}

TEST(IdentityCertificate, TakesAnAuthorityWithAnyKeyThatIsStrongEnough) {
    EXPECT_TRUE(vouches(PkeyPtr(EVP_EC_gen("P-384"))));
    EXPECT_TRUE(vouches(PkeyPtr(EVP_RSA_gen(3072))));
    EXPECT_FALSE(vouches(PkeyPtr(EVP_RSA_gen(1024))));
    EXPECT_FALSE(vouches(PkeyPtr(EVP_EC_gen("P-192"))));
}

TEST(IdentityCertificate, TakesExactlyOneSipAddress) {
    EXPECT_EQ(error_of(changed([](X509* x) { drop(x, NID_subject_alt_name); })), Errc::wrong_name);
    for (const char* names :
         {"URI:sip:a@b.example,URI:sip:c@b.example", "DNS:b.example", "URI:sip:a@b.example,DNS:b.example",
          "URI:https://a@b.example", "URI:sip:b.example", "email:a@b.example"})
        EXPECT_EQ(error_of(changed([&](X509* x) {
                      drop(x, NID_subject_alt_name);
                      add(x, NID_subject_alt_name, names);
                  })),
                  Errc::wrong_name)
            << names;
    EXPECT_EQ(error_of(changed([](X509* x) { add(x, NID_subject_alt_name, "URI:sip:mallory@b.example"); })),
              Errc::bad_certificate)
        << "the extension twice";
}

TEST(IdentityCertificate, RefusesACertificateAuthority) {
    EXPECT_EQ(error_of(changed([](X509* x) {
                  drop(x, NID_basic_constraints);
                  add(x, NID_basic_constraints, "critical,CA:TRUE");
              })),
              Errc::bad_certificate);
}

TEST(IdentityCertificate, RefusesAKeyThatMayNotSign) {
    for (const char* usage : {"critical,keyAgreement", "critical,digitalSignature,keyCertSign"})
        EXPECT_EQ(error_of(changed([&](X509* x) {
                      drop(x, NID_key_usage);
                      add(x, NID_key_usage, usage);
                  })),
                  Errc::bad_certificate)
            << usage;
    EXPECT_EQ(error_of(changed([](X509* x) { drop(x, NID_key_usage); })), Errc::bad_certificate);
}

TEST(IdentityCertificate, RefusesAnUnknownCriticalExtension) {
    EXPECT_EQ(error_of(changed([](X509* x) {
                  OBJ_create("1.2.3.4.5.6", "unknownTest", "unknown for a test");
                  std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>> ext(
                      X509V3_EXT_conf(nullptr, nullptr, "1.2.3.4.5.6", "critical,ASN1:NULL"));
                  CHECK(ext && X509_add_ext(x, ext.get(), -1) == 1);
              })),
              Errc::untrusted_certificate);
}

TEST(IdentityCertificate, TakesOnlyP256) {
    EXPECT_EQ(error_of(changed([](X509* x) {
                  PkeyPtr p384(EVP_EC_gen("P-384"));
                  X509_set_pubkey(x, p384.get());
              })),
              Errc::bad_certificate);
    EXPECT_EQ(error_of(changed([](X509* x) {
                  PkeyPtr rsa(EVP_RSA_gen(2048));
                  X509_set_pubkey(x, rsa.get());
              })),
              Errc::bad_certificate);
}

TEST(IdentityCertificate, RefusesASha1Signature) {
    const Bytes der = identity();
    const unsigned char* at = as_u8(der.data());
    X509Ptr x(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
    ASSERT_GT(X509_sign(x.get(), keys().authority.get(), EVP_sha1()), 0);
    EXPECT_EQ(error_of(to_der(i2d_X509, x.get())), Errc::untrusted_certificate);
}

TEST(IdentityCertificate, RefusesTruncationTrailingBytesAndAnyChangedBit) {
    const Bytes der = identity();
    for (size_t n = 0; n < der.size(); ++n)
        EXPECT_FALSE(check_identity_certificate(ByteSpan(der).first(n), anchors(), kNow)) << n;
    Bytes longer = der;
    longer.push_back(std::byte{0});
    EXPECT_EQ(error_of(longer), Errc::bad_certificate);
    const size_t signed_part = der.size() - 64;  // bits of the signature's own DER framing aside, all is signed
    for (size_t i = 4; i < signed_part; ++i) {
        Bytes b = der;
        b[i] ^= std::byte{0x10};
        EXPECT_FALSE(check_identity_certificate(b, anchors(), kNow)) << i;
    }
}

TEST(AkCertificate, ReadsTheDevice) {
    const PublicArea ak = *parse_tpmt_public(tpmt_public(keys().ak.get(), {}));
    for (EkOrigin ek : {EkOrigin::not_proven, EkOrigin::vendor, EkOrigin::lab})
        for (unsigned flags = 0; flags < 6; ++flags) {
            const bool software = (flags & 1) != 0, managed = flags > 1, runtime = flags > 3;
            const DeviceClaims claims{.ek = ek,
                                      .software_tpm = software,
                                      .managed = managed,
                                      .runtime = runtime,
                                      .device = "a.b-c:1/2",
                                      .authority = {}};
            auto r =
                check_ak_certificate(*issue_ak_certificate(keys().issuer(), ak, claims, kThisYear), anchors(), kNow);
            ASSERT_TRUE(r);
            EXPECT_EQ(r->device.ek, ek);
            EXPECT_EQ(r->device.software_tpm, software);
            EXPECT_EQ(r->device.managed, managed);
            EXPECT_EQ(r->device.runtime, runtime);
            EXPECT_EQ(r->device.device, "a.b-c:1/2");
            EXPECT_EQ(r->device.authority, "Example Corp");
            EXPECT_EQ(r->spki, *spki_der(ak));
        }
}

/// An AK certificate whose device extension has `value` at `index` of its DER, signed by the authority all the same.
Result<AkCertificate> with_device_byte(bool managed, size_t index, uint8_t value, bool runtime = false) {
    const PublicArea ak = *parse_tpmt_public(tpmt_public(keys().ak.get(), {}));
    Bytes der = *issue_ak_certificate(keys().issuer(), ak,
                                      {.ek = EkOrigin::vendor,
                                       .software_tpm = false,
                                       .managed = managed,
                                       .runtime = runtime,
                                       .device = "d",
                                       .authority = {}},
                                      kThisYear);
    const std::array want{std::byte{0x30}, runtime ? std::byte{0x0c} : managed ? std::byte{0x09} : std::byte{0x06},
                          std::byte{0x0a}, std::byte{0x01},
                          std::byte{0x01}, std::byte{0x01},
                          std::byte{0x01}, std::byte{0x00}};
    auto at = std::ranges::search(der, want);
    CHECK(!at.empty());
    at.begin()[static_cast<std::ptrdiff_t>(index)] = static_cast<std::byte>(value);
    const unsigned char* in = as_u8(der.data());
    X509Ptr x(d2i_X509(nullptr, &in, static_cast<long>(der.size())));
    CHECK(x);
    // The cached encoding is what gets signed: ask for a new one.
    CHECK(i2d_re_X509_tbs(x.get(), nullptr) > 0 && X509_sign(x.get(), keys().authority.get(), EVP_sha256()) > 0);
    return check_ak_certificate(to_der(i2d_X509, x.get()), anchors(), kNow);
}

TEST(AkCertificate, TakesNoOtherFormOfTheDeviceExtension) {
    for (bool managed : {false, true}) {
        ASSERT_TRUE(with_device_byte(managed, 4, 2));
        EXPECT_FALSE(with_device_byte(managed, 4, 3)) << "an origin that nobody defined";
        EXPECT_FALSE(with_device_byte(managed, 7, 1)) << "BER's true";
        EXPECT_FALSE(with_device_byte(managed, 2, 0x02)) << "INTEGER";
        EXPECT_FALSE(with_device_byte(managed, 0, 0x31)) << "SET";
        EXPECT_FALSE(with_device_byte(managed, 1, 0x08)) << "another length";
    }
    EXPECT_FALSE(with_device_byte(true, 1, 0x06)) << "something behind the end";
    EXPECT_FALSE(with_device_byte(false, 1, 0x09)) << "an end that is missing";
    ASSERT_TRUE(with_device_byte(true, 10, 0xff));
    EXPECT_FALSE(with_device_byte(true, 10, 0)) << "DER leaves a default out";
    EXPECT_FALSE(with_device_byte(true, 8, 0x02)) << "INTEGER in place of managed";
    ASSERT_TRUE(with_device_byte(true, 13, 0xff, true));
    EXPECT_FALSE(with_device_byte(true, 13, 0, true)) << "DER leaves a default out";
    EXPECT_FALSE(with_device_byte(true, 11, 0x01, true)) << "a second managed in place of the list";
    EXPECT_FALSE(with_device_byte(true, 10, 0, true)) << "a list without a guard";
    EXPECT_FALSE(with_device_byte(true, 1, 0x09, true)) << "something behind the end";
}

TEST(SipAddress, IsUserAtHostInVisibleText) {
    for (const char* good : {"sip:alice@corp.example", "sip:a@[2001:db8::1]", "sip:+4930123@b.example"})
        EXPECT_TRUE(is_sip_address(good)) << good;
    for (const char* bad : {"", "sip:", "sip:@b", "sip:a@", "sip:b.example", "sips:a@b", "SIP:a@b", "sip:a@b@c",
                            "sip:a b@c", "sip:a@b;user=phone", "sip:b;x@c", "sip:a?x@c", "sip:a:pw@c", "sip:%61@c",
                            "sip:a@c.", "sip:a@b\n", "sip:<a@b>", "sip:\"a\"@b", "sip:\xc3\xa4@b"})
        EXPECT_FALSE(is_sip_address(bad)) << bad;
    EXPECT_FALSE(is_sip_address("sip:a@" + std::string(251, 'b')));
}

}  // namespace
}  // namespace sealcall::attestation::test
