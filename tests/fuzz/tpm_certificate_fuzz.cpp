// The certificate inside a padded NV index.
#include "enclave/tpm/policy_digest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall;
    const ByteSpan in = std::as_bytes(std::span(data, size));
    auto cut = tpm::cut_certificate(in, 4096);
    if (!cut) return 0;
    CHECK(cut->data() == in.data() && cut->size() <= in.size() && cut->size() >= 2 && cut->size() <= 4096);
    auto again = tpm::cut_certificate(*cut, 4096);
    CHECK(again && again->size() == cut->size());
    return 0;
}
