// What a phone sends to an authority: any encoded request is refused in words or passes the checks, never more.
#include <cstdint>

#include "directory_authority.h"
#include "sealcall/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall;
    const auto request = ipc::decode<authority::EnrolmentRequest>(std::as_bytes(std::span(data, size)));
    if (!request) return 0;
    const authority::Settings settings{.name = "Fuzz", .domain = "", .accept_unproven_ek = true};
    try {
        (void)authority::check_request(*request, settings, {}, {}, 1'700'000'000'000);
    } catch (const authority::Refusal& refusal) {
        CHECK(refusal.what()[0] != '\0' && !refusal.next().empty());
    }
    return 0;
}
