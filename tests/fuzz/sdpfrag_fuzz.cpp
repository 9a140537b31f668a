// Any text as an RFC 8840 fragment; what is accepted must survive being written and read again.
#include "host/ice/fragment.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall;
    auto ice = host::parse_fragment(as_chars(std::as_bytes(std::span(data, size))));
    if (!ice) return 0;
    CHECK(ice->candidates.size() <= host::kCandidatesMax);
    const std::string text = host::encode_fragment(*ice);
    if (text.size() > host::kFragmentMax) return 0;
    auto again = host::parse_fragment(text);
    CHECK(again && *again == *ice);
    return 0;
}
