// The verifier's view of a boot log: what was extended into the SHA-256 bank, in order, in values of its own, and
// Secure Boot with the one event that proves each fact. Nothing here is true until the list replays to quoted PCR
// values.
#pragma once

#include "attestation/logs/explain.h"

namespace sealcall::logs {

/// One event that was extended.
struct MeasuredEvent {
    uint32_t index = 0;  ///< in the log
    uint32_t pcr = 0;
    uint32_t type = 0;
    Digest sha256{};
    FactKind kind = FactKind::other;
    bool proven = false;     ///< `name` and `detail` hash to the digest; never for code and files
    bool before_os = false;  ///< before a proven ExitBootServices
    std::string name, detail;
    std::string what;  ///< one sentence
};

/// A log that was read; owns all that it says.
struct MeasuredBoot {
    std::vector<MeasuredEvent> events;
    uint8_t startup_locality = 0;  ///< the last byte that PCR 0 begins with
    SecureBoot secure_boot;        ///< `event` there and in the databases counts as `index` does
    Warnings warnings;
    /// The MeasuredEvent of an index; nullptr if that event was not extended.
    [[nodiscard]] const MeasuredEvent* at(uint32_t index) const;
};

/// Errors: those of parse_event_log; unavailable when the log has no SHA-256 bank; bad_value when an event that is
/// extended has no SHA-256 digest (detail: its index). An empty log gives an empty boot, which proves nothing.
Result<MeasuredBoot> read_boot_log(ByteSpan log);

}  // namespace sealcall::logs
