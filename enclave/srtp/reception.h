// What a receiver counts of one RTP stream: loss and jitter (RFC 3550, 6.4.1, A.1, A.3, A.8). Pure.
#pragma once

#include "enclave/srtp/rtp.h"
#include "sealcall/base/time.h"

namespace sealcall::srtp {

inline constexpr uint32_t kClockRate = 48000;  ///< Hz, of Opus in RTP (RFC 7587, 4.1)

class Reception {
  public:
    /// An authentic packet that was never seen before, in any order.
    void packet(uint16_t sequence, uint32_t timestamp, BootInstant now);
    /// An authentic sender report.
    void sender_report(const SenderInfo& info, BootInstant now);

    [[nodiscard]] uint32_t received() const { return received_; }
    /// Packets that the sequence numbers promise and that never came; 0 when more came than promised.
    [[nodiscard]] uint32_t lost() const;
    [[nodiscard]] uint32_t jitter_us() const;
    /// The block for the next report; starts a new interval of fraction_lost.
    ReportBlock report(uint32_t ssrc, BootInstant now);

  private:
    [[nodiscard]] uint64_t expected() const { return received_ == 0 ? 0 : highest_ - base_ + 1; }

    uint64_t base_ = 0, highest_ = 0;  ///< sequence numbers, extended beyond 16 bits
    uint32_t received_ = 0;
    int64_t last_transit_ = 0;  ///< timestamp units
    uint32_t jitter_x16_ = 0;   ///< timestamp units, scaled by 16 (RFC 3550, A.8)
    uint64_t expected_before_ = 0;
    uint32_t received_before_ = 0;
    uint32_t last_sr_ = 0;
    BootInstant last_sr_at_{};
};

}  // namespace sealcall::srtp
