// A file of evidence, read and appraised. Whatever is changed: one encoding of one file, and no level but the genuine
// one's for the genuine Evidence; the one freedom is how a signature writes its numbers.
#include "attestation/evidence_file.h"

#include "tests/fuzz/seeded.h"
#include "tests/unit/foreign/evidence_files.h"

using namespace sealcall;
using namespace sealcall::attestation;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const test::Machine machine;
    static const EvidenceFile genuine = test::make_file(machine);
    static const test::OwnedSet approved(test::approving(machine));
    static const Bytes seed = encode_evidence_file(genuine);
    const Bytes in = fuzz::own_or_patched(fuzz::input(data, size), seed);
    auto file = read_evidence_file(in);
    if (!file) return 0;
    CHECK(encode_evidence_file(*file) == in);
    const FileAppraisal found = appraise_file(*file, test::ground_of(&approved.set));
    if (found.result.level == rats::Level::failed) return 0;
    rats::Evidence evidence = file->evidence;
    evidence.quote_signature = genuine.evidence.quote_signature;
    evidence.quote10_signature = genuine.evidence.quote10_signature;
    // The list's offer is not signed: what stands behind the quoted beginning does not count, and none is withheld.
    evidence.runtime_log = genuine.evidence.runtime_log;
    CHECK(file->runtime_log.empty() || found.measured.runtime == machine.measured.runtime);
    CHECK(evidence == genuine.evidence);
    const bool whole = !file->boot_log.empty() && !file->runtime_log.empty();
    CHECK(found.result.level == (whole ? rats::Level::trusted_runtime : rats::Level::known_device));
    return 0;
}
