// Any JSON log: bounded, never an exception, numbered without gaps.
#include "tools/sealcall/cel_json.h"

#include "tests/fuzz/seeded.h"

using namespace sealcall;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const std::string seed =
        R"([{"recnum":0,"pcr":11,"digests":[{"hashAlg":"sha1","digest":"0000000000000000000000000000000000000000"}],)"
        R"("content_type":"systemd","content":{"string":"enter-initrd"}},{"recnum":1,"nv_index":2,"digests":[{"hashAlg":4,)"
        R"("digest":"0000000000000000000000000000000000000000"}],"content_type":"ima_template","content":{"template_name":)"
        R"("ima-ng","template_data":"00"}}])";
    const Bytes in = fuzz::own_or_patched(fuzz::input(data, size), as_bytes(seed));
    static_cast<void>(cli::is_cel_json(in));
    const auto log = cli::parse_cel_json(in);
    if (!log) return 0;
    CHECK(log->events.size() <= logs::kCelEventsMax);
    for (const logs::CelEvent& e : log->events) CHECK(!e.digests.empty() && e.digests.size() <= logs::kBankMax);
    return 0;
}
