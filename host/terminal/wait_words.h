// How long a person must wait, in words.
#pragma once

#include <cstdint>
#include <string>

namespace sealcall {

/// "90 seconds", "10 minutes": rounded up.
inline std::string wait_words(uint32_t seconds) {
    if (seconds < 120) return std::to_string(seconds) + " seconds";
    return std::to_string((seconds + 59) / 60) + " minutes";
}

}  // namespace sealcall
