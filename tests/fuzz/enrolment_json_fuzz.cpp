// Bodies of the authority's interface, both directions: any text is refused in words, or gives a value whose own text
// reads back as the same value.
#include "enrolment_json.h"
#include "sealcall/ipc/codec.h"
#include "seeded.h"

namespace {

using namespace sealcall;
using namespace sealcall::authority;

Bytes seed_of(size_t kind) {
    EnrolmentRequest request;
    request.ek_public = rats::TpmPublic(Bytes(90));
    request.ak_public = rats::TpmPublic(Bytes(90));
    request.certify_attest = rats::TpmAttest(Bytes(120));
    request.host_spki = BoundedBytes<256>(Bytes(91));
    CHECK(request.host_names.push(BoundedString<128>("localhost")));
    EnrolmentChallenge challenge;
    challenge.uri = BoundedString<256>("sip:alice@example.com");
    challenge.credential_blob = BoundedBytes<512>(Bytes(68));
    EnrolmentGrant grant;
    grant.ak_certificate = rats::CertificateDer(Bytes(400));
    CHECK(grant.anchors.push(rats::CertificateDer(Bytes(300))));
    const nlohmann::json seeds[] = {to_json(request), to_json(ActivatedCredential{}), to_json(challenge),
                                    to_json(grant)};
    return to_bytes(as_bytes(seeds[kind].dump()));
}

template <class F>
void check(std::string_view text, F from_json) {
    try {
        const auto value = from_json(text);
        CHECK(ipc::encode(from_json(to_json(value).dump())) == ipc::encode(value));
    } catch (const Refusal& refusal) {
        CHECK(refusal.what()[0] != '\0' && !refusal.next().empty());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const size_t kind = data[0] % 4;
    const Bytes bytes = fuzz::own_or_patched(fuzz::input(data + 1, size - 1), seed_of(kind));
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (kind == 0) check(text, request_from_json);
    if (kind == 1) check(text, activation_from_json);
    if (kind == 2) check(text, challenge_from_json);
    if (kind == 3) check(text, grant_from_json);
    return 0;
}
