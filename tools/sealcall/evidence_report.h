// A file of evidence as `verify`, `show` and `explain` tell it: read, appraised with what the reader trusts, and told
// in findings, tables and sentences. What is shown beside a level that does not hold is a claim.
#pragma once

#include <memory>

#include "attestation/foreign/finding.h"
#include "boot_report.h"
#include "evidence_trust.h"

namespace sealcall::cli {

/// Something that was extended and that nobody has approved.
struct Unapproved {
    uint32_t pcr = 0;
    std::string what;  ///< a sentence about a boot event, a path, or a role of sealcall
    Digest digest{};
    bool forbidden = false;
};
inline constexpr size_t kUnapprovedMax = 64;  ///< that are listed

struct EvidenceReport {
    std::string name;  ///< of the file, as it was given
    attestation::EvidenceFile file;
    const EvidenceTrust* trust = nullptr;
    attestation::FileAppraisal appraisal;
    std::optional<BootReport> boot;  ///< of its boot log, if there is one that can be read
    std::vector<Unapproved> unapproved;
    size_t unapproved_count = 0;
};

/// Borrows `trust`. Heap: the report's spans point into its own file. Problem when `content` is no file of evidence.
std::unique_ptr<EvidenceReport> read_evidence_report(const std::string& name, std::string_view content,
                                                     const EvidenceTrust& trust);

/// "X", "0" to "4".
std::string level_digit(const EvidenceReport& report);
/// "Measured", "Measured, LAB".
std::string level_words(const EvidenceReport& report);
/// What stands between this evidence and each better level, by level.
std::vector<MissingForLevel> missing_for_levels(const EvidenceReport& report);
/// "boot loader code"; of the measurement PCR "sealcall itself".
std::string purpose_in(const EvidenceReport& report, uint8_t pcr);
/// How the value of a quoted PCR is explained: "log", "unused", "withheld", or "not checked".
const char* explained(const EvidenceReport& report, const rats::PcrValue& value);
/// One sentence a reason, then those of the boot log.
std::vector<std::string> evidence_sentences(const EvidenceReport& report);
/// Level, claims, PCRs, logs; without findings.
nlohmann::json evidence_json(const EvidenceReport& report);
/// The same as a table on standard output.
void print_evidence(const EvidenceReport& report);
/// One page without scripts and links.
std::string evidence_html(const EvidenceReport& report);

}  // namespace sealcall::cli
