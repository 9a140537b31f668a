// How long packets should wait before they are played, from how unevenly the last ones arrived. Pure.
#pragma once

#include <array>
#include <cstddef>

#include "sealcall/base/time.h"

namespace sealcall::audio {

class DelayEstimator {
  public:
    static constexpr Micros kTargetMin{20'000};
    static constexpr Micros kTargetMax{200'000};
    static constexpr Micros kTargetStart{30'000};

    /// One arrival: `transit` is arrival time minus sending time, on clocks that need not agree.
    void arrived(Micros transit);
    /// One packet turned out lost, or was played as it should.
    void lost();
    void played();
    void reset();

    /// The shortest transit among the last packets: delays are counted from there.
    [[nodiscard]] Micros base() const { return base_; }
    /// Wait at least this long over base(). With losses it leaves time for the packet after a lost one to come in.
    [[nodiscard]] Micros target(Micros frame) const;

  private:
    static constexpr size_t kWindow = 256;  ///< packets: about 5 s
    void recompute();

    std::array<Micros, kWindow> window_{};
    size_t count_ = 0;
    size_t at_ = 0;
    size_t since_ = 0;
    Micros base_{};
    Micros jitter_{};
    double loss_ = 0;  ///< smoothed share of packets lost
};

}  // namespace sealcall::audio
