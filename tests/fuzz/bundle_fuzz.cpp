// Any file where the bundle lies: nothing but what the pinned key signed opens, and what opens is in order. The second
// half signs the fuzzer's body with the genuine key, so that everything behind the signature is reached too.
#include "tests/fuzz/seeded.h"
#include "tests/unit/attestation/bundles.h"

using namespace sealcall;
using namespace sealcall::attestation;

namespace {

void check_order(const ReferenceSet& set, ByteSpan body) {
    // What the enclave read piece by piece must be what the codec reads as a whole.
    auto whole = ipc::decode<rats::Bundle>(body);
    CHECK(whole && whole->references.size() == set.references() && whole->runtime.size() == set.runtime());
    CHECK(ipc::encode(*whole) == to_bytes(body));
    for (const auto& r : whole->references) CHECK(set.find(r.pcr, r.digest) == r);
    for (const auto& r : whole->runtime) CHECK(set.find(r.pcr, r.digest) == r);
    for (const auto& d : whole->revoked) CHECK(set.revoked(d));
    CHECK(set.in_time(whole->next_update_ms).error().code == Errc::bundle_stale);
}

Bytes signed_bytes(ByteSpan body) {
    ByteWriter message;
    message.bytes(as_bytes(rats::kBundleContext)).bytes(body);
    std::array<std::byte, 128> der{};
    size_t n = der.size();
    MdCtxPtr ctx(EVP_MD_CTX_new());
    CHECK(EVP_DigestSignInit(ctx.get(), nullptr, EVP_sha256(), nullptr, test::keys().authority.get()) == 1);
    CHECK(EVP_DigestSign(ctx.get(), as_u8(der.data()), &n, as_u8(message.view().data()), message.size()) == 1);
    rats::SignedBundle s;
    s.body = BoundedBytes<rats::kBundleMax>(body);
    s.signature = BoundedBytes<128>(ByteSpan(der).first(n));
    return ipc::encode(s);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes genuine = test::signed_bundle(test::small_bundle());
    static const Bytes genuine_body = ipc::encode(test::small_bundle());
    const ByteSpan in = fuzz::input(data, size);
    const Bytes unsigned_bytes = fuzz::own_or_patched(in, genuine);
    if (auto set = test::open_bytes(unsigned_bytes)) CHECK(unsigned_bytes == genuine);
    const Bytes body = fuzz::own_or_patched(in, genuine_body);
    const Bytes bytes = signed_bytes(body);
    if (auto set = test::open_bytes(bytes)) check_order(*set, body);
    return 0;
}
