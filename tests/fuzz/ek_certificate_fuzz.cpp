// Any content of an EK certificate's NV index; nothing but the genuine one chains.
#include "attestation/endorsement.h"

#include "tests/fuzz/seeded.h"
#include "tests/unit/attestation/software_tpm.h"

using namespace sealcall;
using namespace sealcall::attestation;

namespace {
/// A certificate that the authority of the tests issued, in the NV index's padding.
Bytes padded() {
    const PublicArea ak = *parse_tpmt_public(test::tpmt_public(test::keys().ak.get(), {}));
    Bytes b = *issue_ak_certificate(
        test::keys().issuer(), ak,
        {.ek = EkOrigin::vendor, .software_tpm = false, .managed = false, .device = "d", .authority = {}},
        test::kThisYear);
    b.insert(b.end(), 16, std::byte{0xff});
    return b;
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes seed = padded();
    static const std::vector<Bytes> roots{test::keys().authority_root};
    const Bytes in = fuzz::own_or_patched(fuzz::input(data, size), seed);
    auto trimmed = trim_certificate(in);
    if (trimmed) CHECK(trimmed->size() <= in.size() && equal_bytes(*trimmed, ByteSpan(in).first(trimmed->size())));
    auto ek = parse_ek_certificate(in);
    // The seed is no EK certificate (keyUsage digitalSignature): a signed one that parses would be forged.
    if (ek) CHECK(!check_ek_chain(*ek, roots, {}, test::kNow));
    return 0;
}
