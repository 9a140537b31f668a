// The vault's file as anybody may have written it: read before a key is known, and opened with the right key.
#include "enclave/vault/file.h"
#include "tests/fuzz/seeded.h"

using namespace sealcall;

namespace {

const Secret<32>& key() {
    static const Secret<32> fixed;
    return fixed;
}

const Bytes& genuine() {
    static const Bytes place = [] {
        vault::Content c;
        CHECK(c.put({.kind = ipc::VaultKind::contact, .name = BoundedString<256>("sip:bob@b.test"), .body = {}}));
        return vault::encode_place(vault::seal({}, 1, key(), c).value());
    }();
    return place;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const Bytes in = fuzz::own_or_patched(fuzz::input(data, size), genuine());
    if (const auto file = vault::parse_place(in)) {
        const Bytes again = vault::encode_place(*file);
        CHECK(again.size() <= in.size() && std::equal(again.begin(), again.end(), in.begin()));
        const auto content = vault::open(*file, key());
        CHECK(!content || again == genuine());  // nothing but what was sealed opens
    }
    // What stands behind the cipher is ours, and still must not break anything.
    if (const auto content = ipc::decode<vault::Content>(in)) CHECK(ipc::encode(*content) == in);
    return 0;
}
