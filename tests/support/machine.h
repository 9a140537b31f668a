// A computer that never was: what its firmware and its kernel logged, and what they extended.
#pragma once

#include <string_view>
#include <vector>

#include "sealcall/base/bytes.h"

namespace sealcall::test {

class Machine {
  public:
    /// Firmware, option ROM, boot loader, Secure Boot, separators: what every boot has in PCR 0, 2, 4 and 7.
    explicit Machine(bool secure_boot = true, std::string_view boot_loader = "grub 2.06");

    /// Starts a program under IMA (template ima-ng); returns what went into PCR 10.
    Digest run(std::string_view path, std::string_view contents);

    [[nodiscard]] Bytes boot_log() const;
    [[nodiscard]] const Bytes& runtime_log() const { return runtime_log_; }
    /// PCR and digest of every extend up to now, in order.
    [[nodiscard]] const std::vector<std::pair<uint8_t, Digest>>& extended() const { return extended_; }

  private:
    void event(uint8_t pcr, uint32_t type, Bytes data, ByteSpan measured);
    Digest measure(std::string_view path, const Digest& file);

    struct Event {
        uint8_t pcr;
        uint32_t type;
        Digest digest;
        Bytes data;
    };
    std::vector<Event> events_;
    std::vector<std::pair<uint8_t, Digest>> extended_;
    Bytes runtime_log_;
};

}  // namespace sealcall::test
