// What a datagram on the media port is, by its first byte (RFC 7983 7). Nothing else is looked at here.
//
//                 +----------------+
//                 |        [0..3] -+--> STUN
//    packet -->   |      [20..63] -+--> DTLS
//                 |    [128..191] -+--> RTP or RTCP
//                 +----------------+    everything else is dropped and counted
#pragma once

#include "sealcall/base/bytes.h"

namespace sealcall::host {

enum class PacketKind { stun, dtls, srtp, unknown };

/// Also refuses what is too short to be one of them or longer than `kDatagramMax` of the schema.
PacketKind classify_packet(ByteSpan packet);

}  // namespace sealcall::host
