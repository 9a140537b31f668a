// "A worse claim never raises a level, and neither does leaving evidence out": tried on everything that can be made
// worse.
#include <gtest/gtest.h>

#include <random>

#include "attestation/appraise.h"
#include "attestation/levels.h"
#include "tests/unit/attestation/bundles.h"

namespace sealcall::attestation::test {
namespace {

using rats::Level;

/// The level that the enclave would arrive at: its own ceiling, its own replay, and never above what the verifier says.
Level final_level(const Case& c) {
    const Appraised own = check_evidence(c.evidence, c.expect);
    if (own.result.level == Level::failed) return Level::failed;
    const auto found = appraise(request_of(c));
    const rats::Measured measured{.events = found.events.items(), .runtime = found.runtime};
    const auto result = apply_references(apply_replay(own.result, own.pcrs, measured), measured, 13, nullptr);
    return std::min(result.level, found.level);
}

const std::vector<EkOrigin> kOrigins{EkOrigin::not_proven, EkOrigin::vendor, EkOrigin::lab};

Scenario from(EkOrigin ek) {
    Scenario s;
    s.claims.ek = ek;
    return s;
}

TEST(Property, AnEkThatIsNotProvenIsNeverBetterThanOneThatIs) {
    EXPECT_LT(final_level(make_case(from(EkOrigin::not_proven))), final_level(make_case(from(EkOrigin::vendor))));
    EXPECT_LE(final_level(make_case(from(EkOrigin::lab))), final_level(make_case(from(EkOrigin::vendor))));
}

TEST(Property, ASoftwareTpmIsNeverBetterThanAChip) {
    for (EkOrigin ek : kOrigins) {
        Scenario chip = from(ek), software = from(ek);
        software.claims.software_tpm = true;
        EXPECT_LE(final_level(make_case(software)), final_level(make_case(chip)));
    }
}

TEST(Property, ADeviceWithoutAGuardIsNeverBetterThanOneWithIt) {
    for (EkOrigin ek : kOrigins) {
        Scenario managed = from(ek), embedded = from(ek);
        embedded.claims.managed = false;
        EXPECT_LE(final_level(make_case(embedded)), final_level(make_case(managed)));
    }
}

TEST(Property, DroppingAnyPartOfTheEvidenceNeverRaisesTheLevel) {
    const std::vector<std::function<void(rats::Evidence&)>> parts{[](auto& e) { e.body = {}; },
                                                                  [](auto& e) { e.quote = {}; },
                                                                  [](auto& e) { e.quote_signature = {}; },
                                                                  [](auto& e) { e.quote10 = {}; },
                                                                  [](auto& e) { e.quote10_signature = {}; },
                                                                  [](auto& e) { e.pcrs = {}; }};
    const std::vector<std::function<void(rats::EvidenceBody&)>> fields{
        [](auto& b) { b.ak_public = {}; },         [](auto& b) { b.ak_certificate = {}; },
        [](auto& b) { b.identity_public = {}; },   [](auto& b) { b.certify_attest = {}; },
        [](auto& b) { b.certify_signature = {}; }, [](auto& b) { b.sealcall_log = {}; }};
    for (EkOrigin ek : kOrigins) {
        const Level genuine = final_level(make_case(from(ek)));
        for (unsigned mask = 1; mask < 1u << parts.size(); ++mask) {
            Case c = make_case(from(ek));
            for (size_t i = 0; i < parts.size(); ++i)
                if ((mask >> i & 1) != 0) parts[i](c.evidence);
            EXPECT_EQ(final_level(c), Level::failed) << mask;
        }
        for (unsigned mask = 1; mask < 1u << fields.size(); ++mask) {
            // Left out by the attester itself, so that everything that is signed fits.
            Scenario s = from(ek);
            s.body = [&](rats::EvidenceBody& b) {
                for (size_t i = 0; i < fields.size(); ++i)
                    if ((mask >> i & 1) != 0) fields[i](b);
            };
            const Level level = final_level(make_case(s));
            EXPECT_LE(level, genuine) << mask;
            EXPECT_LE(level, Level::known_device) << mask;
        }
    }
}

TEST(Property, AnyMeasuredStateWithoutItsLogStaysAtKnownDevice) {
    for (size_t pcr = 0; pcr < 15; ++pcr) {
        Scenario s;
        s.pcrs = [pcr](std::array<Digest, 15>& v) { v[pcr] = digest_of(0x44); };
        // PCR 13 has a log, and that one does not fit any more.
        EXPECT_EQ(final_level(make_case(s)), pcr == 13 ? Level::failed : Level::known_device) << pcr;
    }
}

TEST(Property, LeavingRecordsOutOfTheLogNeverHelps) {
    Scenario s;
    s.roles = {};
    s.pcrs = [](std::array<Digest, 15>& v) {
        for (const auto& role : measured_roles()) v[13] = extended(v[13], cel_digest(role));
    };
    EXPECT_EQ(final_level(make_case(s)), Level::known_device) << "the whole log";
    s.roles = {measured_roles()[0]};
    EXPECT_EQ(final_level(make_case(s)), Level::failed) << "one record";
}

TEST(Property, NotKnowingWhoWasStruckOffNeverHelps) {
    static const OwnedSet others(revoking({digest_of(9)})), this_one(revoking({spki_digest(keys().ak.get())}));
    for (EkOrigin ek : kOrigins)
        for (rats::Reason why : {rats::Reason::revocation_list_stale, rats::Reason::clock_wrong}) {
            const auto level = [&](const ReferenceSet* set, rats::Reason unknown) {
                Scenario s = from(ek);
                s.expect = [&](Expectation& e) {
                    e.references = set;
                    e.revocations_unknown = unknown;
                };
                return final_level(make_case(s));
            };
            EXPECT_EQ(level(&others.set, rats::Reason::none), final_level(make_case(from(ek))));
            EXPECT_EQ(level(&others.set, why), Level::unverified);
            EXPECT_EQ(level(nullptr, why), Level::unverified) << "the bundle was taken away";
            EXPECT_EQ(level(&this_one.set, rats::Reason::none), Level::failed);
            EXPECT_EQ(level(&this_one.set, why), Level::failed) << "a struck off device gains nothing by waiting";
        }
}

TEST(Property, NoChangedBitRaisesTheLevel) {
    std::mt19937 random(20260101);  // the same bits in each run: a failure can be repeated
    const Case genuine = make_case({});
    const Level level = final_level(genuine);
    const Bytes bytes = ipc::encode(genuine.evidence);
    size_t read = 0;
    for (int i = 0; i < 1500; ++i) {
        Bytes changed = bytes;
        const size_t bit = random() % (bytes.size() * 8);
        changed[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
        auto evidence = ipc::decode<rats::Evidence>(changed);
        if (!evidence) continue;
        ++read;
        Case c = genuine;
        c.evidence = *evidence;
        // What the Evidence offers of the kernel's list is not signed: the list replays to PCR 10 or not.
        if (bit / 8 >= bytes.size() - ipc::encode(rats::LogOffer{}).size())
            EXPECT_LE(final_level(c), level) << "bit " << bit;
        else
            EXPECT_EQ(final_level(c), Level::failed) << "bit " << bit;
    }
    EXPECT_GT(read, 1000u);
    EXPECT_EQ(level, Level::measured);
}

TEST(Property, AVerifierThatLiesCannotRaise) {
    Scenario s;
    s.pcrs = [](std::array<Digest, 15>& v) { v[4] = digest_of(0x44); };
    const Case c = make_case(s);
    const Appraised own = check_evidence(c.evidence, c.expect);
    // Whatever list it makes up, it must replay to what was quoted.
    std::vector<rats::PcrEvent> honest = appraise(request_of(c)).events.items();
    std::vector<rats::PcrEvent> invented = honest;
    invented.push_back({.pcr = 4, .digest = digest_of(0x44), .reference = 1});
    EXPECT_EQ(apply_replay(own.result, own.pcrs, {.events = honest, .runtime = {}}).level, Level::known_device);
    EXPECT_EQ(apply_replay(own.result, own.pcrs, {.events = invented, .runtime = {}}).level, Level::failed);
    EXPECT_EQ(apply_replay(own.result, own.pcrs, {}).level, Level::known_device);
}

}  // namespace
}  // namespace sealcall::attestation::test
