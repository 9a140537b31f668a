// A line of the control socket: whatever parses writes back to a line that parses to the same request.
#include <cstdlib>

#include "host/ui/json_read.h"
#include "sealcall/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall::ui;
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    auto request = parse_rpc_request(line);
    if (!request) return 0;
    CHECK(line.size() <= kRpcLineMax && request->params.size() <= kRpcParamsMax);
    const std::string again = encode_rpc_request(*request);
    if (again.size() > kRpcLineMax) return 0;  // escapes may lengthen it beyond the bound
    auto second = parse_rpc_request(again);
    CHECK(second.has_value());
    CHECK(*second == *request);
    return 0;
}
