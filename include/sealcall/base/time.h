// The two clocks of sealcall. Deadlines use BootInstant (CLOCK_BOOTTIME: it counts through suspend); wall time only for
// people.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>

namespace sealcall {

using Millis = std::chrono::milliseconds;
using Micros = std::chrono::microseconds;

struct BootClock {
    using duration = Micros;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<BootClock>;
    static constexpr bool is_steady = true;
    static time_point now() noexcept {
        timespec t{};
        clock_gettime(CLOCK_BOOTTIME, &t);
        return time_point(std::chrono::seconds(t.tv_sec) +
                          std::chrono::duration_cast<Micros>(std::chrono::nanoseconds(t.tv_nsec)));
    }
};
using BootInstant = BootClock::time_point;

/// Milliseconds since 1970-01-01 UTC, for records that people read.
inline uint64_t wall_ms() {
    timespec t{};
    clock_gettime(CLOCK_REALTIME, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1000 + static_cast<uint64_t>(t.tv_nsec) / 1000000;
}

}  // namespace sealcall
