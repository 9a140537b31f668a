// Looks for key bytes in the writable memory of this process: the proof that what should be wiped is wiped.
#pragma once

#include <cstdio>

#include "sealcall/base/bytes.h"

namespace sealcall::tls::test {

// A sanitizer keeps shadows and freed blocks: there the search says nothing, and takes minutes.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSearchable = false;
#else
inline constexpr bool kSearchable = true;
#endif

/// A pattern to look for that is not itself found: it is kept inverted.
class Needle {
  public:
    explicit Needle(ByteSpan bytes) : inverted_(bytes.size()) {
        CHECK(bytes.size() >= 12);
        for (size_t i = 0; i < bytes.size(); ++i) inverted_[i] = ~bytes[i];
    }
    /// The same number the other way round, as big numbers are kept in memory.
    [[nodiscard]] Needle reversed() const {
        Needle out = *this;
        std::ranges::reverse(out.inverted_);
        return out;
    }

    /// How often it stands in readable and writable mappings, stack and heap included.
    [[nodiscard]] __attribute__((no_sanitize("address"))) size_t count() const {
        std::FILE* maps = std::fopen("/proc/self/maps", "re");
        CHECK(maps != nullptr);
        std::array<std::pair<uintptr_t, uintptr_t>, 4096> areas{};
        size_t n = 0;
        std::array<char, 512> line{};
        while (n < areas.size() && std::fgets(line.data(), static_cast<int>(line.size()), maps) != nullptr) {
            uintptr_t from = 0, to = 0;
            std::array<char, 5> mode{};
            if (std::sscanf(line.data(), "%lx-%lx %4s", &from, &to, mode.data()) == 3 && mode[0] == 'r' &&
                mode[1] == 'w' && std::string_view(line.data()).find("[v") == std::string_view::npos)
                areas[n++] = {from, to};
        }
        std::fclose(maps);
        size_t found = 0;
        for (size_t i = 0; i < n; ++i)
            for (uintptr_t at = areas[i].first; at + inverted_.size() <= areas[i].second; ++at)
                if (stands_at(reinterpret_cast<const volatile unsigned char*>(at))) ++found;
        return found;
    }

  private:
    static constexpr size_t kLargest = size_t{256} << 20;  // beyond that it is a sanitizer's shadow

    __attribute__((no_sanitize("address"))) bool stands_at(const volatile unsigned char* p) const {
        for (size_t i = 0; i < inverted_.size(); ++i)
            if (static_cast<unsigned char>(~p[i]) != static_cast<unsigned char>(inverted_[i])) return false;
        return true;
    }
    Bytes inverted_;
};

}  // namespace sealcall::tls::test
