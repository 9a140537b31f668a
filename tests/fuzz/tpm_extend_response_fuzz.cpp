// Answers of a TPM to the launcher's two raw commands.
#include "sealcall/base/tpm_extend.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall;
    const ByteSpan in = std::as_bytes(std::span(data, size));
    if (in.size() >= tpm_raw::kHeaderSize) {
        auto announced = tpm_raw::response_size(in.first(tpm_raw::kHeaderSize));
        CHECK(!announced || (*announced >= tpm_raw::kHeaderSize && *announced <= tpm_raw::kMessageMax));
    }
    static_cast<void>(tpm_raw::parse_pcr_extend_response(in));
    if (auto value = tpm_raw::parse_pcr_read_response(in, 13))
        CHECK(equal_bytes(*value, in.last(32)) && !tpm_raw::parse_pcr_read_response(in, 12));
    return 0;
}
