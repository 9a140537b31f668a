// Every message between our processes: what decodes has exactly one encoding, and is no larger than its type allows.
#include "sealcall/ipc/link.h"
#include "tests/fuzz/seeded.h"
#include "tests/unit/include/message_list.h"

using namespace sealcall;

namespace {

using Messages = test::IpcMessages;

template <class T>
void try_message(ByteSpan in) {
    auto m = ipc::decode_message<T>(in);
    if (!m) return;
    CHECK(equal_bytes(ipc::encode_message(*m), in));
    CHECK(in.size() <= 2 + ipc::max_size<T>());
}

template <size_t... I>
void try_all(ByteSpan in, std::index_sequence<I...>) {
    (try_message<std::tuple_element_t<I, Messages>>(in), ...);
}

template <size_t... I>
Bytes nth_message(size_t n, std::index_sequence<I...>) {
    Bytes out;
    (void)((n == I ? (out = ipc::encode_message(std::tuple_element_t<I, Messages>{}), true) : false) || ...);
    return out;
}

}  // namespace

/// The first byte chooses: the fuzzer's own bytes, or changes to an empty message of one kind (second byte).
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr size_t kCount = std::tuple_size_v<Messages>;
    using All = std::make_index_sequence<kCount>;
    const ByteSpan in = fuzz::input(data, size);
    if (in.size() < 2) return 0;
    const Bytes seed = nth_message(static_cast<size_t>(in[1]) % kCount, All{});
    const Bytes message =
        (static_cast<unsigned>(in[0]) & 1) != 0 ? to_bytes(in.subspan(2)) : fuzz::patched(seed, in.subspan(2));
    try_all(message, All{});
    return 0;
}
