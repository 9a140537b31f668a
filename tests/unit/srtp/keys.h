// Media keys for tests: two sides that match.
#pragma once

#include "enclave/srtp/session.h"

namespace sealcall::srtp::test {

using dtls::MediaKeys;
using dtls::SrtpProfile;

template <size_t N>
Bytes open(const Secret<N>& secret) {
    return to_bytes(secret.reveal(SecretAccess{}));
}

template <size_t N>
void fill(Secret<N>& secret, uint8_t seed) {
    for (size_t i = 0; i < N; ++i) secret.reveal(SecretAccess{})[i] = static_cast<std::byte>(seed + i * 3);
}

/// Keys of one side; the other side has `mirrored` set.
enum class Side : uint8_t { first, second };
inline MediaKeys keys(SrtpProfile profile, Side side, uint8_t seed = 1) {
    MediaKeys k;
    k.profile = profile;
    const bool first = side == Side::first;
    fill(first ? k.send_key : k.receive_key, seed);
    fill(first ? k.receive_key : k.send_key, static_cast<uint8_t>(seed + 70));
    fill(first ? k.send_salt : k.receive_salt, static_cast<uint8_t>(seed + 140));
    fill(first ? k.receive_salt : k.send_salt, static_cast<uint8_t>(seed + 200));
    return k;
}

inline Bytes rtp_packet(uint16_t sequence, uint32_t ssrc, size_t payload = 40, uint8_t type = 111) {
    ByteWriter w;
    w.u8(0x80).u8(type).u16(sequence).u32(960u * sequence).u32(ssrc);
    for (size_t i = 0; i < payload; ++i) w.u8(static_cast<uint8_t>(i));
    return w.take();
}

inline Bytes hex(std::string_view text) {
    Bytes out;
    const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); };
    std::string packed;
    for (const char c : text)
        if (c != ' ') packed.push_back(c);
    for (size_t i = 0; i + 1 < packed.size(); i += 2)
        out.push_back(static_cast<std::byte>(digit(packed[i]) << 4 | digit(packed[i + 1])));
    return out;
}

/// Protects a copy.
inline Result<Bytes> protect(SrtpSession& session, Bytes packet) {
    const size_t length = packet.size();
    packet.resize(length + SrtpSession::kTrailerMax);
    TRY(const size_t size, session.protect_rtp(packet, length));
    packet.resize(size);
    return packet;
}

}  // namespace sealcall::srtp::test
