// TPM structures, keys and PCR files of other tools, in any wrapping: the first byte chooses which of them is changed.
// Nothing that is not the genuine quote ever holds.
#include "attestation/foreign/attest_check.h"
#include "tests/fuzz/seeded.h"
#include "tests/unit/attestation/software_tpm.h"

using namespace sealcall;
using namespace sealcall::attestation;
using namespace sealcall::attestation::foreign;

namespace {
struct Seed {
    Bytes ak = test::tpmt_public(test::keys().ak.get(), {});
    Bytes pem = *key_to_pem(test::keys().ak.get());  // a private key: refused, but close to a public one
    Bytes nonce = Bytes(16, std::byte{9});
    PcrFile pcrs;
    Bytes attest, signature, blob;
    Seed() {
        pcrs.selection = {{.hash = kTpmAlgSha256, .pcrs = 1}};
        pcrs.banks[kTpmAlgSha256][0] = Bytes(32, std::byte{5});
        blob = encode_pcr_blob(pcrs);
        test::AttestFields f;
        f.extra_data = nonce;
        f.selection = pcrs.selection;
        f.pcr_digest = digest_by(kTpmAlgSha256, pcrs.banks[kTpmAlgSha256][0]);
        attest = f.encode();
        signature = test::tpmt_signature(test::keys().ak.get(), attest);
    }
};
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Seed seed;
    const ByteSpan in = fuzz::input(data, size);
    if (in.empty()) return 0;
    const unsigned which = static_cast<unsigned>(in[0]) % 6;
    const ByteSpan rest = in.subspan(1);
    Seed s = seed;
    Bytes* const parts[] = {&s.ak, &s.attest, &s.signature, &s.blob};
    if (which < 4) *parts[which] = fuzz::own_or_patched(rest, *parts[which]);
    if (which == 4) s.ak = fuzz::own_or_patched(rest, seed.pem);
    if (which == 5) {
        (void)parse_keylime_quote(as_chars(rest));
        (void)parse_pcr_json(as_chars(rest));
        (void)parse_pcr_yaml(as_chars(rest));
        auto blob = parse_pcr_blob(rest);
        CHECK(!blob || parse_pcr_blob(encode_pcr_blob(*blob)));
        (void)read_public_object(rest, Sha1::allowed);
        return 0;
    }
    const AttestAnswer a = check_foreign_quote(
        {.ak = s.ak, .attest = s.attest, .signature = s.signature, .nonce = s.nonce, .pcrs = s.blob, .object = {}});
    if (a.findings.holds()) {
        // What is signed and quoted is the same, whatever form the files took.
        CHECK(a.attest->pcr_digest == *pcr_digest(seed.pcrs.banks, seed.pcrs.selection, kTpmAlgSha256));
        CHECK(a.pcrs == seed.pcrs.banks);
    }
    (void)check_foreign_certify(
        {.ak = s.ak, .attest = s.attest, .signature = s.signature, .nonce = s.nonce, .pcrs = {}, .object = s.ak});
    return 0;
}
