#include "enclave/srtp/reception.h"

#include <limits>

namespace sealcall::srtp {

namespace {

constexpr uint64_t kOrigin = uint64_t{1} << 32;  // room for packets older than the first one

int64_t to_units(BootInstant t) {
    const int64_t us = t.time_since_epoch().count();
    return us / 1'000'000 * kClockRate + us % 1'000'000 * kClockRate / 1'000'000;
}

}  // namespace

void Reception::packet(uint16_t sequence, uint32_t timestamp, BootInstant now) {
    // Only the lower 32 bits of a transit time mean anything: the sender's clock starts anywhere.
    const auto transit = static_cast<uint32_t>(to_units(now)) - timestamp;
    if (received_ == 0) {
        base_ = highest_ = kOrigin + sequence;
    } else {
        const auto step = static_cast<int16_t>(static_cast<uint16_t>(sequence - static_cast<uint16_t>(highest_)));
        const uint64_t extended = highest_ + static_cast<uint64_t>(static_cast<int64_t>(step));
        highest_ = std::max(highest_, extended);
        base_ = std::min(base_, extended);
        const auto change = static_cast<int32_t>(transit - static_cast<uint32_t>(last_transit_));
        const uint32_t size = change < 0 ? 0U - static_cast<uint32_t>(change) : static_cast<uint32_t>(change);
        // A peer may send any timestamp: one second is as much as one packet can say.
        jitter_x16_ += std::min(size, kClockRate) - ((jitter_x16_ + 8) >> 4);
    }
    last_transit_ = transit;
    ++received_;
}

void Reception::sender_report(const SenderInfo& info, BootInstant now) {
    last_sr_ = static_cast<uint32_t>(info.ntp >> 16);
    last_sr_at_ = now;
}

uint32_t Reception::lost() const {
    const uint64_t all = expected();
    if (all <= received_) return 0;
    return static_cast<uint32_t>(std::min<uint64_t>(all - received_, std::numeric_limits<uint32_t>::max()));
}

uint32_t Reception::jitter_us() const {
    return static_cast<uint32_t>(uint64_t{jitter_x16_ >> 4} * 1'000'000 / kClockRate);
}

ReportBlock Reception::report(uint32_t ssrc, BootInstant now) {
    constexpr uint32_t kLossMax = 0x7fffff;
    ReportBlock b;
    b.ssrc = ssrc;
    b.lost = static_cast<int32_t>(std::min(lost(), kLossMax));
    b.highest_sequence = static_cast<uint32_t>(highest_ - kOrigin);
    b.jitter = jitter_x16_ >> 4;
    const uint64_t promised = expected() - expected_before_;
    const uint64_t came = received_ - received_before_;
    if (promised > came)
        b.fraction_lost = static_cast<uint8_t>(std::min<uint64_t>(((promised - came) << 8) / promised, 255));
    expected_before_ = expected();
    received_before_ = received_;
    if (last_sr_ != 0) {
        b.last_sr = last_sr_;
        const auto us = static_cast<uint64_t>(std::max<int64_t>((now - last_sr_at_).count(), 0));
        b.delay_since_sr = static_cast<uint32_t>(std::min<uint64_t>(us * 65536 / 1'000'000, UINT32_MAX));
    }
    return b;
}

}  // namespace sealcall::srtp
