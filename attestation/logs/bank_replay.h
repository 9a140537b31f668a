// PCR values after a log: TPM2_PCR_Extend of every event's digest, bank by bank. A replay proves nothing by itself;
// equal to quoted values, it says that these digests were extended in this order.
#pragma once

#include "attestation/logs/tcg_event_log.h"

namespace sealcall::logs {

/// One PCR of one bank.
struct PcrValue {
    AnyDigest value;       ///< what the PCR holds; its reset value if nothing was extended
    uint32_t events = 0;   ///< how many events were extended
    bool complete = true;  ///< false: an event has no digest for this bank, so the value means nothing
    bool operator==(const PcrValue&) const = default;
};

struct BankReplay {
    uint16_t algorithm = 0;
    std::array<PcrValue, kPcrCount> pcrs{};
    bool operator==(const BankReplay&) const = default;
};

/// Reset value (PTP 1.05, table 5): zeros, but ones for PCR 17 to 22, which a dynamic launch sets to zero. PCR 0 ends
/// in the locality that started the TPM.
AnyDigest reset_value(uint32_t pcr, size_t digest_size, uint8_t startup_locality);

/// Replays one bank; `algorithm` must be replayable. With an event in one of PCR 17 to 22 all six begin at zero: a
/// dynamic launch came first, and it sets all of them.
BankReplay replay_bank(const EventLog& log, uint16_t algorithm);

/// Every replayable bank of the log, in the log's order.
std::vector<BankReplay> replay_all(const EventLog& log);

}  // namespace sealcall::logs
