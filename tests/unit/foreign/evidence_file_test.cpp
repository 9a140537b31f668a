#include "attestation/evidence_file.h"

#include <gtest/gtest.h>

#include "evidence_files.h"

namespace sealcall::attestation::test {
namespace {

using rats::Level;
using rats::Reason;

const Machine& machine() {
    static const Machine m;
    return m;
}
const EvidenceFile& genuine() {
    static const EvidenceFile f = make_file(machine());
    return f;
}
const ReferenceSet& approved() {
    static const OwnedSet s(approving(machine()));
    return s.set;
}
FileGround ground() { return ground_of(&approved()); }

bool has(const FileAppraisal& a, Reason reason) { return std::ranges::count(a.result.reasons, reason) == 1; }

TEST(EvidenceFile, ReadsWhatItWrote) {
    const Bytes bytes = encode_evidence_file(genuine());
    EXPECT_TRUE(looks_like_evidence_file(bytes));
    const auto read = read_evidence_file(bytes);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(*read, genuine());
    EXPECT_EQ(encode_evidence_file(*read), bytes);
}

TEST(EvidenceFile, RefusesWhatIsCutLongerOrSomethingElse) {
    const Bytes bytes = encode_evidence_file(genuine());
    for (size_t n = 0; n < bytes.size(); n += 7) EXPECT_FALSE(read_evidence_file(ByteSpan(bytes).first(n))) << n;
    Bytes longer = bytes;
    longer.push_back(std::byte{0});
    EXPECT_EQ(read_evidence_file(longer).error().code, Errc::trailing_bytes);
    EXPECT_EQ(read_evidence_file(machine().boot).error().code, Errc::bad_value);
    EXPECT_EQ(read_evidence_file(Bytes(kEvidenceFileMax + 1)).error().code, Errc::too_large);
}

TEST(EvidenceFile, RefusesALogThatTheEvidenceDoesNotName) {
    EvidenceFile f = genuine();
    f.boot_log = flipped(f.boot_log, 40);
    EXPECT_EQ(read_evidence_file(encode_evidence_file(f)).error().code, Errc::bad_evidence);
    f = genuine();
    f.runtime_log = BoundedBytes<rats::kRuntimeLogMax>(ByteSpan(machine().runtime).first(10));
    EXPECT_EQ(read_evidence_file(encode_evidence_file(f)).error().code, Errc::bad_evidence);
}

TEST(EvidenceFile, AnApprovedMachineIsTrustedRuntime) {
    const auto a = appraise_file(genuine(), ground());
    EXPECT_EQ(a.result.level, Level::trusted_runtime);
    for (Reason reason : {Reason::quote_fresh_and_bound, Reason::log_replays, Reason::secure_boot_on,
                          Reason::boot_approved, Reason::measurement_approved, Reason::runtime_approved})
        EXPECT_TRUE(has(a, reason)) << static_cast<int>(reason);
    EXPECT_EQ(a.ceiling.device.device, "device-1");
    EXPECT_EQ(a.measured.runtime, machine().measured.runtime);
}

TEST(EvidenceFile, WithoutABundleItIsMeasuredAndWithoutAnAuthorityUnverified) {
    EXPECT_EQ(appraise_file(genuine(), ground_of(nullptr)).result.level, Level::measured);
    FileGround nobody = ground();
    nobody.anchors.clear();
    const auto a = appraise_file(genuine(), nobody);
    EXPECT_EQ(a.result.level, Level::unverified);
    EXPECT_TRUE(has(a, Reason::could_not_check));
    FileGround other = ground();
    other.anchors = {rats::CertificateDer(keys().other_root)};
    EXPECT_TRUE(has(appraise_file(genuine(), other), Reason::certificate_untrusted));
}

TEST(EvidenceFile, AnswersNoOtherNonce) {
    FileGround g = ground();
    g.nonce = digest_of(0x78);
    EXPECT_TRUE(has(appraise_file(genuine(), g), Reason::not_bound_to_channel));
    // A nonce written over the one in the file helps nobody either.
    EvidenceFile f = genuine();
    f.nonce = digest_of(0x78);
    g.nonce.reset();
    EXPECT_TRUE(has(appraise_file(f, g), Reason::not_bound_to_channel));
    g.nonce = Digest{};
    EXPECT_TRUE(has(appraise_file(genuine(), g), Reason::not_bound_to_channel));
}

TEST(EvidenceFile, IsNoAnswerInACallNorTheOtherWayRound) {
    const auto in_a_call = [](Expectation e) { return check_evidence(genuine().evidence, e).result; };
    EXPECT_EQ(in_a_call(genuine_expectation()).level, Level::failed);
    // Not even where everything else of the call is as in the file: the channel binding of a call is never that of a
    // file, whatever nonce was asked for.
    Expectation e = genuine_expectation();
    e.binding = file_binding(kAskedNonce, e.identity_spki);
    e.binding.channel_binding = digest_of(0x11);
    EXPECT_EQ(in_a_call(e).level, Level::failed);

    Scenario s;
    s.ask = [](Expectation& call) {
        call.binding.round = 0;
        call.binding.verifier_nonce = kAskedNonce;
    };
    EXPECT_TRUE(has(appraise_file(make_file(machine(), s), ground()), Reason::not_bound_to_channel));
}

TEST(EvidenceFile, ALogLeftOutIsWithheld) {
    for (int without = 1; without < 4; ++without) {
        EvidenceFile f = genuine();
        if ((without & 1) != 0) f.boot_log = {};
        if ((without & 2) != 0) f.runtime_log = {};
        const auto a = appraise_file(*read_evidence_file(encode_evidence_file(f)), ground());
        EXPECT_EQ(a.result.level, Level::known_device) << without;
        EXPECT_TRUE(has(a, Reason::log_withheld)) << without;
    }
}

TEST(EvidenceFile, AnotherMeasurementPcrIsNeverBetterThanMeasured) {
    for (uint8_t pcr = 0; pcr < 24; ++pcr) {
        if (pcr == 13) continue;
        FileGround g = ground();
        g.measurement_pcr = pcr;
        EXPECT_LE(appraise_file(genuine(), g).result.level, Level::measured) << static_cast<int>(pcr);
    }
}

TEST(EvidenceFile, StruckOffFailsAndAStaleBundleCannotTell) {
    rats::Bundle b = approving(machine());
    CHECK(b.revoked.push(spki_digest(keys().ak.get())));
    const OwnedSet revoked(b);
    EXPECT_TRUE(has(appraise_file(genuine(), ground_of(&revoked.set)), Reason::attestation_key_revoked));
    FileGround stale = ground();
    stale.revocations_unknown = Reason::revocation_list_stale;
    EXPECT_EQ(appraise_file(genuine(), stale).result.level, Level::unverified);
}

TEST(EvidenceFile, AProgramThatNobodyApprovedEndsAtTrustedBoot) {
    Machine m;
    m.add_file("/tmp/unknown", digest_of(0x66));
    EXPECT_EQ(appraise_file(make_file(m), ground()).result.level, Level::trusted_boot);
    m.extend(4, digest_of(0x67));  // and something in the boot that its log does not tell
    EXPECT_EQ(appraise_file(make_file(m), ground()).result.level, Level::failed);
}

/// Every byte of the file, one after the other: nothing but a lower level, or what is a mere claim.
TEST(EvidenceFile, NoFlippedBitGivesABetterLevel) {
    const Bytes bytes = encode_evidence_file(genuine());
    EvidenceFile without = genuine();
    without.chain = {};
    const size_t chain = bytes.size() - encode_evidence_file(without).size();
    size_t unchanged = 0;
    for (size_t i = 0; i < bytes.size(); ++i) {
        Bytes changed = bytes;
        changed[i] ^= static_cast<std::byte>(1U << (i % 8));
        const auto file = read_evidence_file(changed);
        if (!file) continue;
        const auto a = appraise_file(*file, ground());
        if (a.result.level != Level::trusted_runtime) continue;
        ++unchanged;
        // Of what was signed and measured nothing differs; the file's own nonce is not the one that was asked for.
        EXPECT_EQ(file->evidence, genuine().evidence) << i;
        EXPECT_EQ(file->boot_log, genuine().boot_log) << i;
        EXPECT_EQ(file->runtime_log, genuine().runtime_log) << i;
    }
    EXPECT_LE(unchanged, sizeof(Digest) + sizeof(uint64_t) + chain);
}

}  // namespace
}  // namespace sealcall::attestation::test
