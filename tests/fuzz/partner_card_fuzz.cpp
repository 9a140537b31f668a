// A card of a partner, a file from elsewhere: refused in words, or one that writes the same card again.
#include "attestation/certificates.h"
#include "attestation/ear_passport.h"
#include "partners.h"
#include "problem.h"
#include "seeded.h"

namespace {

using namespace sealcall;

Bytes genuine_card() {
    const auto key = *attestation::make_software_key();
    authority::Partner p;
    p.verifier.issuer = BoundedString<128>("Partner AG");
    p.verifier.domain = BoundedString<128>("partner.example");
    p.verifier.profile = BoundedString<64>(attestation::kPassportProfile);
    p.verifier.key = rats::TpmPublic(*attestation::public_key_der(key.get()));
    p.root = *attestation::make_authority_root(key.get(), "Partner AG", {.not_before_ms = 0, .not_after_ms = 1000});
    return to_bytes(as_bytes(authority::card_json(p).dump()));
}

void check(ByteSpan bytes) {
    const authority::Partner partner = authority::read_card(as_chars(bytes));
    CHECK(authority::read_card(authority::card_json(partner).dump()) == partner);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes seed = [] {
        Bytes made = genuine_card();
        check(made);
        return made;
    }();
    try {
        check(fuzz::own_or_patched(fuzz::input(data, size), seed));
    } catch (const cli::Problem& problem) {
        CHECK(problem.what()[0] != '\0');
    }
    return 0;
}
