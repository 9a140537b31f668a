// A passport as it comes from a peer: whatever is changed, nothing but the one that was signed is worth a level, and
// what is rendered is what any JWT reader would split in two.
#include "seeded.h"
#include "tests/unit/attestation/passports.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace sealcall;
    namespace t = attestation::test;
    static const t::Issued genuine;
    static const rats::Bundle bundle = [] {
        rats::Bundle b = t::empty_bundle();
        CHECK(b.partners.push(t::pinned()));
        return b;
    }();
    static const t::OwnedSet set(bundle);
    static const Bytes seed = ipc::encode(genuine.passport);
    const auto passport = ipc::decode<rats::Passport>(fuzz::own_or_patched(fuzz::input(data, size), seed));
    if (!passport) return 0;
    attestation::Expectation expect = genuine.c.expect;
    expect.references = &set.set;
    const auto result = attestation::check_passport(*passport, expect, genuine.spki, t::kPartnerDomain);
    // ECDSA signatures can be changed and still hold (s, n - s); what they sign cannot.
    rats::Passport same = *passport;
    same.signature = genuine.passport.signature;
    CHECK(result.level <= rats::Level::unverified || same == genuine.passport);
    const auto text = attestation::passport_text(*passport, genuine.nonce(), genuine.spki);
    if (text) CHECK(std::ranges::count(*text, '.') == 1 && text->find('"') == std::string::npos);
    return 0;
}
