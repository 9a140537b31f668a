// CoRIM: Veraison's files for Parsec over a TPM as INDEX.md judges them, and made ones, signed and broken.
#include "attestation/corim.h"

#include <nlohmann/json.hpp>

#include "attestation/cbor_cursor.h"
#include "tests/support/vectors.h"

namespace sealcall::attestation {
namespace {

using sealcall::test::vector_file;

/// Heads and items of CBOR, written as they are named.
class Cbor {
  public:
    Cbor& head(uint8_t major, uint64_t n) {
        const auto m = static_cast<uint8_t>(major << 5);
        if (n < 24)
            w_.u8(static_cast<uint8_t>(m | n));
        else if (n < 256)
            w_.u8(m | 24).u8(static_cast<uint8_t>(n));
        else if (n < 65536)
            w_.u8(m | 25).u16(static_cast<uint16_t>(n));
        else
            w_.u8(m | 27).u64(n);
        return *this;
    }
    Cbor& uint(uint64_t v) { return head(0, v); }
    Cbor& negative(uint64_t v) { return head(1, v - 1); }
    Cbor& bytes(ByteSpan b) { return head(2, b.size()).raw(b); }
    Cbor& text(std::string_view s) { return head(3, s.size()).raw(as_bytes(s)); }
    Cbor& array(uint64_t n) { return head(4, n); }
    Cbor& map(uint64_t n) { return head(5, n); }
    Cbor& tag(uint64_t n) { return head(6, n); }
    Cbor& raw(ByteSpan b) {
        w_.bytes(b);
        return *this;
    }
    Bytes take() { return w_.take(); }

  private:
    ByteWriter w_;
};

const Bytes kUuid(16, std::byte{0x11});
const Bytes kDigest(32, std::byte{0x22});

/// One reference triple with one measurement.
Bytes triples(uint64_t algorithm = 1, size_t digest = 32, uint64_t pcr = 4) {
    return Cbor()
        .map(1)
        .uint(0)
        .array(1)
        .array(2)
        .map(1)
        .uint(0)
        .map(2)
        .uint(0)
        .tag(37)
        .bytes(kUuid)
        .uint(1)
        .text("ACME")
        .array(1)
        .map(2)
        .uint(0)
        .uint(pcr)
        .uint(1)
        .map(1)
        .uint(2)
        .array(1)
        .array(2)
        .uint(algorithm)
        .bytes(Bytes(digest, std::byte{0x22}))
        .take();
}
Bytes comid(const Bytes& inner) { return Cbor().map(2).uint(1).map(1).uint(0).bytes(kUuid).uint(4).raw(inner).take(); }
Bytes corim(const Bytes& mid, uint64_t outer = 501, std::string_view profile = "tag:example.com,2026:x") {
    return Cbor()
        .tag(outer)
        .map(4)
        .uint(0)
        .text("id-1")
        .uint(1)
        .array(1)
        .tag(506)
        .bytes(mid)
        .uint(3)
        .tag(32)
        .text(profile)
        .uint(4)
        .map(1)
        .uint(1)
        .tag(1)
        .uint(1800000000)
        .take();
}
Bytes genuine() { return corim(comid(triples())); }

std::string fault(const Result<Corim>& r) { return r ? "" : corim_fault_name(r.error().detail); }

Bytes signed_corim(const Bytes& payload, EVP_PKEY* key, uint64_t alg, bool tampered = false) {
    const Bytes meta = Cbor().map(1).uint(0).map(1).uint(0).text("Example Corp").take();
    const Bytes header =
        Cbor().map(3).uint(1).negative(alg).uint(3).text("application/rim+cbor").uint(8).bytes(meta).take();
    const Bytes message = Cbor().array(4).text("Signature1").bytes(header).bytes({}).bytes(payload).take();
    const Bytes signature = *sign_jose(key, message);
    Bytes sent = payload;
    if (tampered) sent[sent.size() - 1] ^= std::byte{1};
    return Cbor().tag(18).array(4).bytes(header).map(0).bytes(sent).bytes(signature).take();
}

TEST(CorimFile, TellsItsReferenceValues) {
    for (const Bytes& file : {genuine(), Cbor().tag(500).raw(genuine()).take()}) {
        auto c = parse_corim(file);
        ASSERT_TRUE(c) << fault(c) << c.error().what;
        EXPECT_EQ(c->id, "id-1");
        EXPECT_EQ(c->profile, "tag:example.com,2026:x");
        EXPECT_EQ(c->not_after, 1800000000);
        const auto values = reference_values(*c);
        ASSERT_EQ(values.size(), 1u);
        EXPECT_EQ(values[0].algorithm, "sha-256");
        EXPECT_EQ(values[0].digest, kDigest);
        EXPECT_EQ(values[0].key, (TypedValue{"uint", "4"}));
        EXPECT_EQ(values[0].environment.vendor, "ACME");
        EXPECT_EQ(values[0].environment.class_id->value, "11111111-1111-1111-1111-111111111111");
    }
}

TEST(CorimFile, IsRefusedWhenItIsNotWhole) {
    const Bytes file = genuine();
    for (size_t n = 0; n < file.size(); ++n) EXPECT_FALSE(parse_corim(ByteSpan(file).first(n))) << n;
    Bytes longer = file;
    longer.push_back(std::byte{0});
    EXPECT_EQ(fault(parse_corim(longer)), "cbor");
    EXPECT_EQ(fault(parse_corim(corim(comid(triples()), 502))), "tag");
    EXPECT_EQ(fault(parse_corim(as_bytes("{}"))), "tag");
    Bytes tail = comid(triples());
    tail.push_back(std::byte{0});
    EXPECT_EQ(fault(parse_corim(corim(tail))), "cbor");
}

TEST(CorimFile, SizesThatLieCostNothing) {
    for (uint64_t n : {uint64_t{1} << 16, uint64_t{1} << 32, UINT64_MAX}) {
        EXPECT_FALSE(parse_corim(Cbor().tag(501).map(n).take()));
        EXPECT_FALSE(parse_corim(Cbor().tag(501).map(1).uint(1).array(n).take()));
        EXPECT_FALSE(parse_corim(Cbor().tag(501).map(1).uint(0).head(3, n).take()));
    }
    Cbor deep;
    deep.tag(501).map(1).uint(9);
    for (int i = 0; i < 100000; ++i) deep.array(1);
    EXPECT_EQ(fault(parse_corim(deep.uint(0).take())), "cbor");
    EXPECT_EQ(fault(parse_corim(Bytes(5 * 1024 * 1024))), "size");
}

TEST(CorimFile, EachRuleHasItsName) {
    EXPECT_EQ(fault(parse_corim(corim(comid(triples(1, 31))))), "digest");
    EXPECT_EQ(fault(parse_corim(corim(comid(triples(99))))), "digest");
    EXPECT_EQ(fault(parse_corim(corim(comid(Cbor().map(0).take())))), "missing");
    EXPECT_EQ(fault(parse_corim(corim(Cbor().map(1).uint(4).raw(triples()).take()))), "missing") << "no tag identity";
    EXPECT_EQ(fault(parse_corim(Cbor().tag(501).map(2).uint(0).text("a").uint(0).text("b").take())), "duplicate");
    EXPECT_EQ(fault(parse_corim(Cbor().tag(501).map(1).uint(0).text("a").take())), "missing");
    EXPECT_EQ(fault(parse_corim(corim(comid(Cbor().map(1).uint(0).array(1).array(2).map(0).array(0).take())))),
              "environment");
    EXPECT_EQ(fault(parse_corim(corim(comid(triples()), 501, kParsecTpmProfile))), "");
    EXPECT_EQ(fault(parse_corim(corim(comid(triples(1, 32, 24)), 501, kParsecTpmProfile))), "pcr");
}

TEST(CorimSignature, IsSomebodysWordOnlyWithTheirKey) {
    for (const auto& [curve, alg] : {std::pair("P-256", uint64_t{7}), std::pair("P-384", uint64_t{35})}) {
        const PkeyPtr key(EVP_EC_gen(curve)), other(EVP_EC_gen(curve));
        const JoseKey pinned = *parse_jwk(*jwk_of(key.get())), wrong = *parse_jwk(*jwk_of(other.get()));
        auto c = parse_corim(signed_corim(genuine(), key.get(), alg));
        ASSERT_TRUE(c) << fault(c) << c.error().what;
        ASSERT_TRUE(c->signature);
        EXPECT_EQ(c->signature->signer, "Example Corp");
        EXPECT_EQ(reference_values(*c).size(), 1u);
        EXPECT_TRUE(verify_corim(*c, pinned));
        EXPECT_FALSE(verify_corim(*c, wrong));
        auto tampered = parse_corim(signed_corim(genuine(), key.get(), alg, true));
        ASSERT_TRUE(tampered) << fault(tampered);
        EXPECT_FALSE(verify_corim(*tampered, pinned));
        auto mislabelled = parse_corim(signed_corim(genuine(), key.get(), alg == 7 ? 35 : 7));
        EXPECT_EQ(verify_corim(*mislabelled, pinned).error().detail, static_cast<uint32_t>(CorimFault::cose));
        EXPECT_FALSE(verify_corim(*parse_corim(genuine()), pinned)) << "no signature is no good one";
    }
}

TEST(CorimSignature, NeedsItsHeadersSigned) {
    const Bytes header = Cbor().map(1).uint(1).negative(7).take();
    const auto sign1 = [&](const Bytes& protected_header, const Bytes& unprotected) {
        return fault(parse_corim(
            Cbor().tag(18).array(4).bytes(protected_header).raw(unprotected).bytes(genuine()).bytes(Bytes(64)).take()));
    };
    const Bytes none = Cbor().map(0).take();
    EXPECT_EQ(sign1(header, none), "");
    EXPECT_EQ(sign1({}, none), "cbor") << "no protected header at all";
    EXPECT_EQ(sign1(none, header), "cose");
    EXPECT_EQ(sign1(header, header), "cose");
    EXPECT_EQ(sign1(Cbor().map(2).uint(1).negative(7).uint(2).array(1).uint(99).take(), none), "cose");
}

TEST(CborCursors, TakeOnlyWhatIsThere) {
    const Bytes indefinite{std::byte{0x9f}, std::byte{0x01}, std::byte{0xff}};
    EXPECT_FALSE(CborCursor(indefinite).skip());
    const Bytes nested = Cbor().array(2).map(1).uint(1).text("x").tag(1).bytes(kUuid).take();
    CborCursor c(nested);
    EXPECT_TRUE(c.skip());
    EXPECT_TRUE(c.finish());
    EXPECT_FALSE(c.type());
    const Bytes big = Cbor().head(1, UINT64_MAX).take();
    EXPECT_FALSE(CborCursor(big).integer());
}

class CorimVectors : public sealcall::test::Vectors {};

TEST_F(CorimVectors, ValidFileTellsParsecsReferenceValuesAndKey) {
    auto c = parse_corim(vector_file("veraison_services/parsec-tpm/corim/corim-parsec-tpm-valid.cbor"));
    ASSERT_TRUE(c) << fault(c) << c.error().what;
    EXPECT_EQ(c->profile, kParsecTpmProfile);
    EXPECT_EQ(c->tags.size(), 2u);
    const auto values = reference_values(*c);
    ASSERT_EQ(values.size(), 6u);
    EXPECT_EQ(values[0].environment.class_id, (TypedValue{"uuid", "cd1f0e55-26f9-460d-b9d8-f7fde171787c"}));
    EXPECT_EQ(values[4].key, (TypedValue{"uint", "2"}));
    EXPECT_EQ(values[5].algorithm, "sha-384");
    EXPECT_EQ(values[5].digest[0], std::byte{0x21});
    ASSERT_EQ(c->attestation_keys.size(), 1u);
    EXPECT_EQ(c->attestation_keys[0].keys[0].type, "pkix-base64-key");
    EXPECT_FALSE(c->signature);
}

TEST_F(CorimVectors, EveryBadFileIsRefusedByName) {
    for (const auto& [name, wanted] :
         {std::pair("multiple-keys", "keys"), std::pair("no-digests", "digests"), std::pair("no-class-id", "class_id"),
          std::pair("pcr", "pcr"), std::pair("no-pcr", "pcr"), std::pair("instance", "instance"),
          std::pair("class-id", "class_id"), std::pair("no-class", "class"), std::pair("no-instance", "instance")})
        EXPECT_EQ(fault(parse_corim(vector_file("veraison_services/parsec-tpm/corim/corim-parsec-tpm-bad-" +
                                                std::string(name) + ".cbor"))),
                  wanted)
            << name;
}

}  // namespace
}  // namespace sealcall::attestation
