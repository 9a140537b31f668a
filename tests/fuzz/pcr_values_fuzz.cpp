// Any file of PCR values: every value that is read is a digest of its bank.
#include "attestation/foreign/pcr_values.h"

#include "attestation/logs/algorithms.h"
#include "tests/fuzz/seeded.h"

using namespace sealcall;

namespace {

/// As `tpm2_quote -o` writes it: one PCR of SHA-256.
Bytes binary() {
    Bytes out(136 + 532);
    out[0] = out[132] = out[136] = std::byte{1};
    out[4] = std::byte{0x0b};
    out[6] = std::byte{3};
    out[7] = std::byte{0x10};
    out[140] = std::byte{32};
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes seeds[] = {
        binary(), to_bytes(as_bytes("sha1:\n  7 : 0x0000000000000000000000000000000000000000\n")),
        to_bytes(as_bytes(R"({"pcrs":{"sha1":{"7":"0000000000000000000000000000000000000000"}}})"))};
    if (size == 0) return 0;
    const Bytes in = fuzz::own_or_patched(fuzz::input(data + 1, size - 1), seeds[data[0] % 3]);
    const auto file = attestation::foreign::read_pcr_file(in, {});
    if (!file) return 0;
    CHECK(!file->banks.empty());
    for (const auto& [bank, values] : file->banks) {
        CHECK(!values.empty());
        for (const auto& [pcr, value] : values) CHECK(pcr < 24 && value.size() == logs::registered_digest_size(bank));
    }
    return 0;
}
