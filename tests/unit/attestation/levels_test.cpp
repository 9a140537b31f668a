#include "attestation/levels.h"

#include <gtest/gtest.h>

#include "sealcall/base/hex.h"
#include "tests/unit/attestation/bundles.h"

namespace sealcall::attestation::test {
namespace {

using rats::Level;
using rats::Measured;
using rats::Reason;
using rats::ReferenceKind;

constexpr uint8_t kOwnPcr = 13;

/// A boot, a guard, a role, and two programs; everything that a bundle can approve.
Measured machine() {
    Measured m;
    for (uint8_t pcr : std::initializer_list<uint8_t>{0, 2, 4, 7, 8})
        m.events.push_back({.pcr = pcr, .digest = digest_of(static_cast<uint8_t>(pcr + 1))});
    m.events.push_back({.pcr = 7, .digest = secure_boot_on_digest()});
    m.events.push_back({.pcr = kOwnPcr, .digest = digest_of(0x51)});
    m.events.push_back({.pcr = kOwnPcr, .digest = digest_of(0x52)});
    m.runtime = {digest_of(0x61), digest_of(0x62)};
    return m;
}

rats::Bundle approving(const Measured& m) {
    rats::Bundle b = empty_bundle();
    uint32_t id = 1;
    for (const auto& e : m.events) {
        ReferenceKind kind = ReferenceKind::approved;
        if (e.digest == digest_of(0x51)) kind = ReferenceKind::measurer;
        if (e.digest == digest_of(0x52)) kind = ReferenceKind::sealcall;
        CHECK(b.references.push(reference(e.pcr, e.digest, id++, kind)));
    }
    for (const Digest& d : m.runtime) CHECK(b.runtime.push(reference(10, d, id++)));
    return b;
}

rats::AttestationResult ceiling(Level level = Level::trusted_runtime) {
    rats::AttestationResult r;
    r.level = level;
    return r;
}

rats::AttestationResult judged(const Measured& m, const rats::Bundle& b, Level level = Level::trusted_runtime) {
    const Bytes bytes = *sign_bundle(sorted_bundle(b), keys().authority.get());
    const auto set = ReferenceSet::open(bytes, *public_key_der(keys().authority.get()), 0);
    CHECK(set.has_value());
    return apply_references(ceiling(level), m, kOwnPcr, &*set);
}

bool has(const rats::AttestationResult& r, Reason reason) { return std::ranges::count(r.reasons, reason) == 1; }

TEST(Levels, SecureBootHasOneDigest) {
    // What every firmware extends for SecureBoot = 1; it stands in many real logs (tests of logs compare with those).
    EXPECT_EQ(to_hex(secure_boot_on_digest()), "ccfc4bb32888a345bc8aeadaba552b627d99348c767681ab3141f5b01e40a40e");
}

TEST(Levels, AnApprovedMachineWithApprovedProgramsIsTrustedRuntime) {
    const auto r = judged(machine(), approving(machine()));
    EXPECT_EQ(r.level, Level::trusted_runtime);
    for (Reason reason :
         {Reason::secure_boot_on, Reason::boot_approved, Reason::measurement_approved, Reason::runtime_approved})
        EXPECT_TRUE(has(r, reason)) << static_cast<int>(reason);
}

TEST(Levels, NothingApprovedIsMeasured) {
    const auto r = apply_references(ceiling(), machine(), kOwnPcr, nullptr);
    EXPECT_EQ(r.level, Level::measured);
    EXPECT_TRUE(has(r, Reason::boot_not_approved));
    EXPECT_TRUE(has(r, Reason::measurement_self_vouched));
}

TEST(Levels, WithoutAListOfProgramsItIsTrustedBoot) {
    Measured m = machine();
    m.runtime = {};
    const auto r = judged(m, approving(machine()));
    EXPECT_EQ(r.level, Level::trusted_boot);
    EXPECT_TRUE(has(r, Reason::runtime_not_known));
}

/// What a phone concludes of a machine whose list begins with the aggregate of PCR 0 to `last`.
rats::AttestationResult concluded(Measured m, const rats::Bundle& b, uint8_t last, uint8_t quoted = 0,
                                  const DeviceClaims& device = {}) {
    const auto replayed = [&](uint8_t pcr) {
        Digest value{};
        if (pcr == 10)
            for (const Digest& d : m.runtime) value = extended(value, d);
        for (const auto& e : m.events)
            if (e.pcr == pcr) value = extended(value, e.digest);
        return value;
    };
    Appraised a{.result = ceiling(), .device = device, .clock = {}, .pcrs = {}};
    for (uint8_t pcr = 0; pcr < 15; ++pcr) a.pcrs.push_back({.pcr = pcr, .value = replayed(pcr)});
    std::vector<rats::PcrValue> of = a.pcrs;
    of[quoted].value.back() ^= quoted == 0 ? std::byte{0} : std::byte{1};
    m.runtime.insert(m.runtime.begin(), boot_aggregate_entry(of, last));
    a.pcrs[10].value = replayed(10);
    rats::VerifierResponse verifier;
    verifier.level = Level::trusted_runtime;
    const Bytes bytes = *sign_bundle(sorted_bundle(b), keys().authority.get());
    const auto set = ReferenceSet::open(bytes, *public_key_der(keys().authority.get()), 0);
    CHECK(set.has_value());
    return conclude(a, verifier, m, kOwnPcr, &*set);
}

TEST(Levels, TheAggregateOfTheQuotedBootNeedsNoApproval) {
    for (const uint8_t last : {uint8_t{9}, uint8_t{7}})
        EXPECT_EQ(concluded(machine(), approving(machine()), last).level, Level::trusted_runtime) << int{last};
    const auto other = concluded(machine(), approving(machine()), 9, 5);
    EXPECT_EQ(other.level, Level::trusted_boot) << "of another boot";
    EXPECT_TRUE(has(other, Reason::runtime_not_approved));
    EXPECT_EQ(concluded(machine(), approving(machine()), 8).level, Level::trusted_boot) << "no kernel's rule";
}

TEST(Levels, AListOfTheAggregateAloneTellsOfNoProgram) {
    Measured m = machine();
    m.runtime = {};
    const auto r = concluded(m, approving(machine()), 9);
    EXPECT_EQ(r.level, Level::trusted_boot) << "a kernel without a policy measures nothing else";
    EXPECT_TRUE(has(r, Reason::runtime_not_known));
}

TEST(Levels, ADeviceCertifiedWithAListOfProgramsCannotLeaveItOut) {
    DeviceClaims device;
    device.managed = device.runtime = true;
    Measured m = machine();
    EXPECT_EQ(concluded(m, approving(m), 9, 0, device).level, Level::trusted_runtime);
    m.runtime = {};
    const auto r = concluded(m, approving(machine()), 9, 0, device);
    EXPECT_EQ(r.level, Level::known_device) << "booted without a policy: the aggregate alone";
    EXPECT_TRUE(has(r, Reason::log_withheld));
}

TEST(Levels, OneUnknownProgramIsTrustedBoot) {
    Measured m = machine();
    m.runtime.push_back(digest_of(0x63));
    const auto r = judged(m, approving(machine()));
    EXPECT_EQ(r.level, Level::trusted_boot);
    EXPECT_TRUE(has(r, Reason::runtime_not_approved));
}

TEST(Levels, AViolationIsNeverApproved) {
    Measured m = machine();
    Digest violation{};
    violation.fill(std::byte{0xff});
    m.runtime.push_back(violation);
    EXPECT_EQ(judged(m, approving(machine())).level, Level::trusted_boot);
}

TEST(Levels, SecureBootOffIsMeasured) {
    Measured m = machine();
    std::erase_if(m.events, [](const auto& e) { return e.digest == secure_boot_on_digest(); });
    const auto r = judged(m, approving(m));
    EXPECT_EQ(r.level, Level::measured);
    EXPECT_TRUE(has(r, Reason::secure_boot_off));
}

TEST(Levels, TheDigestOfSecureBootInAnotherPcrProvesNothing) {
    Measured m = machine();
    for (auto& e : m.events)
        if (e.digest == secure_boot_on_digest()) e.pcr = 8;
    EXPECT_EQ(judged(m, approving(m)).level, Level::measured);
}

TEST(Levels, EveryExtendOfACompulsoryPcrNeedsApproval) {
    for (uint8_t pcr : std::initializer_list<uint8_t>{0, 2, 4, 7}) {
        Measured m = machine();
        m.events.push_back({.pcr = pcr, .digest = digest_of(0x99)});
        const auto r = judged(m, approving(machine()));
        EXPECT_EQ(r.level, Level::measured) << int{pcr};
        EXPECT_TRUE(has(r, Reason::boot_not_approved));
    }
}

TEST(Levels, TheBundleAddsPcrsAndCannotTakeAny) {
    Measured m = machine();
    m.events.push_back({.pcr = 8, .digest = digest_of(0x99)});
    rats::Bundle b = approving(machine());
    EXPECT_EQ(judged(m, b).level, Level::trusted_runtime) << "PCR 8 counts where the bundle says so";
    b.boot_pcrs = 1U << 8;
    EXPECT_EQ(judged(m, b).level, Level::measured);
    m = machine();
    m.events.push_back({.pcr = 0, .digest = digest_of(0x99)});
    EXPECT_EQ(judged(m, b).level, Level::measured) << "PCR 0 always counts";
}

TEST(Levels, ABootThatShowsNoFirmwareOrLoaderIsNotApproved) {
    for (uint8_t left_out : std::initializer_list<uint8_t>{0, 4, 7}) {
        Measured m = machine();
        std::erase_if(m.events, [&](const auto& e) { return e.pcr == left_out; });
        EXPECT_EQ(judged(m, approving(machine())).level, Level::measured) << int{left_out};
    }
}

TEST(Levels, SomebodyElseMustHaveMeasuredThePhoneBeforeItsRoles) {
    Measured m = machine();
    std::swap(m.events[m.events.size() - 1], m.events[m.events.size() - 2]);
    EXPECT_EQ(judged(m, approving(machine())).level, Level::measured) << "the guard came after a role";
    m = machine();
    std::erase_if(m.events, [](const auto& e) { return e.digest == digest_of(0x51); });
    EXPECT_EQ(judged(m, approving(machine())).level, Level::measured) << "no guard";
    m = machine();
    m.events.push_back({.pcr = kOwnPcr, .digest = digest_of(0x53)});
    EXPECT_EQ(judged(m, approving(machine())).level, Level::measured) << "another role";
}

TEST(Levels, AForbiddenComponentIsFailedWhateverElseIsThere) {
    for (const bool runtime : {false, true}) {
        rats::Bundle b = approving(machine());
        Measured m = machine();
        const Digest bad = digest_of(0x70);
        if (runtime) {
            m.runtime.push_back(bad);
            CHECK(b.runtime.push(reference(10, bad, 70, ReferenceKind::forbidden)));
        } else {
            m.events.push_back({.pcr = 14, .digest = bad});
            CHECK(b.references.push(reference(14, bad, 70, ReferenceKind::forbidden)));
        }
        for (Level level : {Level::unverified, Level::known_device, Level::trusted_runtime}) {
            const auto r = judged(m, b, level);
            EXPECT_EQ(r.level, Level::failed);
            EXPECT_TRUE(has(r, Reason::component_forbidden));
        }
    }
}

TEST(Levels, NeverRaiseACeiling) {
    for (Level level : {Level::failed, Level::unverified, Level::known_device, Level::measured, Level::trusted_boot})
        EXPECT_EQ(judged(machine(), approving(machine()), level).level, level);
}

TEST(Levels, EventsLeftOutOrAddedNeverHelp) {
    const rats::Bundle b = approving(machine());
    const Level whole = judged(machine(), b).level;
    for (size_t i = 0; i < machine().events.size(); ++i) {
        Measured fewer = machine();
        fewer.events.erase(fewer.events.begin() + static_cast<std::ptrdiff_t>(i));
        EXPECT_LE(judged(fewer, b).level, whole);
        Measured doubled = machine();
        doubled.events.push_back(doubled.events[i]);
        EXPECT_LE(judged(doubled, b).level, whole);
    }
}

}  // namespace
}  // namespace sealcall::attestation::test
