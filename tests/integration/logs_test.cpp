// Logs of a machine on their way through a call: asked for once, shown to whom they may be shown, and worth a level
// only as far as they replay.
#include <gtest/gtest.h>

#include "attestation/binding.h"
#include "tests/support/enclave_phone.h"
#include "tools/machine/machine.h"

namespace sealcall::test {
namespace {

using lab::Machine;
using rats::Level;
using rats::Reason;

bool has(const ipc::CallCard& card, Reason reason) { return std::ranges::count(card.theirs.reasons, reason) == 1; }

PhoneOptions phone_on(const Machine& machine, std::vector<std::string> show_to = {"example.com"}) {
    return {.boot_log = machine.boot_log(),
            .runtime_log = machine.runtime_log(),
            .extended = machine.extended(),
            .show_logs_to = std::move(show_to)};
}

/// What bob makes of alice.
std::optional<ipc::CallCard> card_of(EnclavePhone& alice, EnclavePhone& bob) {
    Hosts hosts(alice, bob);
    hosts.dial("sip:bob@example.com");
    bob.from_ui.clear();
    (void)hosts.run_until([&] { return bob.last_card().has_value(); });
    auto card = bob.last_card();
    (void)alice.ui.send(ipc::HangUp{.call = hosts.a_call});
    (void)hosts.run_until([&] { return bob.last_state() && bob.last_state()->state == ipc::CallState::ended; });
    return card;
}

size_t times_asked(const EnclavePhone& phone) {
    const std::string text = phone.audit_text();
    size_t n = 0;
    for (size_t at = text.find("log_asked_for"); at != std::string::npos; at = text.find("log_asked_for", at + 1)) ++n;
    return n;
}

TEST(Logs, OfARealBootReplayAndAreMeasured) {
    Machine machine;
    machine.run("/usr/bin/bash", "bash");
    TestAuthority authority;
    EnclavePhone alice(authority, phone_on(machine));
    EnclavePhone bob(authority, {.uri = "sip:bob@example.com"});
    const auto card = card_of(alice, bob);
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, Level::measured);
    EXPECT_TRUE(has(*card, Reason::log_replays));
    EXPECT_TRUE(has(*card, Reason::secure_boot_on));
    EXPECT_TRUE(has(*card, Reason::boot_not_approved));
    EXPECT_EQ(bob.verifier_log_bytes, machine.boot_log().size() + machine.runtime_log().size());
    EXPECT_EQ(times_asked(alice), 2u);
}

TEST(Logs, OfBothPhonesAreFetchedInTheSameCall) {
    Machine machine, other(false);
    TestAuthority authority;
    EnclavePhone alice(authority, phone_on(machine));
    PhoneOptions bobs = phone_on(other);
    bobs.uri = "sip:bob@example.com";
    EnclavePhone bob(authority, std::move(bobs));
    for (int call = 0; call < 2; ++call) {
        Hosts hosts(alice, bob);
        alice.from_ui.clear();
        bob.from_ui.clear();
        hosts.dial("sip:bob@example.com");
        // Bob's Verdict comes right behind his Evidence, while Alice has yet to see his logs.
        ASSERT_TRUE(hosts.run_until([&] { return alice.last_card().has_value() && bob.last_card().has_value(); }));
        EXPECT_EQ(alice.last_card()->theirs.level, Level::measured);
        EXPECT_EQ(bob.last_card()->theirs.level, Level::measured);
        EXPECT_TRUE(has(*alice.last_card(), Reason::secure_boot_off));
        EXPECT_TRUE(has(*bob.last_card(), Reason::secure_boot_on));
        EXPECT_EQ(times_asked(alice), 2u) << "a warm call adds no log transfer";
        EXPECT_EQ(times_asked(bob), 2u);
        (void)alice.ui.send(ipc::HangUp{.call = hosts.a_call});
        (void)hosts.run_until([&] { return bob.last_state() && bob.last_state()->state == ipc::CallState::ended; });
    }
}

TEST(Logs, SayWhenSecureBootWasOff) {
    Machine machine(false);
    TestAuthority authority;
    EnclavePhone alice(authority, phone_on(machine));
    EnclavePhone bob(authority, {.uri = "sip:bob@example.com"});
    const auto card = card_of(alice, bob);
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, Level::measured);
    EXPECT_TRUE(has(*card, Reason::secure_boot_off));
    EXPECT_FALSE(has(*card, Reason::secure_boot_on));
}

TEST(Logs, AreTransferredOnceAndThenOnlyWhatIsNew) {
    Machine machine;
    TestAuthority authority;
    EnclavePhone alice(authority, phone_on(machine));
    EnclavePhone bob(authority, {.uri = "sip:bob@example.com"});
    ASSERT_TRUE(card_of(alice, bob));
    ASSERT_EQ(times_asked(alice), 2u);
    auto warm = card_of(alice, bob);
    ASSERT_TRUE(warm);
    EXPECT_EQ(warm->theirs.level, Level::measured);
    EXPECT_EQ(times_asked(alice), 2u) << "a warm call adds no log transfer";

    const size_t before = machine.runtime_log().size();
    alice.extend(10, machine.run("/usr/bin/vim", "vim"));
    alice.set_logs(machine.boot_log(), machine.runtime_log());
    alice.start();
    const auto grown = card_of(alice, bob);
    ASSERT_TRUE(grown);
    EXPECT_EQ(grown->theirs.level, Level::measured);
    EXPECT_EQ(times_asked(alice), 3u);
    EXPECT_NE(alice.audit_text().find("\"offset\":" + std::to_string(before)), std::string::npos) << alice.audit_text();
}

TEST(Logs, OfAnotherBootThatIsLongerAreFetchedWhole) {
    Machine first;
    TestAuthority authority;
    EnclavePhone bob(authority, {.uri = "sip:bob@example.com"});
    Machine machine;
    machine.run("/usr/bin/bash", "bash");
    EnclavePhone alice(authority, phone_on(machine));
    // The list that bob knows of this device is not a beginning of the one that he is offered now.
    Machine other(true, "systemd-boot");
    alice.set_logs(machine.boot_log(), other.runtime_log());
    alice.start();
    ASSERT_TRUE(card_of(alice, bob)) << "X, but both logs were seen";
    alice.set_logs(machine.boot_log(), machine.runtime_log());
    alice.start();
    const auto card = card_of(alice, bob);
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, Level::measured);
}

TEST(Logs, AreShownToNamedDomainsOnlyAndWithheldIsLevelOne) {
    Machine machine;
    TestAuthority authority;
    EnclavePhone alice(authority, phone_on(machine, {"partner.example"}));
    EnclavePhone bob(authority, {.uri = "sip:bob@example.com"});
    const auto card = card_of(alice, bob);
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, Level::known_device);
    EXPECT_TRUE(has(*card, Reason::log_withheld));
    EXPECT_EQ(bob.verifier_log_bytes, 0u);
}

TEST(Logs, ThatDoNotFitTheQuoteAreFailed) {
    Machine machine;
    Machine other(true, "a boot loader of somebody else");
    TestAuthority authority;
    EnclavePhone alice(authority, phone_on(machine));
    EnclavePhone bob(authority, {.uri = "sip:bob@example.com"});
    alice.set_logs(other.boot_log(), machine.runtime_log());
    alice.start();
    auto card = card_of(alice, bob);
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, Level::failed);
    EXPECT_TRUE(has(*card, Reason::log_does_not_replay) || has(*card, Reason::verifier_disagrees));

    alice.set_logs(machine.boot_log(), to_bytes(as_bytes("not a list")));
    alice.start();
    card = card_of(alice, bob);
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, Level::failed);
}

TEST(Logs, LeftOutNeverHelp) {
    Machine machine;
    TestAuthority authority;
    EnclavePhone bob(authority, {.uri = "sip:bob@example.com"});
    for (const bool boot : {false, true}) {
        EnclavePhone alice(authority, phone_on(machine));
        alice.set_logs(boot ? machine.boot_log() : Bytes{}, boot ? Bytes{} : machine.runtime_log());
        alice.start();
        const auto card = card_of(alice, bob);
        ASSERT_TRUE(card);
        EXPECT_EQ(card->theirs.level, Level::known_device) << boot;
        EXPECT_TRUE(has(*card, Reason::log_withheld));
    }
}

/// What bob's authority approves of this machine and its phone.
rats::Bundle approving(const TestAuthority& authority, const Machine& machine) {
    rats::Bundle b = authority.bundle(1, 30);
    uint32_t id = 1;
    for (const auto& [pcr, digest] : machine.extended()) {
        const rats::Reference r{.id = id++, .pcr = pcr, .kind = rats::ReferenceKind::approved, .digest = digest};
        if (!(pcr == 10 ? b.runtime.push(r) : b.references.push(r))) ADD_FAILURE() << "too many";
    }
    const auto roles = measured_roles(true);
    for (const auto& role : roles) {
        const auto kind = role.role == "guard" ? rats::ReferenceKind::measurer : rats::ReferenceKind::sealcall;
        CHECK(b.references.push({.id = id++, .pcr = 13, .kind = kind, .digest = attestation::cel_digest(role)}));
    }
    return b;
}

PhoneOptions bob_with(const TestAuthority& authority, const rats::Bundle& bundle) {
    const Bytes spki = authority.spki();
    return {.uri = "sip:bob@example.com",
            .bundle = authority.sign(bundle),
            .bundle_signer = spki,
            .pin = tpm::AuthorityPin{.signer = attestation::sha256(spki), .oldest_version = bundle.version}};
}

TEST(Logs, ApprovedAndMeasuredByAGuardAreTrustedRuntime) {
    Machine machine;
    machine.run("/usr/bin/bash", "bash");
    TestAuthority authority;
    PhoneOptions managed = phone_on(machine);
    managed.managed = true;
    EnclavePhone alice(authority, managed);
    EnclavePhone bob(authority, bob_with(authority, approving(authority, machine)));
    auto card = card_of(alice, bob);
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, Level::trusted_runtime);
    EXPECT_TRUE(card->theirs.lab);

    // A program that nobody approved, then the next call.
    alice.extend(10, machine.run("/tmp/x", "something else"));
    alice.set_logs(machine.boot_log(), machine.runtime_log());
    alice.start();
    card = card_of(alice, bob);
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, Level::trusted_boot);
    EXPECT_TRUE(has(*card, Reason::runtime_not_approved));
}

TEST(Logs, AProgramThatNobodyApprovedLowersTheLevelInTheNextRoundWithTheNewEntryOnly) {
    Machine machine;
    machine.run("/usr/bin/bash", "bash");
    TestAuthority authority;
    PhoneOptions managed = phone_on(machine);
    managed.managed = true;
    managed.recheck.gap = Millis{20};
    PhoneOptions bobs = bob_with(authority, approving(authority, machine));
    bobs.policy.minimum = Level::trusted_boot;
    bobs.recheck.gap = Millis{20};
    EnclavePhone alice(authority, managed);
    EnclavePhone bob(authority, bobs);
    Hosts hosts(alice, bob);
    ASSERT_TRUE(hosts.connect());
    EXPECT_EQ(bob.last_card()->theirs.level, Level::trusted_runtime);
    const size_t asked = times_asked(alice);
    const size_t before = machine.runtime_log().size();

    alice.extend(10, machine.run("/tmp/x", "something else"));
    alice.grow_runtime_log(machine.runtime_log());
    ASSERT_TRUE(bob.ui.send(ipc::Recheck{.call = hosts.b_call}).has_value());
    ASSERT_TRUE(hosts.run_until([&] { return bob.last_card()->theirs.level == Level::trusted_boot; }));
    EXPECT_TRUE(has(*bob.last_card(), Reason::runtime_not_approved));
    EXPECT_EQ(times_asked(alice), asked + 1);
    EXPECT_NE(alice.audit_text().find("\"offset\":" + std::to_string(before)), std::string::npos);
    EXPECT_EQ(bob.last_state()->state, ipc::CallState::media) << "still good enough for this policy";
}

TEST(Logs, ARogueBootLoaderIsMeasuredOnly) {
    const Machine approved;
    const Machine rogue(true, "evil grub");
    TestAuthority authority;
    PhoneOptions managed = phone_on(rogue);
    managed.managed = true;
    EnclavePhone alice(authority, managed);
    EnclavePhone bob(authority, bob_with(authority, approving(authority, approved)));
    const auto card = card_of(alice, bob);
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, Level::measured);
    EXPECT_TRUE(has(*card, Reason::boot_not_approved));
}

TEST(Logs, OfAnEmbeddedPhoneStayBelowTrustedBootWhateverIsApproved) {
    const Machine machine;
    TestAuthority authority;
    EnclavePhone alice(authority, phone_on(machine));
    EnclavePhone bob(authority, bob_with(authority, approving(authority, machine)));
    const auto card = card_of(alice, bob);
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, Level::measured);
    EXPECT_TRUE(has(*card, Reason::embedded_mode));
}

}  // namespace
}  // namespace sealcall::test
