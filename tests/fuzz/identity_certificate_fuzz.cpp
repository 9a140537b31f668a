// Any certificate of a TLS peer: nothing but the genuine one passes, up to the encoding of its unsigned frame.
#include "tests/fuzz/seeded.h"
#include "tests/unit/attestation/software_tpm.h"

using namespace sealcall;
using namespace sealcall::attestation;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes seed = *issue_identity_certificate(
        test::keys().issuer(), *public_key_der(test::keys().identity.get()), "sip:alice@corp.example", test::kThisYear);
    static const std::vector<rats::CertificateDer> anchors{rats::CertificateDer(test::keys().authority_root)};
    const Bytes in = fuzz::own_or_patched(fuzz::input(data, size), seed);
    auto r = check_identity_certificate(in, anchors, test::kNow);
    if (!r) return 0;
    CHECK(r->uri == "sip:alice@corp.example" && r->authority == "Example Corp");
    CHECK(r->spki == test::spki_digest(test::keys().identity.get()));
    return 0;
}
