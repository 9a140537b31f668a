#include "attestation/tpm_structs.h"

#include <gtest/gtest.h>

#include "tests/unit/attestation/software_tpm.h"

namespace sealcall::attestation::test {
namespace {

Bytes ak_public(const PublicTemplate& t = {}) { return tpmt_public(keys().ak.get(), t); }

TEST(TpmtPublic, ReadsAnEccKey) {
    auto p = parse_tpmt_public(ak_public());
    ASSERT_TRUE(p);
    EXPECT_TRUE(p->attributes.restricted() && p->attributes.sign() && p->attributes.fixed_tpm());
    EXPECT_FALSE(p->attributes.decrypt());
    EXPECT_EQ(p->scheme, kTpmAlgEcdsa);
    EXPECT_EQ(p->curve, kTpmEccNistP256);
    EXPECT_EQ(p->name.size(), 34u);
    EXPECT_EQ(p->name[1], std::byte{kTpmAlgSha256});
    EXPECT_TRUE(equal_bytes(ByteSpan(p->name).subspan(2), sha256(ak_public())));
    EXPECT_EQ(*spki_der(*p), *public_key_der(keys().ak.get()));
}

TEST(TpmtPublic, WritesTheKeyInfoThatOpensslWrites) {
    for (const char* curve : {"P-256", "P-384"}) {
        PkeyPtr key(EVP_EC_gen(curve));
        EXPECT_EQ(*spki_der(*parse_tpmt_public(tpmt_public(key.get(), {}))), *public_key_der(key.get())) << curve;
    }
}

TEST(TpmtPublic, FailsOnEveryTruncationAndOnTrailingBytes) {
    const Bytes whole = ak_public({.auth_policy = to_bytes(digest_of(3))});
    ASSERT_TRUE(parse_tpmt_public(whole));
    for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(parse_tpmt_public(ByteSpan(whole).first(n))) << n;
    Bytes longer = whole;
    longer.push_back(std::byte{0});
    auto r = parse_tpmt_public(longer);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, Errc::trailing_bytes);
}

TEST(TpmtPublic, PadsCoordinatesThatAChipShortened) {
    const Bytes xy = coordinates(keys().ak.get());
    ByteWriter w;
    w.u16(kTpmAlgEcc)
        .u16(kTpmAlgSha256)
        .u32(kAkAttributes)
        .u16(0)
        .u16(kTpmAlgNull)
        .u16(kTpmAlgEcdsa)
        .u16(kTpmAlgSha256);
    w.u16(kTpmEccNistP256)
        .u16(kTpmAlgNull)
        .u16(31)
        .bytes(ByteSpan(xy).first(31))
        .u16(32)
        .bytes(ByteSpan(xy).subspan(32));
    auto p = parse_tpmt_public(w.view());
    ASSERT_TRUE(p);
    EXPECT_EQ(p->x.size(), 32u);
    EXPECT_EQ(p->x[0], std::byte{0});
    auto spki = spki_der(*p);
    ASSERT_FALSE(spki) << "not a point of the curve";
    EXPECT_EQ(spki.error().code, Errc::bad_key);
}

TEST(TpmtPublic, RefusesWhatItDoesNotKnow) {
    const Bytes good = ak_public();
    auto patched = [&](size_t at, uint16_t v) {
        Bytes b = good;
        b[at] = static_cast<std::byte>(v >> 8);
        b[at + 1] = static_cast<std::byte>(v);
        return b;
    };
    EXPECT_FALSE(parse_tpmt_public(patched(0, 0x0008))) << "KEYEDHASH";
    EXPECT_FALSE(parse_tpmt_public(patched(2, kTpmAlgSha1))) << "nameAlg";
    EXPECT_FALSE(parse_tpmt_public(patched(6, 0x8472))) << "reserved attribute";
    EXPECT_FALSE(parse_tpmt_public(patched(10, 0x0026))) << "Camellia";
    EXPECT_FALSE(parse_tpmt_public(patched(12, kTpmAlgRsassa))) << "RSA scheme of an ECC key";
    EXPECT_FALSE(parse_tpmt_public(patched(14, kTpmAlgSha1))) << "scheme hash";
    EXPECT_FALSE(parse_tpmt_public(patched(16, 0x0010))) << "curve BN256";
    EXPECT_FALSE(parse_tpmt_public(patched(18, 0x0020))) << "kdf";
    EXPECT_FALSE(parse_tpmt_public(patched(20, 33))) << "coordinate longer than the curve's";
}

Bytes rsa_public(uint16_t bits, uint32_t exponent, const Bytes& modulus) {
    ByteWriter w;
    w.u16(kTpmAlgRsa).u16(kTpmAlgSha256).u32(kFixed | kRestricted | kDecrypt).u16(0);
    w.u16(kTpmAlgAes).u16(128).u16(kTpmAlgCfb).u16(kTpmAlgNull).u16(bits).u32(exponent);
    w.u16(static_cast<uint16_t>(modulus.size())).bytes(modulus);
    return w.take();
}

TEST(TpmtPublic, ReadsAnRsaKeyAndChecksItsSize) {
    const Bytes modulus(256, std::byte{0xc1});
    auto p = parse_tpmt_public(rsa_public(2048, 0, modulus));
    ASSERT_TRUE(p);
    EXPECT_EQ(p->symmetric_bits, 128);
    EXPECT_TRUE(spki_der(*p));
    EXPECT_FALSE(parse_tpmt_public(rsa_public(1024, 0, Bytes(128, std::byte{0xc1}))));
    EXPECT_FALSE(parse_tpmt_public(rsa_public(2048, 3, modulus)));
    EXPECT_FALSE(parse_tpmt_public(rsa_public(2048, 0, Bytes(255, std::byte{0xc1}))));
    EXPECT_FALSE(parse_tpmt_public(rsa_public(2048, 0, Bytes(256, std::byte{0x41}))));
}

AttestFields quote_fields() {
    AttestFields f;
    f.qualified_signer = Bytes(34, std::byte{1});
    f.extra_data = Bytes(32, std::byte{2});
    f.selection = {{.hash = kTpmAlgSha256, .pcrs = 0x7bff}};
    f.pcr_digest = Bytes(32, std::byte{3});
    return f;
}

TEST(TpmsAttest, ReadsAQuote) {
    auto a = parse_tpms_attest(quote_fields().encode());
    ASSERT_TRUE(a);
    EXPECT_EQ(a->type, kTpmStAttestQuote);
    EXPECT_EQ(a->clock, 5000u);
    EXPECT_EQ(a->reset_count, 7u);
    EXPECT_EQ(a->restart_count, 2u);
    EXPECT_TRUE(a->safe);
    ASSERT_EQ(a->selection.size(), 1u);
    EXPECT_EQ(a->selection[0].pcrs, 0x7bffu);
}

TEST(TpmsAttest, FailsOnEveryTruncationAndOnTrailingBytes) {
    const Bytes whole = quote_fields().encode();
    for (size_t n = 0; n < whole.size(); ++n) EXPECT_FALSE(parse_tpms_attest(ByteSpan(whole).first(n))) << n;
    Bytes longer = whole;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(parse_tpms_attest(longer));
}

TEST(TpmsAttest, RefusesSizesThatNoTpmGives) {
    AttestFields f = quote_fields();
    f.extra_data = Bytes(67);
    EXPECT_FALSE(parse_tpms_attest(f.encode())) << "extraData";
    f = quote_fields();
    f.qualified_signer = Bytes(67);
    EXPECT_FALSE(parse_tpms_attest(f.encode())) << "qualifiedSigner";
    f = quote_fields();
    f.selection = std::vector<PcrSelection>(17, {.hash = kTpmAlgSha256, .pcrs = 1});
    EXPECT_FALSE(parse_tpms_attest(f.encode())) << "17 selections";
    ByteWriter w;
    w.u32(kTpmGeneratedValue).u16(kTpmStAttestQuote).u16(0).u16(0).u64(0).u32(0).u32(0).u8(1).u64(0).u32(0xffffffff);
    EXPECT_FALSE(parse_tpms_attest(w.view())) << "four thousand million selections";
}

TEST(TpmtSignature, RefusesSha1OtherSchemesAndLongNumbers) {
    const Bytes good = tpmt_signature(keys().ak.get(), as_bytes("x"));
    ASSERT_TRUE(parse_tpmt_signature(good));
    for (size_t n = 0; n < good.size(); ++n) EXPECT_FALSE(parse_tpmt_signature(ByteSpan(good).first(n))) << n;
    Bytes sha1 = good, null_scheme = good, longer = good;
    sha1[3] = std::byte{kTpmAlgSha1};
    null_scheme[1] = std::byte{kTpmAlgNull};
    longer.push_back(std::byte{0});
    EXPECT_FALSE(parse_tpmt_signature(sha1));
    EXPECT_FALSE(parse_tpmt_signature(null_scheme));
    EXPECT_FALSE(parse_tpmt_signature(longer));
    EXPECT_FALSE(
        parse_tpmt_signature(ByteWriter{}.u16(kTpmAlgEcdsa).u16(kTpmAlgSha256).u16(67).bytes(Bytes(67)).view()));
}

TEST(VerifyTpmSignature, TakesOnlyTheRightKeyMessageAndScheme) {
    const PublicArea key = *parse_tpmt_public(ak_public());
    const PublicArea other = *parse_tpmt_public(tpmt_public(keys().other_ak.get(), {}));
    const Bytes raw = tpmt_signature(keys().ak.get(), as_bytes("message"));
    const Signature signature = *parse_tpmt_signature(raw);
    EXPECT_TRUE(verify_tpm_signature(key, as_bytes("message"), signature));
    EXPECT_FALSE(verify_tpm_signature(key, as_bytes("massage"), signature));
    EXPECT_FALSE(verify_tpm_signature(other, as_bytes("message"), signature));
    Signature zero = signature, other_hash = signature;
    zero.r = zero.s = Bytes(32);
    other_hash.hash = kTpmAlgSha384;
    EXPECT_FALSE(verify_tpm_signature(key, as_bytes("message"), zero));
    EXPECT_FALSE(verify_tpm_signature(key, as_bytes("message"), other_hash)) << "the key's scheme says SHA-256";
    const Signature rsa{.scheme = kTpmAlgRsassa, .hash = kTpmAlgSha256, .r = {}, .s = {}, .rsa = Bytes(256)};
    EXPECT_FALSE(verify_tpm_signature(key, as_bytes("message"), rsa));
    EXPECT_FALSE(verify_tpm_signature(key, as_bytes("message"), Signature{}));
}

TEST(QualifiedName, MatchesWhatATpmComputed) {
    // An AK that swtpm 0.7 made as a primary under the endorsement hierarchy, and the qualified name it reported for
    // it.
    const char* area =
        "00230 00b00050072000000100018000b000300100020ffbad3905dd39c0f3b889aa9c35ff14c4614192f37c067e23e9c90c2e8222a15"
        "00201f05e6f1003d4df70266be4e1bfcee1cc61657884f86d9dbf6f420d973245e57";
    auto unhex = [](std::string_view text) {
        Bytes out;
        std::string digits;
        std::ranges::copy_if(text, std::back_inserter(digits), [](char c) { return c != ' '; });
        for (size_t i = 0; i < digits.size(); i += 2)
            out.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
        return out;
    };
    auto p = parse_tpmt_public(unhex(area));
    ASSERT_TRUE(p);
    EXPECT_EQ(p->name, unhex("000b360c1be0929810af130604bfdc003ed3b62b184eeea05324a7afcecb45277530"));
    EXPECT_EQ(endorsement_primary_qualified_name(*p),
              unhex("000bd3fe42ef599d6da50136e321403e78d1b5169d7ce3decd8a9ea3dd0a68bacb52"));
}

}  // namespace
}  // namespace sealcall::attestation::test
