// Any file given as a boot loader: bounded, no crash, and the same hash twice.
#include "authenticode.h"
#include "tests/fuzz/seeded.h"
#include "tests/unit/reference/pe_image.h"

using namespace sealcall;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes seed = reference::test::signed_image(16);
    const Bytes image = fuzz::own_or_patched(fuzz::input(data, size), seed);
    const auto once = reference::authenticode_sha256(image);
    const auto twice = reference::authenticode_sha256(image);
    CHECK(once.has_value() == twice.has_value());
    if (once) CHECK(*once == *twice);
    return 0;
}
