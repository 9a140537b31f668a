// A DTLS peer that is genuine up to some point and then sends what the input says. Input: role, number of genuine
// flights, kind, then length (u16) and bytes for each datagram, or offsets and values that damage the next genuine
// flight.
#include "tests/unit/dtls/pair.h"

using namespace sealcall;
using namespace sealcall::dtls;

namespace {

Bytes damage(Bytes datagram, ByteSpan in) {
    ByteReader r(in);
    while (r.left() >= 3 && !datagram.empty()) {
        const size_t at = r.u16().value();
        datagram[at % datagram.size()] ^= static_cast<std::byte>(r.u8().value());
    }
    return datagram;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 3) return 0;
    static const auto alice = std::move(*Identity::create()), bob = std::move(*Identity::create());
    const BootInstant now{std::chrono::hours(1)};
    auto client = std::move(*Endpoint::create(*bob, true, alice->fingerprint()));
    auto server = std::move(*Endpoint::create(*alice, false, bob->fingerprint()));
    (void)client->start(now);
    std::array<Endpoint*, 2> side{client.get(), server.get()};
    const unsigned flights = data[1] % 6;
    for (unsigned i = 0; i < flights; ++i)
        for (const Bytes& datagram : side[i % 2]->take_output())
            (void)side[(i + 1) % 2]->handle_datagram(datagram, now);
    Endpoint& victim = *side[data[0] & 1];
    Endpoint& genuine = *side[1 - (data[0] & 1)];
    const auto in = std::as_bytes(std::span(data, size)).subspan(3);
    const bool finished = victim.finished();
    if (data[2] % 2 == 0) {
        ByteReader r(in);
        for (int i = 0; i < 64 && r.left() > 2; ++i) {
            const size_t length = r.u16().value();
            (void)victim.handle_datagram(*r.bytes(std::min(length, r.left())), now);
        }
        // Bytes that nobody signed can never finish a handshake.
        CHECK(victim.finished() == finished);
    } else {
        for (const Bytes& datagram : genuine.take_output()) (void)victim.handle_datagram(damage(datagram, in), now);
    }
    for (const Bytes& datagram : victim.take_output()) CHECK(datagram.size() <= 1200);
    (void)victim.handle_timeout(now + Millis(200));
    return 0;
}
