// `sealcall evidence verify`: does this file prove a level, for the nonce that was asked for? The appraisal is a
// call's.
#include <iostream>

#include "evidence_findings.h"
#include "evidence_report.h"
#include "evidence_words.h"
#include "files.h"

namespace sealcall::cli {
namespace {

using attestation::foreign::Findings;
using attestation::foreign::Verdict;
using rats::Level;
using rats::Reason;

/// Missing things leave the answer to the level; what could not be checked, or is wrong, makes it no.
Verdict verdict_of(Reason reason) {
    if (reason < Reason::tpm_not_proven_genuine)
        return reason == Reason::tpm_genuine_lab ? Verdict::warning : Verdict::ok;
    if (reason <= Reason::log_withheld) return Verdict::note;
    if (reason <= Reason::revocation_list_stale) return Verdict::unknown;
    return Verdict::failed;
}

void judge_age(const EvidenceReport& r, const VerifyOptions& o, Findings& out) {
    const auto& nonce = r.trust->ground().nonce;
    if (nonce) {
        out.check("nonce", *nonce == r.file.nonce, "It was made for the nonce that was asked for.",
                  "It was made for another nonce: " + to_hex(r.file.nonce) + ".");
        return;
    }
    out.add("nonce", o.any_age ? Verdict::warning : Verdict::unknown,
            "No nonce was given to compare with, so the evidence may be of any age. Give the one that was asked for "
            "with --nonce, or accept that with --any-age.");
}

void judge_revocations(const EvidenceReport& r, Findings& out) {
    if (r.trust->bundle() == nullptr && !r.trust->ground().anchors.empty())
        out.add("revocations", Verdict::warning,
                "No bundle was given: whether the device has been struck off, and what is approved, is not known.");
    if (r.trust->bundle() != nullptr && r.trust->ground().revocations_unknown == Reason::none)
        out.add("revocations", Verdict::ok,
                "The bundle is version " + std::to_string(r.trust->bundle()->head().version) + " and in its time.");
}

Findings findings_of(const EvidenceReport& r, const VerifyOptions& o) {
    Findings out;
    judge_age(r, o, out);
    judge_revocations(r, out);
    for (const Reason reason : r.appraisal.result.reasons) {
        const ReasonWords words = words_of(reason);
        out.add(std::string(words.name), verdict_of(reason), std::string(words.text.sentence));
    }
    const Level level = r.appraisal.result.level;
    const bool enough = level > Level::unverified && static_cast<unsigned>(level) - 1 >= o.at_least;
    out.check(
        "level", enough, "Level " + level_digit(r) + ", " + level_words(r) + ".",
        "Level " + level_digit(r) + ", " + level_words(r) + ", and " + std::to_string(o.at_least) + " was asked for.");
    return out;
}

}  // namespace

int run_evidence_verify(const Context& context) {
    const VerifyOptions& o = context.options.verify;
    const EvidenceTrust trust(o.trust);
    const auto report = read_evidence_report(o.file, evidence_file(o.file, attestation::kEvidenceFileMax), trust);
    const Findings findings = findings_of(*report, o);
    if (!context.json()) {
        print_evidence(*report);
        std::cout << "\n";
        for (const MissingForLevel& m : missing_for_levels(*report))
            std::cout << "for level " << m.level << ": " << m.text << "\n    " << m.next << "\n";
        std::cout << "\n";
    }
    return answer(context, findings, evidence_json(*report),
                  "level " + level_digit(*report) + ", " + level_words(*report) + ".",
                  "the evidence is not good enough for what was asked, or could not be checked.");
}

}  // namespace sealcall::cli
