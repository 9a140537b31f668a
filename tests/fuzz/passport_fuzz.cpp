// The Identity header of a stranger's INVITE.
#include "enclave/passport.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall;
    if (size > 2048) return 0;
    attestation::PublicArea key;
    key.type = attestation::kTpmAlgEcc;
    key.curve = 3;
    const enclave::PassportFacts facts{.orig = "sip:alice@example.com", .dest = "sip:bob@example.com", .mky = {}};
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (enclave::verify_identity_header(text, facts, 1'800'000'000, key)) __builtin_trap();
    // And behind a well-formed frame, so that the inside is reached.
    auto good = enclave::passport_text(facts, 1'800'000'000);
    const std::string framed = *good + "." + std::string(text) + ";info=<cid:sealcall-attest>;alg=ES256";
    if (enclave::verify_identity_header(framed, facts, 1'800'000'000, key)) __builtin_trap();
    return 0;
}
