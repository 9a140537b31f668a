// `sealcall reference import --evidence`: everything that a golden machine started, from its own Evidence.
#include "reference_evidence.h"
#include "commands.h"
#include "evidence_report.h"
#include "problem.h"
#include "tools/reference/collect.h"

namespace sealcall::cli {

std::vector<reference::Entry> entries_of_evidence(const ReferenceOptions& o, std::string_view content, uint32_t pcrs,
                                                  size_t& left_out) {
    if (o.authority.empty())
        throw Problem("Who enrolled the golden machine?", "Give its authority's directory with --authority.",
                      exit_status::kUsage);
    const EvidenceTrust trust({.authority = o.authority, .bundle = {}, .at = {}, .nonce = {}});
    const auto report = read_evidence_report(o.log, content, trust);
    const auto& result = report->appraisal.result;
    if (result.level < rats::Level::measured)
        throw Problem("This Evidence does not prove what was started: level " + level_digit(*report) + ", " +
                          level_words(*report) + ".",
                      "`sealcall evidence verify` says why.", exit_status::kDoesNotHold);
    std::vector<reference::Entry> out;
    const auto take = [&](std::vector<reference::Entry> more) {
        out.insert(out.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    };
    const attestation::EvidenceFile& file = report->file;
    if (!file.boot_log.empty()) take(reference::from_boot_log(file.boot_log.view(), pcrs, o.log));
    if (!file.runtime_log.empty()) take(reference::from_ima_list(file.runtime_log.view(), o.log, left_out));
    take(reference::from_sealcall_log(report->appraisal.body.sealcall_log.view(), o.log));
    return out;
}

}  // namespace sealcall::cli
