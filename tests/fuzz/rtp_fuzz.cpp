// RTP, RTCP and what a stream makes of packets: the parsers alone, then whole packets under genuine SRTP keys.
#include "enclave/srtp/media.h"
#include "enclave/srtp/rtp.h"
#include "tests/unit/srtp/keys.h"

using namespace sealcall;
using namespace sealcall::srtp;

namespace {

void parsers(ByteSpan in) {
    if (const auto rtp = parse_rtp(in)) {
        CHECK(rtp->payload.size() + 12 <= in.size());
        const Bytes wire = encode_rtp(*rtp);
        const auto again = parse_rtp(wire);
        CHECK(again && again->sequence == rtp->sequence && again->timestamp == rtp->timestamp &&
              again->ssrc == rtp->ssrc);
        CHECK(again->marker == rtp->marker && again->payload_type == rtp->payload_type);
        CHECK(equal_bytes(again->payload, rtp->payload));
    }
    if (const auto rtcp = parse_rtcp(in)) {
        CHECK(rtcp->blocks.size() <= 31);
        std::optional<ReportBlock> first;
        if (!rtcp->blocks.empty()) first = rtcp->blocks.front();
        const auto again = parse_rtcp(encode_rtcp(rtcp->ssrc, rtcp->sender, first, "x"));
        CHECK(again && again->ssrc == rtcp->ssrc && again->sender == rtcp->sender);
        if (first) CHECK(again->blocks.front() == *first);
    }
}

/// Protects each piece with the peer's keys, whatever it is, so that it gets past SRTP.
void stream(dtls::SrtpProfile profile, ByteSpan in) {
    using namespace srtp::test;
    auto peer = std::move(*SrtpSession::create(keys(profile, Side::second), 0x01010101));
    auto media = std::move(*Media::create(keys(profile, Side::first), 111));
    BootInstant now{std::chrono::hours(1)};
    ByteReader r(in);
    for (int i = 0; i < 32 && r.left() > 2; ++i) {
        const size_t length = r.u16().value() % 1400;
        Bytes packet = to_bytes(*r.bytes(std::min(length, r.left())));
        const size_t plain = packet.size();
        if (plain < 12) continue;
        packet[0] = static_cast<std::byte>(0x80 | (static_cast<unsigned>(packet[0]) & 0x3f));
        const bool rtcp = static_cast<unsigned>(packet[1]) >= 192 && static_cast<unsigned>(packet[1]) <= 223;
        for (size_t k = 0; k < 4; ++k) packet[(rtcp ? 4 : 8) + k] = std::byte{1};
        packet.resize(plain + SrtpSession::kTrailerMax);
        const auto size = rtcp ? peer->protect_rtcp(packet, plain) : peer->protect_rtp(packet, plain);
        if (!size) continue;
        packet.resize(*size);
        now += Millis(20);
        const auto got = media->receive(packet, now);
        if (got && *got) CHECK(!(*got)->opus.empty() && (*got)->opus.size() <= 1275);
        (void)media->rtcp_due(now += Millis(3000));
    }
    ipc::MediaStats stats;
    media->fill(stats);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const auto in = std::as_bytes(std::span(data, size));
    parsers(in);
    if (size < 2) return 0;
    stream((data[0] & 1) != 0 ? dtls::SrtpProfile::aead_aes_128_gcm : dtls::SrtpProfile::aes128_cm_sha1_80,
           in.subspan(1));
    return 0;
}
