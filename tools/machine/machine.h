// A computer that never was: what its firmware and its kernel logged, and what they extended. For tests and
// laboratories; everything is in the SHA-256 bank. Trusts nothing and parses nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sealcall/base/bytes.h"

namespace sealcall::lab {

/// The kernel's list of what was started (IMA, template ima-ng, binary form).
class ImaList {
  public:
    /// The first entry of every list: SHA-256 over PCR 0 to 9, which ties the list to its boot.
    Digest begin(const Digest& boot_aggregate) { return measure("boot_aggregate", boot_aggregate); }
    /// A file of that hash was started; returns what goes into PCR 10 (its SHA-256 bank).
    Digest measure(std::string_view path, const Digest& file);

    [[nodiscard]] const Bytes& bytes() const { return bytes_; }

  private:
    Bytes bytes_;
};

/// What a boot is made of; each text stands for a program and is what was hashed.
struct BootParts {
    bool secure_boot = true;
    std::string boot_loader = "grub 2.06";
    std::string firmware = "firmware 1.2";
    /// What a hardware root of trust measured before the TPM was started (H-CRTM): PCR 0 begins with locality 4.
    std::optional<std::string> hcrtm;
    /// What a dynamic launch measured into PCR 17, before anything else of PCR 17 to 22.
    std::optional<std::string> launched;
};

class Machine {
  public:
    /// Firmware, option ROM, boot loader, Secure Boot, separators: what every boot has in PCR 0, 2, 4 and 7.
    explicit Machine(const BootParts& parts);
    explicit Machine(bool secure_boot = true, std::string_view boot_loader = "grub 2.06")
        : Machine(BootParts{.secure_boot = secure_boot,
                            .boot_loader = std::string(boot_loader),
                            .firmware = "firmware 1.2",
                            .hcrtm = {},
                            .launched = {}}) {}

    /// Starts a program under IMA; returns what went into PCR 10.
    Digest run(std::string_view path, std::string_view contents);

    [[nodiscard]] Bytes boot_log() const;
    [[nodiscard]] const Bytes& runtime_log() const { return list_.bytes(); }
    /// PCR and digest of every extend up to now, in order.
    [[nodiscard]] const std::vector<std::pair<uint8_t, Digest>>& extended() const { return extended_; }

  private:
    void event(uint8_t pcr, uint32_t type, Bytes data, ByteSpan measured);
    [[nodiscard]] Digest boot_aggregate(uint8_t pcr0_begins) const;

    struct Event {
        uint8_t pcr;
        uint32_t type;
        Digest digest;
        Bytes data;
    };
    std::vector<Event> events_;
    std::vector<std::pair<uint8_t, Digest>> extended_;
    ImaList list_;
};

}  // namespace sealcall::lab
