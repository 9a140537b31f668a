// Any log: bounded, numbered without gaps, and a record whose content was changed never passes as honest.
#include "attestation/cel.h"

#include "tests/fuzz/seeded.h"
#include "tests/unit/attestation/software_tpm.h"

using namespace sealcall;
using namespace sealcall::attestation;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes seed = *encode_cel(test::measured_roles(), 13);
    const Bytes in = fuzz::own_or_patched(fuzz::input(data, size), seed);
    auto records = parse_cel(in);
    if (!records) return 0;
    CHECK(records->size() <= kCelRecordsMax);
    for (size_t i = 0; i < records->size(); ++i) {
        const CelRecord& r = (*records)[i];
        CHECK(r.number == i && !r.role.empty());
        CHECK(is_honest(r) == (sha256(r.content) == r.digest));
    }
    return 0;
}
