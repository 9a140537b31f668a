// Sounds for the audio tests: made by formula, the same on every run.
#pragma once

#include <cmath>
#include <numbers>
#include <random>

#include "enclave/audio/codec.h"

namespace sealcall::audio::test {

/// 20 ms of something like speech: a gliding harmonic tone whose loudness comes and goes.
class Voice {
  public:
    Frame next() {
        Frame f{};
        for (auto& s : f) {
            const double t = at_++ / 48000.0;
            const double loud = 0.5 + 0.5 * std::sin(2 * std::numbers::pi * 3 * t);
            phase_ += 2 * std::numbers::pi * (140 + 40 * std::sin(2 * t)) / 48000;
            double v = 0;
            for (int h = 1; h <= 8; ++h) v += std::sin(h * phase_) / h;
            s = static_cast<int16_t>(6000 * loud * v);
        }
        return f;
    }

  private:
    double at_ = 0;
    double phase_ = 0;
};

inline Frame noise(std::mt19937& random) {
    std::uniform_int_distribution<int> level(-20000, 20000);
    Frame f{};
    for (auto& s : f) s = static_cast<int16_t>(level(random));
    return f;
}

inline double power(std::span<const int16_t> pcm) {
    double sum = 0;
    for (int16_t s : pcm) sum += static_cast<double>(s) * s;
    return pcm.empty() ? 0 : sum / static_cast<double>(pcm.size());
}

}  // namespace sealcall::audio::test
