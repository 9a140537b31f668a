// Any TPMT_SIGNATURE: reads within bounds, and no change of a genuine one verifies another message.
#include "tests/fuzz/seeded.h"
#include "tests/unit/attestation/software_tpm.h"

using namespace sealcall;
using namespace sealcall::attestation;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes seed = test::tpmt_signature(test::keys().ak.get(), as_bytes("one"));
    static const PublicArea key = *parse_tpmt_public(test::tpmt_public(test::keys().ak.get(), {}));
    const Bytes in = fuzz::own_or_patched(fuzz::input(data, size), seed);
    auto s = parse_tpmt_signature(in);
    if (s) CHECK(!verify_tpm_signature(key, as_bytes("two"), *s));
    return 0;
}
