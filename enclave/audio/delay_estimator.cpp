#include "enclave/audio/delay_estimator.h"

#include <algorithm>

namespace sealcall::audio {
namespace {

constexpr size_t kRecomputeEvery = 16;  // packets
constexpr size_t kCalm = 25;            // packets seen before the measurement replaces the starting guess
constexpr double kLossWeight = 1.0 / 128;
constexpr double kLossMatters = 0.01;

}  // namespace

void DelayEstimator::reset() { *this = DelayEstimator{}; }

void DelayEstimator::arrived(Micros transit) {
    window_[at_] = transit;
    at_ = (at_ + 1) % kWindow;
    count_ = std::min(count_ + 1, kWindow);
    const bool unusual = count_ == 1 || transit < base_ || transit - base_ > jitter_;
    if (unusual || ++since_ >= kRecomputeEvery) recompute();
}

void DelayEstimator::recompute() {
    since_ = 0;
    std::array<Micros, kWindow> sorted = window_;
    const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(count_);
    base_ = *std::min_element(sorted.begin(), end);
    const auto high = sorted.begin() + static_cast<std::ptrdiff_t>((count_ - 1) * 98 / 100);
    std::nth_element(sorted.begin(), high, end);
    jitter_ = *high - base_;
}

void DelayEstimator::lost() { loss_ += (1 - loss_) * kLossWeight; }
void DelayEstimator::played() { loss_ -= loss_ * kLossWeight; }

Micros DelayEstimator::target(Micros frame) const {
    Micros wanted = count_ < kCalm ? std::max(kTargetStart, jitter_) : jitter_;
    wanted = std::max(wanted, kTargetMin);
    if (loss_ > kLossMatters) wanted = std::max(wanted, jitter_ + frame + kTargetMin / 4);
    return std::min(wanted, kTargetMax);
}

}  // namespace sealcall::audio
