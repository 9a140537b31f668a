// Tokens as people paste them: a text that is taken is the only text of its value.
#include "bearer.h"
#include "seeded.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall;
    static const Bytes seed = to_bytes(as_bytes(authority::bearer_text(authority::Bearer{})));
    const Bytes bytes = fuzz::own_or_patched(fuzz::input(data, size), seed);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const auto bearer = authority::parse_bearer(text);
    if (bearer) CHECK(authority::bearer_text(*bearer) == text);
    return 0;
}
