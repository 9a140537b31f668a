#include "attestation/levels.h"

#include "attestation/binding.h"

namespace sealcall::attestation {

namespace {

using rats::Level;
using rats::Measured;
using rats::Reason;
using rats::ReferenceKind;

constexpr uint8_t kSecureBootPcr = 7, kRuntimePcr = 10;
/// Firmware code, boot loader, option ROMs and Secure Boot policy: no bundle can leave these out.
constexpr uint32_t kBootPcrsAlways = 1U << 0 | 1U << 2 | 1U << 4 | 1U << 7;
/// A boot without these has shown nothing of how it started.
constexpr uint32_t kBootPcrsNeeded = 1U << 0 | 1U << 4 | 1U << 7;

void lower(rats::AttestationResult& result, Level level, Reason why) {
    result.level = std::min(result.level, level);
    (void)result.reasons.push(why);  // full: the level says it all the same
}

bool forbidden(const Measured& measured, const ReferenceSet& references) {
    const auto bad = [&](uint8_t pcr, const Digest& digest) {
        const auto found = references.find(pcr, digest);
        return found && found->kind == ReferenceKind::forbidden;
    };
    return std::ranges::any_of(measured.events, [&](const auto& e) { return bad(e.pcr, e.digest); }) ||
           std::ranges::any_of(measured.runtime, [&](const Digest& d) { return bad(kRuntimePcr, d); });
}

bool secure_boot(const Measured& measured) {
    const Digest on = secure_boot_on_digest();
    return std::ranges::any_of(measured.events,
                               [&](const auto& e) { return e.pcr == kSecureBootPcr && e.digest == on; });
}

/// Every extend of the PCRs that count has a reference, and the PCRs that no boot leaves alone have one at all.
bool boot_approved(const Measured& measured, uint8_t measurement_pcr, const ReferenceSet& references) {
    const uint32_t counts =
        (references.head().boot_pcrs | kBootPcrsAlways) & ~(1U << measurement_pcr) & ~(1U << kRuntimePcr);
    uint32_t seen = 0;
    for (const auto& e : measured.events) {
        if ((counts >> e.pcr & 1U) == 0) continue;
        const auto found = references.find(e.pcr, e.digest);
        if (!found || found->kind != ReferenceKind::approved) return false;
        seen |= 1U << e.pcr;
    }
    return (seen & kBootPcrsNeeded) == kBootPcrsNeeded;
}

/// Of the measurement PCR: a measurer that somebody else measured comes before the first role, and nothing unknown
/// stands anywhere.
bool measurement_approved(const Measured& measured, uint8_t measurement_pcr, const ReferenceSet& references) {
    bool measurer = false, role = false;
    for (const auto& e : measured.events) {
        if (e.pcr != measurement_pcr) continue;
        const auto found = references.find(e.pcr, e.digest);
        if (!found || found->kind == ReferenceKind::forbidden) return false;
        if (found->kind == ReferenceKind::measurer && !role) measurer = true;
        if (found->kind == ReferenceKind::sealcall) role = true;
    }
    return measurer && role;
}

bool runtime_approved(const Measured& measured, const ReferenceSet& references) {
    return std::ranges::all_of(measured.runtime, [&](const Digest& d) {
        const auto found = references.find(kRuntimePcr, d);
        return found && found->kind == ReferenceKind::approved;
    });
}

}  // namespace

Digest secure_boot_on_digest() {
    // EFI_GLOBAL_VARIABLE, then lengths in characters and bytes, the name in UCS-2, the value. Little-endian.
    static constexpr std::array<uint8_t, 16> kGlobal{0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                                                     0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};
    static constexpr std::string_view kName = "SecureBoot";
    ByteWriter w;
    for (uint8_t b : kGlobal) w.u8(b);
    w.u8(kName.size()).bytes(std::array<std::byte, 7>{}).u8(1).bytes(std::array<std::byte, 7>{});
    for (char c : kName) w.u8(static_cast<uint8_t>(c)).u8(0);
    w.u8(1);
    return sha256(w.view());
}

Digest boot_aggregate_entry(const std::vector<rats::PcrValue>& pcrs, uint8_t last) {
    static constexpr std::string_view kAlgorithm("sha256:\0", 8), kName("boot_aggregate\0", 15);
    ByteWriter values, entry;  // two fields, each with its length, little-endian
    for (const auto& v : pcrs)
        if (v.pcr <= last) values.bytes(v.value);
    entry.u8(kAlgorithm.size() + sizeof(Digest)).u8(0).u8(0).u8(0).bytes(as_bytes(kAlgorithm));
    entry.bytes(sha256(values.view())).u8(kName.size()).u8(0).u8(0).u8(0).bytes(as_bytes(kName));
    return sha256(entry.view());
}

rats::AttestationResult apply_references(rats::AttestationResult result, const Measured& measured,
                                         uint8_t measurement_pcr, const ReferenceSet* references) {
    if (references != nullptr && forbidden(measured, *references)) {
        result.reasons = {};
        lower(result, Level::failed, Reason::component_forbidden);
        return result;
    }
    if (result.level < Level::measured) return result;
    const bool secure = secure_boot(measured);
    if (secure)
        (void)result.reasons.push(Reason::secure_boot_on);
    else
        lower(result, Level::measured, Reason::secure_boot_off);
    if (references == nullptr || !boot_approved(measured, measurement_pcr, *references))
        lower(result, Level::measured, Reason::boot_not_approved);
    else
        (void)result.reasons.push(Reason::boot_approved);
    if (references == nullptr || !measurement_approved(measured, measurement_pcr, *references))
        lower(result, Level::measured, Reason::measurement_self_vouched);
    else
        (void)result.reasons.push(Reason::measurement_approved);
    if (measured.runtime.empty())
        lower(result, Level::trusted_boot, Reason::runtime_not_known);
    else if (references == nullptr || !runtime_approved(measured, *references))
        lower(result, Level::trusted_boot, Reason::runtime_not_approved);
    else
        (void)result.reasons.push(Reason::runtime_approved);
    return result;
}

rats::AttestationResult conclude(const Appraised& ceiling, const rats::VerifierResponse& said, const Measured& measured,
                                 uint8_t measurement_pcr, const ReferenceSet* references) {
    // Stopped before any value was believed: it failed, or nobody could be asked whom to trust.
    if (ceiling.result.level == Level::failed || ceiling.pcrs.empty()) return ceiling.result;
    rats::AttestationResult result = apply_replay(ceiling.result, ceiling.pcrs, measured);
    // Nothing measured proves nothing: a phone that left its own measurement out is a known device at most.
    const auto own = std::ranges::find(ceiling.pcrs, measurement_pcr, &rats::PcrValue::pcr);
    if (result.level > Level::known_device && (own == ceiling.pcrs.end() || own->value == Digest{}))
        lower(result, Level::known_device, Reason::log_withheld);
    Measured programs = measured;
    for (const uint8_t last : {uint8_t{9}, uint8_t{7}})
        if (!programs.runtime.empty() && programs.runtime.front() == boot_aggregate_entry(ceiling.pcrs, last))
            programs.runtime.erase(programs.runtime.begin());
    // Certified as a device whose kernel keeps a list: to run nothing is to leave something out.
    if (result.level > Level::known_device && ceiling.device.runtime && programs.runtime.empty())
        lower(result, Level::known_device, Reason::log_withheld);
    result = apply_references(std::move(result), programs, measurement_pcr, references);
    if (said.level < result.level) {
        lower(result, said.level, Reason::verifier_disagrees);
        for (Reason r : said.reasons) (void)result.reasons.push(r);
    }
    return result;
}

}  // namespace sealcall::attestation
