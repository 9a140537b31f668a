// RTP and RTCP packets (RFC 3550) as one audio stream needs them. The parsers see bytes that were authenticated by
// SRTP, but the peer that made them is still foreign: bounded, no I/O, no clock.
#pragma once

#include <optional>

#include "sealcall/base/bytes.h"

namespace sealcall::srtp {

/// RFC 3550 5.1:
///    0                   1                   2                   3
///    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
///   |V=2|P|X|  CC   |M|     PT      |       sequence number         |
///   |                           timestamp                           |
///   |                             SSRC                              |
struct RtpPacket {
    bool marker = false;
    uint8_t payload_type = 0;  ///< 7 bits
    uint16_t sequence = 0;
    uint32_t timestamp = 0;  ///< 48 kHz samples for Opus
    uint32_t ssrc = 0;
    ByteSpan payload;  ///< points into the input; without contributing sources, extension and padding
};

/// Errors: truncated, bad_value (version, padding).
Result<RtpPacket> parse_rtp(ByteSpan in);
/// Version 2 without padding, extension or contributing sources.
Bytes encode_rtp(const RtpPacket& packet);

/// RFC 3550 6.4.1, one report block.
struct ReportBlock {
    uint32_t ssrc = 0;          ///< whom it is about
    uint8_t fraction_lost = 0;  ///< of 256
    int32_t lost = 0;           ///< 24 bits with sign, since the beginning
    uint32_t highest_sequence = 0;
    uint32_t jitter = 0;          ///< timestamp units
    uint32_t last_sr = 0;         ///< middle 32 bits of the NTP timestamp
    uint32_t delay_since_sr = 0;  ///< 1/65536 s
    bool operator==(const ReportBlock&) const = default;
};

struct SenderInfo {
    uint64_t ntp = 0;
    uint32_t rtp_timestamp = 0, packets = 0, octets = 0;
    bool operator==(const SenderInfo&) const = default;
};

/// What matters of a compound packet: the first SR or RR, and whether there is a BYE. At most 31 blocks by the format.
struct RtcpCompound {
    uint32_t ssrc = 0;
    std::optional<SenderInfo> sender;
    std::vector<ReportBlock> blocks;
    bool bye = false;
};

/// RFC 3550 A.2: starts with SR or RR, versions 2, lengths that add up, padding only in the last packet; unknown types
/// are skipped. Errors: truncated, bad_value.
Result<RtcpCompound> parse_rtcp(ByteSpan in);

/// SR (with `sender`) or RR, then SDES with `cname` (1..255 bytes). At most one block.
Bytes encode_rtcp(uint32_t ssrc, const std::optional<SenderInfo>& sender, const std::optional<ReportBlock>& block,
                  std::string_view cname);

}  // namespace sealcall::srtp
