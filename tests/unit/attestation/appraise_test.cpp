#include "attestation/appraise.h"

#include <gtest/gtest.h>

#include "attestation/logs/tcg_event_log.h"
#include "tests/unit/attestation/software_tpm.h"

namespace sealcall::attestation::test {
namespace {

using rats::Level;
using rats::Reason;

bool has(const rats::VerifierResponse& r, Reason reason) { return std::ranges::count(r.reasons, reason) == 1; }

rats::VerifierResponse appraised(const Scenario& s) { return appraise(request_of(make_case(s))); }

TEST(Appraise, ListsTheEventsOfAGenuineMachine) {
    const auto r = appraised({});
    EXPECT_EQ(r.level, Level::trusted_runtime) << "no objection; what is approved the enclave looks up itself";
    EXPECT_TRUE(has(r, Reason::log_replays));
    ASSERT_EQ(r.events.size(), 2u);
    for (size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(r.events.items()[i].pcr, 13);
        EXPECT_EQ(r.events.items()[i].digest, cel_digest(measured_roles()[i]));
    }
    EXPECT_EQ(r.request, Digest{}) << "filled in by whoever holds the message";
}

TEST(Appraise, NeverExceedsTheCeilingOfTheEnclavesOwnChecks) {
    Scenario s;
    s.claims.ek = EkOrigin::not_proven;
    EXPECT_EQ(appraised(s).level, Level::known_device);
    s = {};
    s.quote_signer = keys().other_ak.get();
    const auto r = appraised(s);
    EXPECT_EQ(r.level, Level::failed);
    EXPECT_TRUE(has(r, Reason::quote_signature_bad));
    EXPECT_TRUE(r.events.empty());
}

TEST(Appraise, FailsALogThatSaysAnotherThingThanWasExtended) {
    Scenario s;
    s.body = [](rats::EvidenceBody& b) {
        auto roles = measured_roles();
        roles[0].files[0].digest = digest_of(0x66);
        b.sealcall_log = *BoundedBytes<8192>::from(*encode_cel(roles, 13));
    };
    const auto r = appraised(s);
    EXPECT_EQ(r.level, Level::failed);
    EXPECT_TRUE(has(r, Reason::log_does_not_replay));
}

TEST(Appraise, FailsARecordWhoseContentDoesNotHashToItsDigest) {
    Scenario s;
    s.body = [](rats::EvidenceBody& b) {
        Bytes log = to_bytes(b.sealcall_log.view());
        log.back() ^= std::byte{1};  // the number of files of the last record; its digest still replays
        b.sealcall_log = BoundedBytes<8192>(log);
    };
    const auto r = appraised(s);
    EXPECT_EQ(r.level, Level::failed);
    EXPECT_TRUE(r.events.empty());
}

TEST(Appraise, FailsARecordOfAnotherPcr) {
    Scenario s;
    s.body = [](rats::EvidenceBody& b) {
        b.sealcall_log = *BoundedBytes<8192>::from(*encode_cel(measured_roles(), 12));
    };
    s.pcrs = [](std::array<Digest, 15>& v) { std::swap(v[12], v[13]); };
    EXPECT_EQ(appraised(s).level, Level::failed);
}

TEST(Appraise, FailsALogThatCannotBeRead) {
    Scenario s;
    s.body = [](rats::EvidenceBody& b) { b.sealcall_log = BoundedBytes<8192>(as_bytes("not a log")); };
    const auto r = appraised(s);
    EXPECT_EQ(r.level, Level::failed);
    EXPECT_TRUE(has(r, Reason::log_does_not_replay));
}

TEST(Appraise, CallsAMissingLogWithheld) {
    Scenario s;
    s.body = [](rats::EvidenceBody& b) { b.sealcall_log = {}; };
    const auto r = appraised(s);
    EXPECT_EQ(r.level, Level::known_device);
    EXPECT_TRUE(has(r, Reason::log_withheld));
}

TEST(Appraise, LeavesOutEventsOfPcrsThatWereNotQuoted) {
    const std::vector<logs::LogAlgorithm> banks{{logs::kSha256, 32}};
    const auto log_of = [&](uint32_t pcr) {
        const logs::NewEvent e{.pcr = pcr,
                               .type = logs::event_type::kEventTag,
                               .digests = {logs::AnyDigest::of(digest_of(1))},
                               .data = {}};
        return logs::encode_event_log(banks, std::vector{e}).value();
    };
    const rats::VerifierRequest request = request_of(make_case({}));
    const auto launched = appraise(request, {.boot = log_of(17), .runtime = {}});
    EXPECT_EQ(launched.level, Level::trusted_runtime) << "a dynamic launch is no lie";
    EXPECT_EQ(launched.events.size(), 2u) << "and nothing that was quoted";
    EXPECT_EQ(appraise(request, {.boot = log_of(4), .runtime = {}}).level, Level::failed);
}

TEST(Appraise, SurvivesAnEmptyRequest) {
    const auto r = appraise({});
    EXPECT_EQ(r.level, Level::failed);
}

}  // namespace
}  // namespace sealcall::attestation::test
