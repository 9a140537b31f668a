// What an authority is posted for a passport: it is refused, or appraised; and nothing that was changed is worth more
// than the genuine one.
#include "seeded.h"
#include "tests/unit/attestation/passports.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall;
    namespace t = attestation::test;
    static const attestation::test::Case c = t::bound_case({});
    static const Bytes seed = [] {
        rats::VerifierRequest request = t::request_of(c);
        request.boot_log_size = 4;
        Bytes all = ipc::encode(request);
        const Bytes log = to_bytes(as_bytes("log!"));
        all.insert(all.end(), log.begin(), log.end());
        return all;
    }();
    auto in = attestation::parse_passport_request(fuzz::own_or_patched(fuzz::input(data, size), seed));
    if (!in) return 0;
    CHECK(in->boot_log.size() == in->request.boot_log_size && in->runtime_log.size() == in->request.runtime_log_size);
    const auto found = t::appraised(*in, c);
    CHECK(found.result.level <= rats::Level::measured);
    return 0;
}
