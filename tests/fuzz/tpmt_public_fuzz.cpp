// Any TPMT_PUBLIC: what parses has a Name, and coordinates of its curve's length.
#include "tests/fuzz/seeded.h"
#include "tests/unit/attestation/software_tpm.h"

using namespace sealcall;
using namespace sealcall::attestation;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes seed = test::tpmt_public(test::keys().ak.get(), {});
    const Bytes in = fuzz::own_or_patched(fuzz::input(data, size), seed);
    auto p = parse_tpmt_public(in);
    if (!p) return 0;
    CHECK(p->name.size() == 2 + digest_size(p->name_alg));
    CHECK(p->type == kTpmAlgRsa || p->x.size() == p->y.size());
    auto spki = spki_der(*p);
    CHECK(!spki || !spki->empty());
    return 0;
}
