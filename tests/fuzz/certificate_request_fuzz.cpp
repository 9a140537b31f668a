// Any PKCS#10 request: what passes is signed by the key in it and asks for one SIP address.
#include "attestation/x509_checks.h"
#include "tests/fuzz/seeded.h"
#include "tests/unit/attestation/software_tpm.h"

using namespace sealcall;
using namespace sealcall::attestation;

namespace {
Bytes request() {
    std::unique_ptr<X509_REQ, Deleter<X509_REQ_free>> r(X509_REQ_new());
    X509_REQ_set_pubkey(r.get(), test::keys().identity.get());
    STACK_OF(X509_EXTENSION)* exts = sk_X509_EXTENSION_new_null();
    sk_X509_EXTENSION_push(exts, X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "URI:sip:a@b.example"));
    X509_REQ_add_extensions(r.get(), exts);
    sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
    CHECK(X509_REQ_sign(r.get(), test::keys().identity.get(), EVP_sha256()) > 0);
    return to_der(i2d_X509_REQ, r.get());
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes seed = request();
    static const Bytes spki = *public_key_der(test::keys().identity.get());
    const Bytes in = fuzz::own_or_patched(fuzz::input(data, size), seed);
    auto r = check_certificate_request(in);
    if (r) CHECK(is_sip_address(r->uri) && (r->spki != spki || r->uri == "sip:a@b.example"));
    return 0;
}
