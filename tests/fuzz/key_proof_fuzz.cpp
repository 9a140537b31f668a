// A file of `keys proof` from anybody: read, and checked without anybody to believe.
#include <cstdint>

#include "key_proof.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall;
    const auto proof = cli::read_key_proof({reinterpret_cast<const char*>(data), size});
    if (!proof) return 0;
    attestation::foreign::Findings findings;
    cli::check_key_proof(*proof, {}, findings);
    CHECK(!findings.holds());
    return 0;
}
