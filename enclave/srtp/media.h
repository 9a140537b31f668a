// RTP and RTCP of one stream (RFC 3550, RFC 7587): Opus payload in and out, one SRTP context below. Pure: no sockets,
// no clock.
#pragma once

#include <memory>

#include "enclave/srtp/session.h"
#include "sealcall/ipc/schema.h"

namespace sealcall::srtp {

struct PlayablePacket {
    uint16_t sequence = 0;
    uint32_t timestamp = 0;
    Bytes opus;
};

class Media {
  public:
    /// `payload_type`: of Opus in the negotiated answer (sealcall's own: 111).
    static Result<std::unique_ptr<Media>> create(dtls::MediaKeys keys, uint8_t payload_type);
    virtual ~Media() = default;

    /// One SRTP or SRTCP packet from the network (RFC 5761 demultiplexing). A PlayablePacket for authentic RTP with our
    /// payload type; nothing for RTCP; an error for anything else, which is counted. Plain RTP never passes.
    virtual Result<std::optional<PlayablePacket>> receive(ByteSpan packet, BootInstant now) = 0;
    /// One Opus frame of 20 ms into one SRTP packet. `timestamp`: 48 kHz samples, goes out as it is. Errors: bad_value
    /// (size), srtp_failed.
    virtual Result<Bytes> send(ByteSpan opus, uint32_t timestamp, BootInstant now) = 0;
    /// A compound SR/RR + SDES(random CNAME) packet when one is due (every 5 s), else nothing. The first call starts
    /// the clock.
    virtual Result<std::optional<Bytes>> rtcp_due(BootInstant now) = 0;
    virtual BootInstant next_rtcp() const = 0;  ///< in the past until the first rtcp_due
    virtual uint32_t send_ssrc() const = 0;
    /// Fills sent, received, lost, rejected, jitter_us, peer_reported_lost, srtp_profile.
    virtual void fill(ipc::MediaStats& out) const = 0;
};

}  // namespace sealcall::srtp
