// Any token: none but the genuine one verifies. Any claims: what is read can be written and read again.
#include "attestation/ear.h"

#include "attestation/bounded_json.h"
#include "attestation/ear_claims.h"
#include "tests/fuzz/seeded.h"
#include "tests/unit/attestation/software_tpm.h"

using namespace sealcall;
using namespace sealcall::attestation;

namespace {
Ear genuine() {
    Ear e;
    e.issued_at = 1000;
    e.expires_at = 1600;
    e.nonces = {Bytes(32, std::byte{1})};
    e.cnf_spki = *public_key_der(test::keys().ak.get());
    e.submods["phone"] = {.status = TrustTier::affirming, .vector = {2, 2}, .policy_ids = {"p"}};
    return e;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Ear ear = genuine();
    static const std::string token = *issue_ear(ear, test::keys().authority.get(), "k");
    static const JoseKey key = *parse_jwk(*jwk_of(test::keys().authority.get()));
    static const std::string claims = ear_claims_json(ear)->dump();
    const ByteSpan in = fuzz::input(data, size);
    if (in.empty()) return 0;
    const bool whole = (static_cast<unsigned>(in[0]) & 1) != 0;
    const Bytes changed = fuzz::own_or_patched(in.subspan(1), as_bytes(whole ? token : claims));
    if (whole) {
        EarExpectation expect;
        expect.wall_ms = 1'100'000;
        auto read = verify_ear(as_chars(changed), key, expect);
        CHECK(!read || (as_chars(changed) == token && *read == ear));
        return 0;
    }
    auto json = parse_bounded_json(as_chars(changed), {});
    if (!json) return 0;
    auto read = parse_ear_claims(*json);
    if (!read) return 0;
    auto again = ear_claims_json(*read);
    CHECK(again);
    auto back = parse_ear_claims(*again);
    CHECK(back && *back == *read);
    return 0;
}
