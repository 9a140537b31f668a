#include "host/net/demux.h"

#include "sealcall/ipc/schema.h"

namespace sealcall::host {

PacketKind classify_packet(ByteSpan packet) {
    constexpr size_t kStunHeader = 20, kDtlsHeader = 13, kRtpHeader = 12, kRtcpHeader = 8;
    if (packet.empty() || packet.size() > ipc::kDatagramMax) return PacketKind::unknown;
    const auto first = std::to_integer<unsigned>(packet[0]);
    if (first <= 3) return packet.size() >= kStunHeader ? PacketKind::stun : PacketKind::unknown;
    if (first >= 20 && first <= 63) return packet.size() >= kDtlsHeader ? PacketKind::dtls : PacketKind::unknown;
    if (first < 128 || first > 191 || packet.size() < kRtcpHeader) return PacketKind::unknown;
    const auto second = std::to_integer<unsigned>(packet[1]);
    const bool rtcp = second >= 192 && second <= 223;  // RFC 5761 4
    return rtcp || packet.size() >= kRtpHeader ? PacketKind::srtp : PacketKind::unknown;
}

}  // namespace sealcall::host
