// The groups of micro benchmarks. Each makes what it needs (a swtpm, two enclaves) when its first one runs, and keeps
// it to the end.
#pragma once

#include <benchmark/benchmark.h>

#include <chrono>

#include "sealcall/base/result.h"

namespace sealcall::bench {

/// 20 ms of Opus at 48 kbit/s, the default of a phone.
inline constexpr size_t kOpusBytes = 120;

void register_srtp();
void register_enclave();
void register_tpm();
void register_logs();
void register_appraisal();
void register_policy();

/// Ends the benchmark with the error's words: a figure of something that failed is worse than none.
template <class T>
bool failed(benchmark::State& state, const Result<T>& result) {
    if (result) return false;
    state.SkipWithError(result.error().what);
    return true;
}

class Stopwatch {
  public:
    [[nodiscard]] double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    }

  private:
    std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace sealcall::bench
