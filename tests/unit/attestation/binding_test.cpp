#include "attestation/binding.h"

#include <gtest/gtest.h>

#include "attestation/cbor.h"
#include "sealcall/base/hex.h"
#include "tests/unit/attestation/software_tpm.h"

namespace sealcall::attestation::test {
namespace {

std::string uint_hex(uint64_t v) { return to_hex(CborWriter{}.uint(v).view()); }

// RFC 8949, appendix A.
TEST(Cbor, WritesIntegersInTheShortestForm) {
    EXPECT_EQ(uint_hex(0), "00");
    EXPECT_EQ(uint_hex(10), "0a");
    EXPECT_EQ(uint_hex(23), "17");
    EXPECT_EQ(uint_hex(24), "1818");
    EXPECT_EQ(uint_hex(100), "1864");
    EXPECT_EQ(uint_hex(255), "18ff");
    EXPECT_EQ(uint_hex(256), "190100");
    EXPECT_EQ(uint_hex(1000), "1903e8");
    EXPECT_EQ(uint_hex(1000000), "1a000f4240");
    EXPECT_EQ(uint_hex(1000000000000), "1b000000e8d4a51000");
    EXPECT_EQ(uint_hex(18446744073709551615u), "1bffffffffffffffff");
}

TEST(Cbor, WritesTextBytesAndArrays) {
    EXPECT_EQ(to_hex(CborWriter{}.text("IETF").view()), "6449455446");
    EXPECT_EQ(to_hex(CborWriter{}.text("").view()), "60");
    EXPECT_EQ(to_hex(CborWriter{}.bytes({}).view()), "40");
    const std::array four{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
    EXPECT_EQ(to_hex(CborWriter{}.bytes(four).view()), "4401020304");
    EXPECT_EQ(to_hex(CborWriter{}.array(3).uint(1).uint(2).uint(3).view()), "83010203");
    EXPECT_EQ(to_hex(CborWriter{}.array(25).view()), "9819");
}

rats::BindingInput input() {
    rats::BindingInput in = genuine_expectation().binding;
    in.evidence_body = digest_of(0x17);
    return in;
}

TEST(QuoteQualifyingData, IsTheHashOfTheDocumentedArray) {
    rats::BindingInput in;
    in.attester = rats::Role::caller;
    in.round = 300;
    std::string expected =
        "8d"
        "71" +
        to_hex(as_bytes("sealcall-attest/1")) + "65" + to_hex(as_bytes("quote")) + "66" + to_hex(as_bytes("caller")) +
        "19012c";
    uint8_t fill = 1;
    for (Digest* d : {&in.channel_binding, &in.verifier_nonce, &in.attester_nonce, &in.attester_tls_spki,
                      &in.peer_tls_spki, &in.attester_dtls, &in.peer_dtls, &in.hellos, &in.evidence_body}) {
        *d = digest_of(fill++);
        expected += "5820" + to_hex(*d);
    }
    Bytes raw;
    for (size_t i = 0; i < expected.size(); i += 2)
        raw.push_back(static_cast<std::byte>(std::stoi(expected.substr(i, 2), nullptr, 16)));
    EXPECT_EQ(to_hex(*quote_qualifying_data(in)), to_hex(sha256(raw)));
}

TEST(QuoteQualifyingData, ChangesWithEveryField) {
    const Digest genuine = *quote_qualifying_data(input());
    using B = rats::BindingInput;
    for (auto member : {&B::channel_binding, &B::verifier_nonce, &B::attester_nonce, &B::attester_tls_spki,
                        &B::peer_tls_spki, &B::attester_dtls, &B::peer_dtls, &B::hellos, &B::evidence_body}) {
        B in = input();
        (in.*member)[31] ^= std::byte{1};
        EXPECT_NE(*quote_qualifying_data(in), genuine);
    }
    B role = input(), round = input(), swapped = input();
    role.attester = rats::Role::caller;
    round.round = 2;
    std::swap(swapped.attester_tls_spki, swapped.peer_tls_spki);
    EXPECT_NE(*quote_qualifying_data(role), genuine);
    EXPECT_NE(*quote_qualifying_data(round), genuine);
    EXPECT_NE(*quote_qualifying_data(swapped), genuine);
}

TEST(QuoteQualifyingData, StopsWithoutChannelBinding) {
    rats::BindingInput in = input();
    in.channel_binding = {};
    auto r = quote_qualifying_data(in);
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, Errc::wrong_binding);
}

TEST(CertifyQualifyingData, IsNeverThatOfAQuote) {
    const Digest spki = digest_of(0x42);
    const Bytes expected = CborWriter{}.array(3).text("sealcall-attest/1").text("certify-identity").bytes(spki).view();
    EXPECT_EQ(to_hex(certify_identity_qualifying_data(spki)), to_hex(sha256(expected)));
    EXPECT_NE(certify_identity_qualifying_data(spki), certify_identity_qualifying_data(digest_of(0x43)));
}

TEST(HelloHash, DependsOnBothAndOnTheirOrder) {
    rats::Hello caller, callee;
    caller.nonce = digest_of(1);
    callee.role = rats::Role::callee;
    callee.nonce = digest_of(2);
    const Digest h = hash_hellos(caller, callee);
    EXPECT_NE(h, hash_hellos(callee, caller));
    callee.evidence_offered = rats::EvidenceKind::tpm_quote;
    EXPECT_NE(h, hash_hellos(caller, callee));
    ByteWriter w;
    w.bytes(ipc::encode(caller)).bytes(ipc::encode(callee));
    EXPECT_EQ(hash_hellos(caller, callee), sha256(w.view()));
}

TEST(Sha256, MatchesFips180) {
    EXPECT_EQ(to_hex(sha256(as_bytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace sealcall::attestation::test
