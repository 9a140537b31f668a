// Any TPMS_ATTEST: bounded whatever its counts say.
#include "tests/fuzz/seeded.h"
#include "tests/unit/attestation/software_tpm.h"

using namespace sealcall;
using namespace sealcall::attestation;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes seed = [] {
        test::AttestFields f;
        f.qualified_signer = Bytes(34);
        f.extra_data = Bytes(32);
        f.selection = {{.hash = kTpmAlgSha256, .pcrs = 0x7bff}};
        f.pcr_digest = Bytes(32);
        return f.encode();
    }();
    const Bytes in = fuzz::own_or_patched(fuzz::input(data, size), seed);
    auto a = parse_tpms_attest(in);
    if (a) CHECK(a->selection.size() <= 16 && a->extra_data.size() <= 66 && a->pcr_digest.size() <= 64);
    return 0;
}
