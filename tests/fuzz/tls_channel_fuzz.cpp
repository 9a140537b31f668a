// A peer that speaks TLS correctly up to some point and then whatever the input says: handshake messages of its own
// making, damaged copies of genuine ones, frames under the genuine keys. Input: role, number of genuine flights, what
// follows, bytes.
#include "enclave/tls/frame.h"
#include "tests/unit/tls/phones.h"

using namespace sealcall;
using namespace sealcall::tls;

namespace {

struct World {
    test::Authority ca;
    test::Phone alice{ca, {"alice"}}, bob{ca, {"bob", "URI:sip:bob@corp.example"}};
};

/// Length (u16) and bytes, again and again.
std::vector<Bytes> pieces(ByteSpan in) {
    std::vector<Bytes> out;
    ByteReader r(in);
    while (r.left() > 2 && out.size() < 64) {
        const size_t size = r.u16().value();
        out.push_back(to_bytes(*r.bytes(std::min(size, r.left()))));
    }
    return out;
}

/// Flips the bytes that the input names: offset (u16), value (u8).
Bytes damage(Bytes body, ByteSpan in) {
    ByteReader r(in);
    while (r.left() >= 3) {
        const size_t at = r.u16().value();
        const uint8_t value = r.u8().value();
        if (body.size() > kInfoHeader)
            body[kInfoHeader + at % (body.size() - kInfoHeader)] ^= static_cast<std::byte>(value);
    }
    return body;
}

void feed(Channel& to, ByteSpan body) {
    if (to.feed(body)) (void)to.advance();
    const auto frames = to.receive();
    if (frames)
        for (const auto& frame : *frames) CHECK(frame.body.size() <= rats::kFrameMax);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static World world;
    if (size < 3) return 0;
    const auto in = std::as_bytes(std::span(data, size)).subspan(3);
    const bool attack_callee = (data[0] & 1) != 0;
    const unsigned flights = data[1] % 4;
    auto caller = std::move(*Channel::create(world.alice.config(rats::Role::caller, world.ca)));
    auto callee = std::move(*Channel::create(world.bob.config(rats::Role::callee, world.ca)));
    std::array<Channel*, 2> side{callee.get(), caller.get()};
    uint32_t next[2] = {0, 0};
    for (unsigned i = 0; i < flights; ++i)
        for (const Bytes& body : side[i % 2]->take_output()) {
            feed(*side[(i + 1) % 2], body);
            ++next[(i + 1) % 2];
        }
    Channel& victim = *side[attack_callee ? 0 : 1];
    Channel& genuine = *side[attack_callee ? 1 : 0];
    uint32_t& sequence = next[attack_callee ? 0 : 1];
    switch (data[2] % 4) {
        case 0:  // raw TLS bytes
            for (const Bytes& piece : pieces(in))
                if (!piece.empty() && piece.size() <= kTlsBytesPerBody)
                    feed(victim, encode_info_body(sequence++, piece));
            break;
        case 1:  // INFO bodies as they come
            for (const Bytes& piece : pieces(in)) feed(victim, piece);
            break;
        case 2:  // a damaged genuine flight
            for (const Bytes& body : genuine.take_output()) feed(victim, damage(body, in));
            break;
        default:  // genuine frames of any type, if it is open
            for (const Bytes& piece : pieces(in))
                if (!piece.empty())
                    (void)genuine.send(static_cast<rats::FrameType>(piece[0]), ByteSpan(piece).subspan(1));
            for (const Bytes& body : genuine.take_output()) feed(victim, body);
    }
    (void)victim.take_output();
    if (victim.state() == ChannelState::failed) CHECK(!victim.feed(Bytes(5)));
    return 0;
}
