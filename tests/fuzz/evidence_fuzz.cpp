// Evidence end to end. Whatever is changed, what is not the genuine Evidence must fail. Two freedoms: how a signature
// writes its numbers, and what the attester says of a runtime log, which is read after the quote and replays or does
// not; neither is ever worth more than the genuine Evidence.
#include "attestation/appraise.h"

#include "tests/fuzz/seeded.h"
#include "tests/unit/attestation/software_tpm.h"

using namespace sealcall;
using namespace sealcall::attestation;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const test::Case genuine = test::make_case({});
    static const Bytes seed = ipc::encode(genuine.evidence);
    const Bytes in = fuzz::own_or_patched(fuzz::input(data, size), seed);
    auto evidence = ipc::decode<rats::Evidence>(in);
    if (!evidence) return 0;
    test::Case c = genuine;
    c.evidence = *evidence;
    const Appraised own = check_evidence(c.evidence, c.expect);
    const auto response = appraise(test::request_of(c));
    CHECK(response.level <= own.result.level || own.result.level == rats::Level::failed);
    if (own.result.level == rats::Level::failed) {
        CHECK(response.level == rats::Level::failed && own.result.reasons.size() == 1);
        return 0;
    }
    static const rats::Level honest = check_evidence(genuine.evidence, genuine.expect).result.level;
    CHECK(own.result.level <= honest && response.level <= honest);
    c.evidence.runtime_log = genuine.evidence.runtime_log;
    c.evidence.quote_signature = genuine.evidence.quote_signature;
    c.evidence.quote10_signature = genuine.evidence.quote10_signature;
    CHECK(c.evidence == genuine.evidence);
    return 0;
}
