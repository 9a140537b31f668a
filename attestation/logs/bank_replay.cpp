#include "attestation/logs/bank_replay.h"

namespace sealcall::logs {
namespace {

constexpr uint32_t kFirstDynamic = 17, kLastDynamic = 22;
constexpr bool is_dynamic(uint32_t pcr) { return pcr >= kFirstDynamic && pcr <= kLastDynamic; }

}  // namespace

AnyDigest reset_value(uint32_t pcr, size_t digest_size, uint8_t startup_locality) {
    CHECK(pcr < kPcrCount && digest_size > 0 && digest_size <= kDigestMax);
    AnyDigest out;
    out.size = static_cast<uint8_t>(digest_size);
    if (is_dynamic(pcr)) std::fill_n(out.bytes.begin(), digest_size, std::byte{0xff});
    if (pcr == 0) out.bytes[digest_size - 1] = static_cast<std::byte>(startup_locality);
    return out;
}

BankReplay replay_bank(const EventLog& log, uint16_t algorithm) {
    Hasher hasher(algorithm);
    BankReplay out{.algorithm = algorithm};
    for (uint32_t pcr = 0; pcr < kPcrCount; ++pcr)
        out.pcrs[pcr].value = reset_value(pcr, hasher.size(), log.startup_locality);
    bool launched = false;
    for (const LogEvent& e : log.events) {
        if (!e.extends()) continue;
        if (is_dynamic(e.pcr) && !launched) {
            for (uint32_t pcr = kFirstDynamic; pcr <= kLastDynamic; ++pcr) out.pcrs[pcr].value.bytes.fill(std::byte{0});
            launched = true;
        }
        PcrValue& pcr = out.pcrs[e.pcr];
        const ByteSpan digest = log.digest_of(e, algorithm);
        if (digest.size() != hasher.size()) {
            pcr.complete = false;
            continue;
        }
        ++pcr.events;
        hasher.extend(pcr.value.bytes.data(), digest);
    }
    return out;
}

std::vector<BankReplay> replay_all(const EventLog& log) {
    std::vector<BankReplay> out;
    for (const LogAlgorithm& a : log.algorithms)
        if (is_replayable(a.number)) out.push_back(replay_bank(log, a.number));
    return out;
}

}  // namespace sealcall::logs
