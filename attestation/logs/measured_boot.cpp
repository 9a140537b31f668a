#include "attestation/logs/measured_boot.h"

namespace sealcall::logs {

const MeasuredEvent* MeasuredBoot::at(uint32_t index) const {
    const auto found = std::ranges::lower_bound(events, index, {}, &MeasuredEvent::index);
    return found != events.end() && found->index == index ? &*found : nullptr;
}

Result<MeasuredBoot> read_boot_log(ByteSpan in) {
    TRY(const EventLog log, parse_event_log(in));
    MeasuredBoot out;
    if (log.form == LogForm::empty) return out;
    if (!log.has_bank(kSha256)) return Error{Errc::unavailable, "the log has no SHA-256 bank", 0};
    BootFacts facts = read_boot_facts(log, kSha256);
    out.startup_locality = log.startup_locality;
    for (const LogEvent& e : log.events) {
        if (!e.extends()) continue;
        const ByteSpan digest = log.digest_of(e, kSha256);
        MeasuredEvent m;
        m.index = e.index;
        m.pcr = e.pcr;
        m.type = e.type;
        if (digest.size() != m.sha256.size()) return Error{Errc::bad_value, "an event without SHA-256 digest", e.index};
        std::ranges::copy(digest, m.sha256.begin());
        BootFact& fact = facts.facts[e.index];
        m.kind = fact.kind;
        m.proven = fact.proven();
        m.before_os = fact.before_os;
        m.what = sentence_of(fact);
        m.name = std::move(fact.name);
        m.detail = std::move(fact.detail);
        out.events.push_back(std::move(m));
    }
    out.secure_boot = std::move(facts.secure_boot);
    out.warnings = log.warnings;
    for (LogWarning& w : facts.warnings.list) out.warnings.add(w.event, std::move(w.text));
    out.warnings.count += facts.warnings.count - facts.warnings.list.size();
    return out;
}

}  // namespace sealcall::logs
