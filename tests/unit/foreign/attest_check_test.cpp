// Quotes and certifications of others: the real ones of INDEX.md, and made ones of every kind of key, broken in one
// place each.
#include "attestation/foreign/attest_check.h"

#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "tests/support/vectors.h"
#include "tests/unit/attestation/software_tpm.h"

namespace sealcall::attestation::foreign {
namespace {

namespace fs = std::filesystem;
using sealcall::test::vector_file;

Verdict verdict(const AttestAnswer& a, std::string_view name) {
    const Finding* f = a.findings.find(name);
    EXPECT_TRUE(f != nullptr) << name;
    return f == nullptr ? Verdict::note : f->verdict;
}

std::string failures(const AttestAnswer& a) {
    std::string out;
    for (const auto& f : a.findings.list())
        if (f.verdict == Verdict::failed) out += (out.empty() ? "" : " ") + f.name;
    return out;
}

Bytes from_hex(std::string_view hex) {
    Bytes out;
    for (size_t i = 0; i + 1 < hex.size(); i += 2)
        out.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    return out;
}

// ---- keys and signatures made here ----

PkeyPtr rsa_key(int bits) {
    PkeyPtr key(EVP_RSA_gen(static_cast<unsigned>(bits)));
    EXPECT_TRUE(key);
    return key;
}

PkeyPtr ec_key(const char* curve) { return PkeyPtr(EVP_EC_gen(curve)); }

Bytes pem_of(EVP_PKEY* key) {
    std::unique_ptr<BIO, Deleter<BIO_free_all>> bio(BIO_new(BIO_s_mem()));
    EXPECT_EQ(PEM_write_bio_PUBKEY(bio.get(), key), 1);
    char* data = nullptr;
    const long n = BIO_get_mem_data(bio.get(), &data);
    return to_bytes(as_bytes(std::string_view(data, static_cast<size_t>(n))));
}

/// The plain signature: DER ECDSA-Sig-Value or the RSA bytes.
Bytes sign(EVP_PKEY* key, ByteSpan message, const char* hash, bool pss) {
    MdCtxPtr ctx(EVP_MD_CTX_new());
    EVP_PKEY_CTX* params = nullptr;
    EXPECT_EQ(EVP_DigestSignInit(ctx.get(), &params, EVP_get_digestbyname(hash), nullptr, key), 1);
    if (pss) {
        EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(params, RSA_PKCS1_PSS_PADDING), 1);
    }
    size_t n = 0;
    EXPECT_EQ(EVP_DigestSign(ctx.get(), nullptr, &n, as_u8(message.data()), message.size()), 1);
    Bytes out(n);
    EXPECT_EQ(EVP_DigestSign(ctx.get(), as_u8(out.data()), &n, as_u8(message.data()), message.size()), 1);
    out.resize(n);
    return out;
}

Bytes tpmt_signature(uint16_t scheme, uint16_t hash, ByteSpan plain) {
    ByteWriter w;
    w.u16(scheme).u16(hash);
    if (scheme != kTpmAlgEcdsa) return w.u16(static_cast<uint16_t>(plain.size())).bytes(plain).take();
    const unsigned char* at = as_u8(plain.data());
    EcdsaSigPtr sig(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(plain.size())));
    for (const BIGNUM* b : {ECDSA_SIG_get0_r(sig.get()), ECDSA_SIG_get0_s(sig.get())}) {
        Bytes raw(static_cast<size_t>(BN_num_bytes(b)));
        BN_bn2bin(b, as_u8(raw.data()));
        w.u16(static_cast<uint16_t>(raw.size())).bytes(raw);
    }
    return w.take();
}

Bytes rsa_public(EVP_PKEY* key, uint32_t attributes, uint16_t scheme, uint16_t hash, uint16_t name_alg) {
    BIGNUM* n = nullptr;
    EXPECT_EQ(EVP_PKEY_get_bn_param(key, "n", &n), 1);
    const BignumPtr owned(n);
    Bytes modulus(static_cast<size_t>(EVP_PKEY_get_size(key)));
    EXPECT_EQ(BN_bn2binpad(n, as_u8(modulus.data()), static_cast<int>(modulus.size())),
              static_cast<int>(modulus.size()));
    ByteWriter w;
    w.u16(kTpmAlgRsa).u16(name_alg).u32(attributes).u16(0).u16(kTpmAlgNull).u16(scheme);
    if (scheme != kTpmAlgNull) w.u16(hash);
    w.u16(static_cast<uint16_t>(modulus.size() * 8)).u32(0).u16(static_cast<uint16_t>(modulus.size())).bytes(modulus);
    return w.take();
}

Bytes tpm2b(ByteSpan in) { return ByteWriter().u16(static_cast<uint16_t>(in.size())).bytes(in).take(); }

const Bytes kNonce = from_hex("000102030405060708090a0b0c0d0e0f");

struct MadeQuote {
    Bytes attest, values;
    PcrBanks banks;
};

MadeQuote made_quote(uint16_t hash, uint16_t bank = kTpmAlgSha256) {
    MadeQuote out;
    for (const uint8_t pcr : {uint8_t{0}, uint8_t{7}}) {
        out.banks[bank][pcr] = Bytes(any_digest_size(bank), static_cast<std::byte>(pcr + 1));
        out.values.insert(out.values.end(), out.banks[bank][pcr].begin(), out.banks[bank][pcr].end());
    }
    test::AttestFields f;
    f.extra_data = kNonce;
    f.selection = {{.hash = bank, .pcrs = 0x81}};
    f.pcr_digest = digest_by(hash, out.values);
    out.attest = f.encode();
    return out;
}

// ---- made ones ----

struct Kind {
    const char* name;
    int rsa_bits;  // 0: ECC
    const char* curve;
    uint16_t scheme, hash;
};

class EveryKindOfKey : public testing::TestWithParam<Kind> {};

TEST_P(EveryKindOfKey, QuotesHoldInEveryWrappingAndBreakWithOneBit) {
    const Kind& k = GetParam();
    const PkeyPtr key = k.rsa_bits != 0 ? rsa_key(k.rsa_bits) : ec_key(k.curve);
    const MadeQuote quote = made_quote(k.hash);
    const Bytes plain = sign(key.get(), quote.attest, hash_name(k.hash), k.scheme == kTpmAlgRsapss);
    const Bytes wrapped = tpmt_signature(k.scheme, k.hash, plain);
    test::PublicTemplate t;
    t.scheme = k.scheme;
    t.scheme_hash = k.hash;
    const Bytes tpmt = k.rsa_bits != 0 ? rsa_public(key.get(), t.attributes, k.scheme, k.hash, kTpmAlgSha256)
                                       : test::tpmt_public(key.get(), t);
    const Bytes pem = pem_of(key.get()), der = *public_key_der(key.get()), wrapped_public = tpm2b(tpmt),
                wrapped_attest = tpm2b(quote.attest);
    for (const Bytes& ak : {tpmt, wrapped_public, pem, der})
        for (const Bytes& attest : {quote.attest, wrapped_attest})
            for (const Bytes& signature : {wrapped, plain}) {
                AttestQuestion q{.ak = ak,
                                 .attest = attest,
                                 .signature = signature,
                                 .nonce = kNonce,
                                 .pcrs = quote.values,
                                 .object = {},
                                 .sha1 = Sha1::refused,
                                 .scheme = k.scheme,
                                 .hash = k.hash};
                const AttestAnswer a = check_foreign_quote(q);
                EXPECT_TRUE(a.findings.holds()) << failures(a);
                EXPECT_EQ(a.scheme, k.scheme);
                EXPECT_EQ(a.pcrs, quote.banks);
                for (const Bytes* changed : {&signature, &attest}) {
                    Bytes bad = *changed;
                    bad[bad.size() - 3] ^= std::byte{1};
                    AttestQuestion broken = q;
                    (changed == &signature ? broken.signature : broken.attest) = bad;
                    EXPECT_FALSE(check_foreign_quote(broken).findings.holds());
                }
            }
}

INSTANTIATE_TEST_SUITE_P(All, EveryKindOfKey,
                         testing::Values(Kind{"rsassa2048", 2048, "", kTpmAlgRsassa, kTpmAlgSha256},
                                         Kind{"rsapss2048", 2048, "", kTpmAlgRsapss, kTpmAlgSha256},
                                         Kind{"rsapss3072", 3072, "", kTpmAlgRsapss, kTpmAlgSha512},
                                         Kind{"p256", 0, "P-256", kTpmAlgEcdsa, kTpmAlgSha256},
                                         Kind{"p256sha512", 0, "P-256", kTpmAlgEcdsa, kTpmAlgSha512},
                                         Kind{"p384", 0, "P-384", kTpmAlgEcdsa, kTpmAlgSha384}),
                         [](const auto& kind) { return std::string(kind.param.name); });

/// A genuine quote by a P-256 key, to be broken.
struct Fixture {
    PkeyPtr key = ec_key("P-256");
    test::PublicTemplate area{};
    test::AttestFields fields{};
    PcrBanks banks;
    uint16_t hash = kTpmAlgSha256;
    Fixture() {
        const MadeQuote q = made_quote(kTpmAlgSha256);
        banks = q.banks;
        fields.extra_data = kNonce;
        fields.selection = {{.hash = kTpmAlgSha256, .pcrs = 0x81}};
        fields.pcr_digest = digest_by(kTpmAlgSha256, q.values);
    }
    AttestAnswer ask(std::optional<Bytes> nonce = kNonce, Sha1 sha1 = Sha1::refused) const {
        area_bytes = test::tpmt_public(key.get(), area);
        attest_bytes = fields.encode();
        signature_bytes = tpmt_signature(kTpmAlgEcdsa, hash, sign(key.get(), attest_bytes, hash_name(hash), false));
        blob = encode_pcr_blob({.banks = banks, .selection = fields.selection});
        return check_foreign_quote({.ak = area_bytes,
                                    .attest = attest_bytes,
                                    .signature = signature_bytes,
                                    .nonce = std::move(nonce),
                                    .pcrs = blob,
                                    .object = {},
                                    .sha1 = sha1});
    }
    mutable Bytes area_bytes, attest_bytes, signature_bytes, blob;
};

TEST(ForeignQuote, HoldsAsItStands) {
    const AttestAnswer a = Fixture().ask();
    EXPECT_TRUE(a.findings.holds()) << failures(a);
    EXPECT_EQ(verdict(a, "ak_attributes"), Verdict::ok);
    EXPECT_EQ(verdict(a, "clock_safe"), Verdict::ok);
}

TEST(ForeignQuote, IsNotFreshWithoutANonce) {
    Fixture f;
    EXPECT_EQ(failures(f.ask(Bytes{})), "nonce") << "empty question";
    EXPECT_EQ(failures(f.ask(std::nullopt)), "nonce") << "no question";
    f.fields.extra_data.clear();
    EXPECT_EQ(failures(f.ask(Bytes{})), "nonce") << "empty on both sides is no match";
    EXPECT_EQ(failures(f.ask()), "nonce");
}

TEST(ForeignQuote, NoticesAnotherOrShortNonce) {
    Fixture f;
    Bytes other = kNonce;
    other.back() ^= std::byte{1};
    EXPECT_EQ(failures(f.ask(other)), "nonce");
    f.fields.extra_data = from_hex("9009");
    const AttestAnswer a = f.ask(from_hex("9009"));
    EXPECT_TRUE(a.findings.holds());
    EXPECT_EQ(verdict(a, "nonce_length"), Verdict::warning);
}

TEST(ForeignQuote, NoticesACorruptedPcrBlob) {
    Fixture f;
    ASSERT_TRUE(f.ask().findings.holds());
    const Bytes good = f.blob;
    for (size_t at = 0; at < good.size(); ++at) {
        Bytes bad = good;
        bad[at] ^= std::byte{0x10};
        const AttestAnswer a = check_foreign_quote({.ak = f.area_bytes,
                                                    .attest = f.attest_bytes,
                                                    .signature = f.signature_bytes,
                                                    .nonce = kNonce,
                                                    .pcrs = bad,
                                                    .object = {}});
        EXPECT_FALSE(a.findings.holds()) << "byte " << at;
    }
}

TEST(ForeignQuote, NoticesTheWrongHash) {
    Fixture f;
    f.ask();
    const AttestAnswer a = check_foreign_quote({.ak = f.area_bytes,
                                                .attest = f.attest_bytes,
                                                .signature = f.signature_bytes,
                                                .nonce = kNonce,
                                                .pcrs = f.blob,
                                                .object = {},
                                                .sha1 = Sha1::refused,
                                                .scheme = kTpmAlgNull,
                                                .hash = kTpmAlgSha384});
    EXPECT_EQ(failures(a), "signature_format");
    // The digest of the values made by another hash than the signature's.
    f.area.scheme = kTpmAlgNull;
    f.hash = kTpmAlgSha384;
    EXPECT_EQ(failures(f.ask()), "pcr_digest_length");
}

TEST(ForeignQuote, RefusesKeysThatAreNoAttestationKeys) {
    for (uint32_t bit : {test::kRestricted, 1u << 1, 1u << 5, test::kSign}) {
        Fixture f;
        f.area.attributes &= ~bit;
        EXPECT_EQ(failures(f.ask()), "ak_attributes") << bit;
    }
    Fixture f;
    f.area.attributes |= test::kDecrypt;
    EXPECT_EQ(failures(f.ask()), "ak_attributes");
}

TEST(ForeignQuote, OfAnotherTypeOrWithoutPcrsDoesNotHold) {
    Fixture f;
    f.fields.type = kTpmStAttestCertify;
    EXPECT_EQ(failures(f.ask()), "type");
    Fixture none;
    none.fields.selection.clear();
    none.fields.pcr_digest = digest_by(kTpmAlgSha256, {});
    EXPECT_EQ(failures(none.ask()), "pcr_selection");
    Fixture magic;
    magic.fields.magic ^= 1;
    EXPECT_EQ(failures(magic.ask()), "attest");
}

TEST(ForeignQuote, SaysThatTheClockIsUnsafeAndStillHolds) {
    Fixture f;
    f.fields.safe = 0;
    const AttestAnswer a = f.ask();
    EXPECT_TRUE(a.findings.holds());
    EXPECT_EQ(verdict(a, "clock_safe"), Verdict::warning);
}

TEST(ForeignQuote, TakesSha1OnlyWhenSomebodySaysSo) {
    Fixture f;
    f.area.scheme_hash = kTpmAlgSha1;
    f.hash = kTpmAlgSha1;
    f.fields.pcr_digest.resize(0);
    Bytes values;
    for (const auto& [pcr, value] : f.banks.at(kTpmAlgSha256)) values.insert(values.end(), value.begin(), value.end());
    f.fields.pcr_digest = digest_by(kTpmAlgSha1, values);
    EXPECT_EQ(failures(f.ask()), "sha1");
    const AttestAnswer a = f.ask(kNonce, Sha1::allowed);
    EXPECT_TRUE(a.findings.holds()) << failures(a);
    EXPECT_EQ(verdict(a, "sha1"), Verdict::warning);
}

TEST(ForeignQuote, TakesTheSha1BankOnlyWhenSomebodySaysSo) {
    Fixture f;
    const MadeQuote q = made_quote(kTpmAlgSha256, kTpmAlgSha1);
    f.fields.selection[0].hash = kTpmAlgSha1;
    f.fields.pcr_digest = digest_by(kTpmAlgSha256, q.values);
    f.banks = q.banks;
    EXPECT_EQ(failures(f.ask()), "pcr_bank");
    EXPECT_TRUE(f.ask(kNonce, Sha1::allowed).findings.holds());
}

TEST(ForeignQuote, NothingReadableIsNothingProven) {
    const AttestAnswer a = check_foreign_quote(
        {.ak = {}, .attest = {}, .signature = {}, .nonce = kNonce, .pcrs = std::nullopt, .object = {}});
    EXPECT_FALSE(a.findings.holds());
    EXPECT_EQ(failures(a), "ak");
    EXPECT_FALSE(Findings().holds());
}

TEST(ForeignKey, RefusesWeakKeysPrivateKeysAndRubbishAround) {
    const PkeyPtr weak = rsa_key(1024), good = ec_key("P-256"), p521 = ec_key("P-521");
    EXPECT_FALSE(read_attestation_key(pem_of(weak.get()), Sha1::allowed));
    EXPECT_FALSE(read_attestation_key(pem_of(p521.get()), Sha1::allowed));
    const Bytes private_pem = *key_to_pem(good.get());
    EXPECT_FALSE(read_attestation_key(private_pem, Sha1::allowed));
    Bytes tail = *public_key_der(good.get());
    tail.push_back(std::byte{0});
    EXPECT_FALSE(read_attestation_key(tail, Sha1::allowed));
    Bytes area = tpm2b(test::tpmt_public(good.get(), {}));
    ASSERT_TRUE(read_attestation_key(area, Sha1::refused));
    area.push_back(std::byte{0});
    EXPECT_FALSE(read_attestation_key(area, Sha1::refused));
}

TEST(ForeignCertify, NamesTheKeyThatWasCertifiedAndNoOther) {
    const PkeyPtr ak = ec_key("P-256"), key = ec_key("P-384"), other = ec_key("P-384");
    const Bytes area = test::tpmt_public(ak.get(), {});
    test::PublicTemplate t{.attributes = test::kIdentityAttributes, .scheme_hash = kTpmAlgSha384};
    const Bytes object = test::tpmt_public(key.get(), t), another = test::tpmt_public(other.get(), t);
    test::AttestFields f;
    f.type = kTpmStAttestCertify;
    f.name = read_public_object(object, Sha1::refused)->name;
    const Bytes attest = f.encode();
    const Bytes signature = tpmt_signature(kTpmAlgEcdsa, kTpmAlgSha256, sign(ak.get(), attest, "sha256", false));
    AttestQuestion q{.ak = area,
                     .attest = attest,
                     .signature = signature,
                     .nonce = std::nullopt,
                     .pcrs = std::nullopt,
                     .object = object};
    AttestAnswer a = check_foreign_certify(q);
    EXPECT_TRUE(a.findings.holds()) << failures(a);
    EXPECT_EQ(verdict(a, "nonce"), Verdict::warning);
    const Bytes wrapped = tpm2b(object);
    q.object = wrapped;
    EXPECT_TRUE(check_foreign_certify(q).findings.holds());
    q.object = another;
    EXPECT_EQ(failures(check_foreign_certify(q)), "name");
    q.object = object;
    q.nonce = kNonce;
    EXPECT_EQ(failures(check_foreign_certify(q)), "nonce");
    EXPECT_EQ(failures(check_foreign_quote({.ak = area,
                                            .attest = attest,
                                            .signature = signature,
                                            .nonce = kNonce,
                                            .pcrs = std::nullopt,
                                            .object = {}})),
              "type");
}

TEST(ForeignPublic, NamesObjectsThatHaveNoKeyOfTheirOwn) {
    // A sealed blob: KEYEDHASH, SHA-256, no scheme, 32 bytes unique.
    const Bytes area = ByteWriter()
                           .u16(0x0008)
                           .u16(kTpmAlgSha256)
                           .u32(test::kFixed)
                           .u16(0)
                           .u16(kTpmAlgNull)
                           .u16(32)
                           .bytes(Bytes(32, std::byte{7}))
                           .take();
    auto p = read_public_object(area, Sha1::refused);
    ASSERT_TRUE(p);
    EXPECT_FALSE(p->key);
    EXPECT_EQ(p->name.size(), 34u);
    EXPECT_FALSE(read_attestation_key(area, Sha1::refused));
}

// ---- the real ones ----

class ForeignVectors : public sealcall::test::Vectors {};

const fs::path kGoogle = "google_go-tpm-tools/attestations", kVeraison = "veraison_services";

TEST_F(ForeignVectors, GoogleQuotesHoldForTheirNonceOnly) {
    const fs::path dir = kGoogle / "gce-cos-85-nonce9009.decoded";
    for (const std::string bank : {"sha1", "sha256", "sha384"}) {
        const Bytes attest = vector_file(dir / ("quote_" + bank + ".tpms_attest")),
                    signature = vector_file(dir / ("quote_" + bank + ".tpmt_signature")),
                    pcrs = vector_file(dir / ("quote_" + bank + ".pcrs.json"));
        for (const char* name : {"ak_pub.tpmt_public", "ak_cert.der"}) {
            const Bytes ak = vector_file(dir / name);
            AttestQuestion q{.ak = ak,
                             .attest = attest,
                             .signature = signature,
                             .nonce = from_hex("9009"),
                             .pcrs = pcrs,
                             .object = {}};
            EXPECT_EQ(failures(check_foreign_quote(q)), bank == "sha1" ? "pcr_bank" : "") << bank;
            q.sha1 = Sha1::allowed;
            const AttestAnswer a = check_foreign_quote(q);
            EXPECT_TRUE(a.findings.holds()) << bank << " " << failures(a);
            EXPECT_EQ(a.pcrs.at(hash_of_name(bank)).size(), 24u);
            q.nonce = from_hex("9010");
            EXPECT_EQ(failures(check_foreign_quote(q)), "nonce");
            q.nonce = from_hex("9009");
            const Bytes swapped =
                vector_file(dir / (bank == "sha256" ? "quote_sha384.tpmt_signature" : "quote_sha256.tpmt_signature"));
            q.signature = swapped;
            EXPECT_EQ(failures(check_foreign_quote(q)), "signature");
        }
    }
}

TEST_F(ForeignVectors, GooglePcrsOfAnotherBootAreNotTheQuotedOnes) {
    const fs::path dir = kGoogle / "gce-cos-85-nonce9009.decoded", other = kGoogle / "gce-cos-85-no-nonce.decoded";
    const Bytes ak = vector_file(dir / "ak_pub.tpmt_public"), attest = vector_file(dir / "quote_sha256.tpms_attest"),
                signature = vector_file(dir / "quote_sha256.tpmt_signature"),
                pcrs = vector_file(dir / "quote_sha384.pcrs.json");
    EXPECT_EQ(failures(check_foreign_quote({.ak = ak,
                                            .attest = attest,
                                            .signature = signature,
                                            .nonce = from_hex("9009"),
                                            .pcrs = pcrs,
                                            .object = {}})),
              "pcr_values")
        << "the bank that was quoted is not there";
    std::string changed(as_chars(vector_file(dir / "quote_sha256.pcrs.json")));
    const size_t at = changed.find("\"0\": \"") + 6;
    changed[at] = changed[at] == 'a' ? 'b' : 'a';
    EXPECT_EQ(failures(check_foreign_quote({.ak = ak,
                                            .attest = attest,
                                            .signature = signature,
                                            .nonce = from_hex("9009"),
                                            .pcrs = as_bytes(changed),
                                            .object = {}})),
              "pcr_digest");
    const Bytes other_ak = vector_file(other / "ak_pub.tpmt_public");
    EXPECT_EQ(failures(check_foreign_quote({.ak = other_ak,
                                            .attest = attest,
                                            .signature = signature,
                                            .nonce = from_hex("9009"),
                                            .pcrs = std::nullopt,
                                            .object = {}})),
              equal_bytes(ak, other_ak) ? "" : "signature");
}

TEST_F(ForeignVectors, GoogleQuoteWithoutNonceIsNotFreshWhateverIsAsked) {
    const fs::path dir = kGoogle / "gce-cos-85-no-nonce.decoded";
    const Bytes ak = vector_file(dir / "ak_pub.tpmt_public"), attest = vector_file(dir / "quote_sha256.tpms_attest"),
                signature = vector_file(dir / "quote_sha256.tpmt_signature"),
                pcrs = vector_file(dir / "quote_sha256.pcrs.json");
    for (const std::optional<Bytes>& nonce :
         {std::optional<Bytes>(), std::optional(Bytes{}), std::optional(from_hex("9009"))}) {
        const AttestAnswer a = check_foreign_quote(
            {.ak = ak, .attest = attest, .signature = signature, .nonce = nonce, .pcrs = pcrs, .object = {}});
        EXPECT_EQ(failures(a), "nonce");
        EXPECT_EQ(verdict(a, "signature"), Verdict::ok);
        EXPECT_EQ(verdict(a, "pcr_digest"), Verdict::ok);
    }
}

TEST_F(ForeignVectors, GoogleEncryptionCertificatesAreNoAttestationKeys) {
    const fs::path dir = "google_go-tpm-tools/certificates";
    for (const char* name : {"pca_tpm_rsa", "uca_tpm_rsa", "pca_tpm_ecc", "uca_tpm_ecc"}) {
        EXPECT_TRUE(read_attestation_key(vector_file(dir / (std::string(name) + "_sign_cert.pem")), Sha1::refused));
        auto enc = read_attestation_key(vector_file(dir / (std::string(name) + "_enc_cert.pem")), Sha1::refused);
        ASSERT_FALSE(enc) << name;
        EXPECT_EQ(enc.error().code, Errc::bad_certificate);
    }
}

TEST_F(ForeignVectors, VeraisonCertifyAndQuoteHoldByTheSameKey) {
    const fs::path dir = kVeraison / "parsec-tpm/decoded";
    const Bytes ak = vector_file(dir / "ak_pub.pem"), certify = vector_file(dir / "kat.certInfo.bin"),
                certify_signature = vector_file(dir / "kat.sig.bin"), object = vector_file(dir / "kat.pubArea.bin"),
                quote = vector_file(dir / "pat.attestInfo.bin"), quote_signature = vector_file(dir / "pat.sig.bin");
    AttestQuestion q{.ak = ak,
                     .attest = certify,
                     .signature = certify_signature,
                     .nonce = from_hex("deadbeefdeadbeef"),
                     .pcrs = std::nullopt,
                     .object = object};
    const AttestAnswer a = check_foreign_certify(q);
    EXPECT_TRUE(a.findings.holds()) << failures(a);
    EXPECT_EQ(verdict(a, "ak_attributes"), Verdict::warning) << "PEM does not tell";
    EXPECT_EQ(a.object->name[2], std::byte{0x66});
    q.nonce = from_hex("deadbeefdeadbeee");
    EXPECT_EQ(failures(check_foreign_certify(q)), "nonce");
    AttestQuestion p{.ak = ak,
                     .attest = quote,
                     .signature = quote_signature,
                     .nonce = from_hex("deadbeefdeadbeef"),
                     .pcrs = std::nullopt,
                     .object = {}};
    EXPECT_TRUE(check_foreign_quote(p).findings.holds());
    p.signature = certify_signature;
    EXPECT_EQ(failures(check_foreign_quote(p)), "signature");
}

TEST_F(ForeignVectors, EnactTrustQuoteIsSignedButNotFreshAndItsClockUnsafe) {
    const fs::path dir = kVeraison / "tpm-enacttrust";
    const Bytes ak = vector_file(dir / "basic.pem.pub"), attest = vector_file(dir / "decoded/quote.tpms_attest"),
                signature = vector_file(dir / "decoded/quote.tpmt_signature");
    const AttestAnswer a = check_foreign_quote(
        {.ak = ak, .attest = attest, .signature = signature, .nonce = kNonce, .pcrs = std::nullopt, .object = {}});
    EXPECT_EQ(failures(a), "nonce");
    EXPECT_EQ(verdict(a, "signature"), Verdict::ok);
    EXPECT_EQ(verdict(a, "clock_safe"), Verdict::warning);
}

}  // namespace
}  // namespace sealcall::attestation::foreign
