// Part 3 for the logs that exist so far, and what must not change within a channel.
#include "attestation/binding.h"
#include "attestation/checks.h"

namespace sealcall::attestation {

namespace {

using rats::Level;
using rats::Reason;

constexpr uint8_t kPcrs = 24, kRuntimePcr = 10;

/// The value after TPM2_Startup(CLEAR) (PC Client Platform TPM Profile, 4.6.2).
Digest reset_value(uint8_t pcr) {
    Digest d{};
    if (pcr >= 17 && pcr <= 22) d.fill(std::byte{0xff});
    return d;
}

Digest extend(const Digest& value, const Digest& event) {
    ByteWriter w;
    w.bytes(value).bytes(event);
    return sha256(w.view());
}

rats::AttestationResult does_not_replay(rats::AttestationResult result) {
    result.level = Level::failed;
    result.reasons = {};
    CHECK(result.reasons.push(Reason::log_does_not_replay));
    return result;
}

}  // namespace

rats::AttestationResult apply_replay(rats::AttestationResult ceiling, const std::vector<rats::PcrValue>& pcrs,
                                     const rats::Measured& measured) {
    if (ceiling.level == Level::failed) return ceiling;
    std::array<Digest, kPcrs> replayed{};
    std::array<bool, kPcrs> logged{}, quoted{};
    for (uint8_t i = 0; i < kPcrs; ++i) replayed[i] = reset_value(i);
    replayed[0].back() = std::byte{measured.startup_locality};
    for (const auto& e : measured.events) {
        if (e.pcr >= kPcrs || e.pcr == kRuntimePcr) return does_not_replay(std::move(ceiling));
        replayed[e.pcr] = extend(replayed[e.pcr], e.digest);
        logged[e.pcr] = true;
    }
    if (measured.startup_locality != 0 && !logged[0]) replayed[0] = {};
    for (const Digest& d : measured.runtime) replayed[kRuntimePcr] = extend(replayed[kRuntimePcr], d);
    logged[kRuntimePcr] = !measured.runtime.empty();
    bool withheld = pcrs.empty();  // no values, nothing shown
    for (const auto& v : pcrs) {
        if (v.pcr >= kPcrs) return does_not_replay(std::move(ceiling));
        quoted[v.pcr] = true;
        if (replayed[v.pcr] == v.value) continue;
        if (logged[v.pcr]) return does_not_replay(std::move(ceiling));
        withheld = true;
    }
    // A log of a PCR that was not quoted proves nothing, and nobody honest sends one.
    for (uint8_t i = 0; i < kPcrs; ++i)
        if (logged[i] && !quoted[i]) return does_not_replay(std::move(ceiling));
    if (withheld) ceiling.level = std::min(ceiling.level, Level::known_device);
    (void)ceiling.reasons.push(withheld ? Reason::log_withheld
                                        : Reason::log_replays);  // full: the level says it all the same
    return ceiling;
}

Status clock_continues(const ClockInfo& before, const ClockInfo& now) {
    if (now.reset_count != before.reset_count || now.restart_count != before.restart_count)
        return Error{Errc::clock_went_back, "TPM restarted", 1};
    if (now.clock < before.clock) return Error{Errc::clock_went_back, "TPM clock", 0};
    return {};
}

}  // namespace sealcall::attestation
