// Any file of a key: what is taken is a public P-256 or P-384 key, and comes back from its own JWK.
#include "attestation/jose_key.h"

#include <nlohmann/json.hpp>

#include "attestation/foreign/ek_check.h"
#include "attestation/foreign/tpm_files.h"
#include "tests/fuzz/seeded.h"
#include "tests/unit/attestation/software_tpm.h"

using namespace sealcall;
using namespace sealcall::attestation;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const std::string jwk = jwk_of(test::keys().ak.get())->dump();
    static const Bytes spki = *public_key_der(test::keys().ak.get());
    static const Bytes pem = *certificate_to_pem(test::keys().authority_root);
    const ByteSpan in = fuzz::input(data, size);
    if (in.empty()) return 0;
    const ByteSpan seeds[] = {as_bytes(jwk), spki, pem};
    const Bytes file = fuzz::own_or_patched(in.subspan(1), seeds[static_cast<unsigned>(in[0]) % 3]);
    auto key = read_jose_key(file);
    if (key) {
        auto again = parse_jwk(*jwk_of(key->key.get()));
        CHECK(again && again->alg == key->alg && EVP_PKEY_eq(again->key.get(), key->key.get()) == 1);
    }
    (void)foreign::read_attestation_key(file, foreign::Sha1::allowed);
    (void)foreign::read_certificates(file);
    const std::vector<Bytes> roots{test::keys().authority_root};
    // No certificate that the tests' authority issued is one of an endorsement key.
    CHECK(!foreign::check_foreign_ek({.certificate = file, .roots = roots, .intermediates = {}, .wall_ms = test::kNow})
               .findings.holds());
    auto bytes = from_base64url(as_chars(file));
    CHECK(!bytes || to_base64url(*bytes) == as_chars(file));
    return 0;
}
