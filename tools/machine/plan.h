// What a TPM must be told so that it has been through a boot: every extend of the logs, in order, and what its PCRs are
// then. Logs are foreign bytes; the parsers of attestation/logs bound them. Throws Problem.
#pragma once

#include <optional>

#include "attestation/logs/bank_replay.h"
#include "attestation/logs/ima.h"

namespace sealcall::lab {

/// How a digest gets into a PCR.
enum class How : uint8_t {
    extend,  ///< TPM2_PCR_Extend
    hcrtm,   ///< _TPM_Hash_Start/Data/End before TPM2_Startup: PCR 0 begins with locality 4
    launch,  ///< _TPM_Hash_Start/Data/End later: PCR 17 to 22 begin at zero, and PCR 17 is extended
};

struct Extend {
    uint32_t pcr = 0;
    How how = How::extend;
    std::vector<std::pair<uint16_t, logs::AnyDigest>> digests;  ///< by bank; a bank may be missing
};

struct Plan {
    uint8_t startup_locality = 0;  ///< of TPM2_Startup; 4 is H-CRTM
    std::vector<Extend> extends;
    std::vector<logs::BankReplay> expected;  ///< by the replay of attestation/logs, not by the list above
};

/// Files of a boot. `hcrtm` and `launched`: the bytes that the hardware hashed, of which a log has digests only.
struct PlanInput {
    ByteSpan boot, cel, ima;
    std::optional<ByteSpan> hcrtm, launched;
    logs::ImaRule ima_rule = logs::ImaRule::bank_hash;
};

/// Problem: a log that cannot be read, or one that no TPM can be led through (says why).
Plan make_plan(const PlanInput& input);

/// The bank's digests for an entry of the kernel's list.
std::vector<std::pair<uint16_t, logs::AnyDigest>> digests_of(const logs::ImaEntry& entry, logs::ImaRule rule,
                                                             const std::vector<uint16_t>& banks);

}  // namespace sealcall::lab
