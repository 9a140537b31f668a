// One sentence for each event, and what differs between two boots, in the words of people.
#pragma once

#include "attestation/logs/boot_facts.h"

namespace sealcall::logs {

/// "The boot loader grubx64.efi was started." A text that nothing proves is told as a claim ("The log says: ...").
std::string sentence_of(const BootFact& fact);

/// What PCR this is: "PCR 4: boot loader code" (PFP 1.05, 3.3.4; UAPI Linux TPM PCR registry). Empty for one without a
/// name.
const char* purpose_of(uint32_t pcr);

/// How one event of a PCR differs from another boot.
struct EventChange {
    enum class What : uint8_t { added, removed, changed };
    What what = What::changed;
    uint32_t pcr = 0;
    uint32_t before = UINT32_MAX;  ///< event in the first log; UINT32_MAX: not there
    uint32_t after = UINT32_MAX;   ///< event in the second log
    std::string sentence;
};

inline constexpr size_t kCompareMax = 2048;  ///< events of one PCR in each log; longer ones are told as a whole

/// Which events changed from one boot to another, PCR by PCR, digests of `bank` compared. Both facts must be of that
/// bank. Memory and time: the product of both counts per PCR, at most kCompareMax^2 steps.
std::vector<EventChange> compare_boots(const EventLog& before, const BootFacts& before_facts, const EventLog& after,
                                       const BootFacts& after_facts, uint16_t bank);

}  // namespace sealcall::logs
