// What a phone sends to an authority: any encoded request is refused in words or passes the checks, never more.
#include "check_request.h"
#include "sealcall/ipc/codec.h"
#include "seeded.h"
#include "tests/unit/attestation/software_tpm.h"

namespace {

using namespace sealcall;

/// A request that passes: keys of the software TPM that the attestation tests use.
Bytes genuine_request() {
    namespace t = attestation::test;
    const t::Scenario scenario;
    const Bytes ak = t::tpmt_public(scenario.ak_key, scenario.ak);
    const rats::EvidenceBody body = t::make_body(scenario, *attestation::parse_tpmt_public(ak), ak);
    authority::EnrolmentRequest request;
    request.uri = BoundedString<256>("sip:alice@example.com");
    request.ak_public = body.ak_public;
    request.identity_public = body.identity_public;
    request.certify_attest = body.certify_attest;
    request.certify_signature = body.certify_signature;
    t::PublicTemplate ek{.attributes = t::kFixed | t::kRestricted | t::kDecrypt};
    ek.scheme = attestation::kTpmAlgNull;
    request.ek_public = rats::TpmPublic(t::tpmt_public(t::keys().other_ak.get(), ek));
    request.host_spki = BoundedBytes<256>(*attestation::public_key_der(t::keys().peer.get()));
    CHECK(request.host_names.push(BoundedString<128>("localhost")));
    return ipc::encode(request);
}

const authority::Settings kLenient{.name = "Fuzz", .domain = "", .accept_unproven_ek = true};

void check(ByteSpan bytes) {
    const auto request = ipc::decode<authority::EnrolmentRequest>(bytes);
    if (request) (void)authority::check_request(*request, kLenient, {}, attestation::test::kNow);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes seed = [] {
        Bytes made = genuine_request();
        check(made);  // throws, and so fails the run, when the seed itself is refused
        return made;
    }();
    try {
        check(fuzz::own_or_patched(fuzz::input(data, size), seed));
    } catch (const authority::Refusal& refusal) {
        CHECK(refusal.what()[0] != '\0' && !refusal.next().empty());
    }
    return 0;
}
