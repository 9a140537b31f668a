#include "evidence_report.h"

#include "attestation/cel.h"
#include "attestation/levels.h"
#include "attestation/logs/ima.h"
#include "commands.h"
#include "evidence_words.h"
#include "files.h"
#include "problem.h"

namespace sealcall::cli {
namespace {

using attestation::ReferenceSet;
using rats::Level;
using rats::Reason;
using rats::ReferenceKind;

constexpr uint32_t kRuntimePcr = 10;

void note_unapproved(EvidenceReport& r, uint32_t pcr, const Digest& digest, const std::string& what) {
    const auto found = r.trust->bundle()->find(static_cast<uint8_t>(pcr), digest);
    if (found && found->kind != ReferenceKind::forbidden) return;
    ++r.unapproved_count;
    if (r.unapproved.size() < kUnapprovedMax)
        r.unapproved.push_back({.pcr = pcr, .what = what, .digest = digest, .forbidden = found.has_value()});
}

/// Only PCRs that the bundle asks about: of others nobody claims anything.
void find_unapproved_boot(EvidenceReport& r) {
    constexpr uint32_t kAlways = 1U << 0 | 1U << 2 | 1U << 4 | 1U << 7;
    const uint32_t counts = r.trust->bundle()->head().boot_pcrs | kAlways;
    for (const logs::BootFact& f : r.boot->facts.facts) {
        const logs::LogEvent& e = r.boot->log.events[f.event];
        if (!e.extends() || f.pcr >= 24 || (counts >> f.pcr & 1U) == 0) continue;
        const ByteSpan digest = r.boot->log.digest_of(e, logs::kSha256);
        Digest value{};
        if (digest.size() != value.size()) continue;
        std::ranges::copy(digest, value.begin());
        note_unapproved(r, f.pcr, value, logs::sentence_of(f));
    }
}

/// `measured.runtime` and the list are the same entries in the same order.
void find_unapproved_runtime(EvidenceReport& r) {
    const auto& digests = r.appraisal.measured.runtime;
    size_t at = 0;
    (void)logs::visit_ima_list(r.file.runtime_log.view(), [&](const logs::ImaEntry& entry) {
        if (at >= digests.size()) return false;
        const Digest& digest = digests[at++];
        const auto is_aggregate = [&](uint8_t last) {
            return digest == attestation::boot_aggregate_entry(r.appraisal.ceiling.pcrs, last);
        };
        if (at == 1 && (is_aggregate(9) || is_aggregate(7))) return true;  // follows from what was quoted
        note_unapproved(r, kRuntimePcr, digest, printable(entry.name, 200));
        return true;
    });  // it was read whole before
}

void find_unapproved(EvidenceReport& r) {
    if (r.trust->bundle() == nullptr) return;
    if (r.boot && r.boot->bank == logs::kSha256) find_unapproved_boot(r);
    if (const auto records = attestation::parse_cel(r.appraisal.body.sealcall_log.view()))
        for (const auto& record : *records)
            note_unapproved(r, record.pcr, record.digest, "sealcall's " + printable(record.role, 32) + " was started.");
    find_unapproved_runtime(r);
}

int number(Level level) { return static_cast<int>(level) - 1; }  // X is -1

}  // namespace

std::unique_ptr<EvidenceReport> read_evidence_report(const std::string& name, std::string_view content,
                                                     const EvidenceTrust& trust) {
    auto r = std::make_unique<EvidenceReport>();
    r->name = printable(name, 200);
    auto file = attestation::read_evidence_file(as_bytes(content));
    if (!file)
        throw Problem(r->name + " is not a whole file of evidence: " + file.error().what + ".",
                      "Collect it again: sealcall evidence collect FILE.");
    r->file = *std::move(file);
    r->trust = &trust;
    r->appraisal = attestation::appraise_file(r->file, trust.ground());
    if (!r->file.boot_log.empty()) {
        try {
            r->boot = read_boot_report(name, as_chars(r->file.boot_log.view()));
        } catch (const Problem&) {
            r->boot.reset();  // the appraisal says so
        }
    }
    find_unapproved(*r);
    return r;
}

std::string level_digit(const EvidenceReport& report) {
    return std::string(1, policy::text(report.appraisal.result.level).digit);
}

std::string level_words(const EvidenceReport& report) {
    const auto& result = report.appraisal.result;
    return std::string(policy::text(result.level).word) +
           (result.lab && result.level >= Level::known_device ? ", LAB" : "");
}

std::vector<MissingForLevel> missing_for_levels(const EvidenceReport& report) {
    std::vector<MissingForLevel> out;
    const auto& result = report.appraisal.result;
    for (const Reason reason : result.reasons) {
        const ReasonWords words = words_of(reason);
        // Only a laboratory's device gets further than level 1 without a guard.
        const int blocks = reason == Reason::embedded_mode && !result.lab ? 2 : words.blocks;
        if (blocks <= std::max(0, number(result.level))) continue;
        out.push_back({.level = blocks,
                       .name = std::string(words.name),
                       .text = std::string(words.text.sentence),
                       .next = std::string(words.text.next_step)});
    }
    std::ranges::stable_sort(out, {}, &MissingForLevel::level);
    return out;
}

std::string purpose_in(const EvidenceReport& report, uint8_t pcr) {
    return pcr == report.trust->ground().measurement_pcr ? "sealcall itself" : logs::purpose_of(pcr);
}

const char* explained(const EvidenceReport& report, const rats::PcrValue& value) {
    if (report.appraisal.result.level == Level::failed) return "not checked";
    const auto& measured = report.appraisal.measured;
    const bool logged = std::ranges::any_of(measured.events, [&](const auto& e) { return e.pcr == value.pcr; }) ||
                        (value.pcr == kRuntimePcr && !measured.runtime.empty());
    if (logged) return "log";
    return value.value == Digest{} ? "unused" : "withheld";
}

std::vector<std::string> evidence_sentences(const EvidenceReport& report) {
    std::vector<std::string> out;
    const auto& device = report.appraisal.ceiling.device;
    if (!device.device.empty())
        out.push_back("This is evidence of the device " + printable(device.device, 64) + ", which " +
                      printable(device.authority, 128) + " vouches for.");
    for (const Reason reason : report.appraisal.result.reasons) out.emplace_back(words_of(reason).text.sentence);
    for (const Unapproved& u : report.unapproved)
        out.push_back((u.forbidden ? "Forbidden: " : "Not approved: ") + u.what + " (PCR " + std::to_string(u.pcr) +
                      ", " + to_hex(u.digest) + ")");
    if (report.unapproved_count > report.unapproved.size())
        out.push_back("And " + std::to_string(report.unapproved_count - report.unapproved.size()) +
                      " more are not approved.");
    if (!report.boot) return out;
    for (std::string& s : boot_sentences(*report.boot)) out.push_back(std::move(s));
    return out;
}

}  // namespace sealcall::cli
