// Two real enclaves, each with its vault: what is remembered of the other, what a locked phone does, and what the PIN
// lets pass.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "enclave/tpm/templates.h"
#include "tests/support/pair.h"

namespace sealcall::test {
namespace {

using ipc::CallState;
using ipc::EndReason;

// ---------------------------------------------------------------- memory of peers

TEST(MemoryOfPeers, HoldsNameKeyDeviceAndLevelOverARestart) {
    Pair p;
    ASSERT_TRUE(p.hosts.connect());
    p.hang_up();
    p.alice.start();
    const auto known = p.alice.remembered();
    ASSERT_EQ(known.size(), 1u);
    EXPECT_EQ(known[0].first, "sip:bob@example.com");
    EXPECT_EQ(known[0].second.highest, rats::Level::measured);
    EXPECT_TRUE(known[0].second.lab);
    ASSERT_EQ(known[0].second.keys.size(), 1u);
    EXPECT_EQ(known[0].second.keys.items()[0].spki, p.bob.identity_spki());
    EXPECT_NE(known[0].second.keys.items()[0].device, Digest{});
}

TEST(MemoryOfPeers, NewKeyOnAnotherDeviceForAKnownNameIsRefused) {
    Pair p({.known_peers = {peer("sip:bob@example.com")}});
    EXPECT_EQ(p.dial_and_end(), EndReason::downgrade);
    EXPECT_EQ(EnclavePhone::count<ipc::OpenStream>(p.alice.from_audio), 0u);
    EXPECT_TRUE(has(p.alice, "\"event\":\"downgrade\""));
    const auto card = p.alice.last_card();
    ASSERT_TRUE(card);
    EXPECT_NE(std::ranges::count(card->theirs.reasons.items(), rats::Reason::new_key), 0);
    EXPECT_EQ(p.alice.remembered()[0], peer("sip:bob@example.com"));
}

TEST(MemoryOfPeers, IncomingCallWithANewKeyForAKnownNameNeverRings) {
    Pair p({}, {.uri = "sip:bob@example.com", .known_peers = {peer("sip:alice@example.com")}});
    (void)p.dial_and_end();
    EXPECT_FALSE(Pair::is(p.bob, CallState::ringing));
    EXPECT_EQ(EnclavePhone::count<ipc::SendRinging>(p.bob.from_host), 0u);
    EXPECT_TRUE(has(p.bob, "\"event\":\"downgrade\""));
}

TEST(MemoryOfPeers, RenewedKeyOfTheSameDeviceIsTaken) {
    Pair p;
    ASSERT_TRUE(p.hosts.connect());
    p.hang_up();
    edit_peer(p.alice, [](ipc::Peer& bob) {
        ipc::PeerKey key = bob.keys.items()[0];
        key.spki = digest_of(9);
        bob.keys = {};
        CHECK(bob.keys.push(key));
    });
    p.alice.start();
    p.forget();
    ASSERT_TRUE(p.hosts.connect());
    const auto known = p.alice.remembered();
    ASSERT_EQ(known[0].second.keys.size(), 1u);  // the new one in the place of the old one
    EXPECT_EQ(known[0].second.keys.items()[0].spki, p.bob.identity_spki());
}

TEST(MemoryOfPeers, LowerLevelThanEverIsRefused) {
    Pair p;
    ASSERT_TRUE(p.hosts.connect());
    p.hang_up();
    edit_peer(p.alice, [](ipc::Peer& bob) { bob.highest = rats::Level::trusted_boot; });
    p.alice.start();
    p.forget();
    EXPECT_EQ(p.dial_and_end(), EndReason::downgrade);
    EXPECT_NE(std::ranges::count(p.alice.last_card()->theirs.reasons.items(), rats::Reason::lower_level), 0);
}

TEST(MemoryOfPeers, ProxyThatSaysTheOtherSideDoesNotAttestGetsNothing) {
    Pair p;
    ASSERT_TRUE(p.hosts.connect());
    p.hang_up();
    p.hosts.ordinary = true;  // 420, or headers stripped: to the enclave both are LegOrdinary
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(p.dial_and_end(), EndReason::downgrade);
        EXPECT_EQ(EnclavePhone::count<ipc::OpenStream>(p.alice.from_audio), 0u);
        p.forget();
    }
}

TEST(MemoryOfPeers, OrdinaryCallInAKnownNameNeverRings) {
    Pair p({.enrolled = false}, {.uri = "sip:bob@example.com", .known_peers = {peer("sip:alice@example.com")}});
    p.hosts.ordinary = true;
    p.hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(p.hosts.run_until([&] { return Pair::is(p.bob, CallState::ended); }));
    EXPECT_EQ(EnclavePhone::count<ipc::SendRinging>(p.bob.from_host), 0u);
    EXPECT_TRUE(has(p.bob, "\"event\":\"downgrade\""));
}

// ---------------------------------------------------------------- consent

/// A phone with the PIN, unlocked, whose person is asked about a known name with a new key.
struct AskedAboutANewKey : Pair {
    static PhoneOptions options() {
        PhoneOptions o{.known_peers = {peer("sip:bob@example.com")}, .vault_pin = std::string(kPin)};
        o.policy.downgrade = policy::Action::pin;
        return o;
    }
    AskedAboutANewKey() : Pair(options()) {
        EXPECT_EQ(alice.enter_pin(kPin)->error, Errc{});
        hosts.dial("sip:bob@example.com");
    }
};

TEST(Consent, OfWhichNoRecordCouldBeWrittenIsNone) {
    std::signal(SIGXFSZ, SIG_IGN);
    AskedAboutANewKey p;
    const auto asked = question(p.hosts, p.alice);
    ASSERT_TRUE(asked && asked->wanted);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    const rlimit full{.rlim_cur = p.alice.audit_text().size(), .rlim_max = before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
    const auto reply = p.alice.enter_pin(kPin, asked->question);
    const bool ended = p.hosts.run_until([&] { return Pair::is(p.alice, CallState::ended); });
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->error, Errc::io);
    EXPECT_FALSE(reply->consented);
    EXPECT_TRUE(ended);
    EXPECT_EQ(EnclavePhone::count<ipc::SendRinging>(p.bob.from_host), 0u);
}

TEST(Consent, PinLetsADowngradePassAndTheReasonIsRecorded) {
    AskedAboutANewKey p;
    const auto asked = question(p.hosts, p.alice);
    ASSERT_TRUE(asked && asked->wanted);
    EXPECT_EQ(asked->why, rats::Reason::new_key);
    EXPECT_EQ(asked->decision.rule, policy::Rule::downgrade_takes_pin);
    EXPECT_EQ(asked->peer.view(), "sip:bob@example.com");
    EXPECT_EQ(EnclavePhone::count<ipc::SendRinging>(p.bob.from_host), 0u);
    const auto wrong = p.alice.enter_pin("not the pin", asked->question);
    EXPECT_EQ(wrong->error, Errc::tpm_auth_refused);
    EXPECT_EQ(wrong->tries.left, tpm::kDaMaxTries - 1);
    for (int i = 0; i < 50; ++i) p.hosts.turn();
    EXPECT_EQ(EnclavePhone::count<ipc::SendRinging>(p.bob.from_host), 0u);
    EXPECT_EQ(p.alice.enter_pin(kPin, asked->question)->error, Errc{});
    ASSERT_TRUE(p.both(CallState::media));
    EXPECT_TRUE(has(p.alice, "\"event\":\"consent\"")) << p.alice.audit_text();
    EXPECT_EQ(p.alice.last_card()->decision.rule, policy::Rule::accepted_with_pin);
    EXPECT_EQ(p.alice.last_card()->decision.action, policy::Action::warn);
    p.hang_up();
    ASSERT_TRUE(p.hosts.connect());  // the new device is known by now
    EXPECT_EQ(p.alice.last_card()->decision.rule, policy::Rule::meets_minimum);
}

TEST(Consent, IsNotAskedForWhereThePolicyLetsNobodyGoOn) {
    Pair p({.known_peers = {peer("sip:bob@example.com")}, .vault_pin = std::string(kPin)});
    EXPECT_EQ(p.alice.enter_pin(kPin)->error, Errc{});
    EXPECT_EQ(p.dial_and_end(), EndReason::downgrade);
    EXPECT_EQ(EnclavePhone::count<ipc::AskConsent>(p.alice.from_ui), 0u);
    EXPECT_EQ(p.alice.enter_pin(kPin, RequestId{1})->error, Errc{});
    EXPECT_FALSE(has(p.alice, "\"event\":\"consent\""));
}

TEST(Consent, CountsForTheQuestionThatWasShownAndNoOther) {
    AskedAboutANewKey p;
    const auto asked = question(p.hosts, p.alice);
    ASSERT_TRUE(asked);
    EXPECT_EQ(p.alice.enter_pin(kPin, RequestId{asked->question.value + 1})->error, Errc{});
    for (int i = 0; i < 50; ++i) p.hosts.turn();
    EXPECT_FALSE(Pair::is(p.bob, CallState::ringing));
    EXPECT_FALSE(has(p.alice, "\"event\":\"consent\""));
}

TEST(Consent, EndsWithTheCall) {
    AskedAboutANewKey p;
    const auto asked = question(p.hosts, p.alice);
    ASSERT_TRUE(asked);
    ASSERT_TRUE(p.alice.ui.send(ipc::HangUp{.call = p.hosts.a_call}).has_value());
    const auto gone = question(p.hosts, p.alice);
    ASSERT_TRUE(gone);
    EXPECT_FALSE(gone->wanted);
    EXPECT_EQ(gone->question, asked->question);
    const auto reply = p.alice.enter_pin(kPin, asked->question);
    EXPECT_EQ(reply->error, Errc{});
    EXPECT_FALSE(reply->consented);
    EXPECT_FALSE(has(p.alice, "\"event\":\"consent\""));
}

TEST(Consent, LetsACallToAnOrdinaryPhoneOutOnlyAfterThePin) {
    PhoneOptions options = AskedAboutANewKey::options();
    Pair p(options);
    p.hosts.ordinary = true;
    EXPECT_EQ(p.alice.enter_pin(kPin)->error, Errc{});
    p.hosts.dial("sip:bob@example.com");
    const auto asked = question(p.hosts, p.alice);
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->why, rats::Reason::downgrade);
    EXPECT_EQ(EnclavePhone::count<ipc::OpenStream>(p.alice.from_audio), 0u);
    EXPECT_EQ(p.alice.enter_pin(kPin, asked->question)->error, Errc{});
    ASSERT_TRUE(p.both(CallState::media));
    EXPECT_EQ(p.alice.last_card()->decision.rule, policy::Rule::accepted_with_pin);
    EXPECT_EQ(p.alice.last_card()->protection, ipc::Protection::hop);
}

// ---------------------------------------------------------------- lock

TEST(Lock, LockedPhoneNeitherDialsNorAnswersChallengesNorKnowsAnybody) {
    Pair p({.sip_password = "correct horse", .vault_pin = std::string(kPin)});
    EXPECT_TRUE(p.alice.status()->locked);
    EXPECT_TRUE(p.alice.status()->pin_set);
    p.hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(p.hosts.run_until([&] { return EnclavePhone::count<ipc::DialReply>(p.alice.from_ui) != 0; }));
    EXPECT_EQ(EnclavePhone::take<ipc::DialReply>(p.alice.from_ui)->reason, EndReason::locked);
    EXPECT_EQ(p.alice.answer_challenge("example.com").size(), 0u);
    EXPECT_EQ(p.alice.enter_pin(kPin)->error, Errc{});
    EXPECT_FALSE(p.alice.status()->locked);
    EXPECT_EQ(p.alice.answer_challenge("example.com").size(), 64u);
    ASSERT_TRUE(p.hosts.connect());
}

TEST(Lock, TooManyWrongPinsAreTheTpmsBusiness) {
    Pair p({.vault_pin = std::string(kPin)});
    for (uint32_t left = tpm::kDaMaxTries; left-- > 0;) {
        const auto reply = p.alice.enter_pin("a wrong pin");
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->error, Errc::tpm_auth_refused);
        EXPECT_EQ(reply->tries.left, left);
    }
    const auto reply = p.alice.enter_pin(kPin);
    EXPECT_EQ(reply->error, Errc::tpm_locked_out);
    EXPECT_EQ(reply->tries.one_more_in_s, tpm::kDaRecoverySeconds);
    EXPECT_TRUE(p.alice.status()->locked);
}

TEST(Lock, MediaKeysOfARunningCallLeaveAndThePinBringsTheCallBack) {
    Pair p({.vault_pin = std::string(kPin)});
    EXPECT_EQ(p.alice.enter_pin(kPin)->error, Errc{});
    ASSERT_TRUE(p.hosts.connect());
    ASSERT_TRUE(p.hosts.run_until([&] { return p.alice.key_life().back().event == ipc::KeyEvent::sealed; }));
    ASSERT_TRUE(p.alice.ui.send(ipc::LockPhone{}).has_value());
    ASSERT_TRUE(p.both(CallState::held));
    ASSERT_TRUE(p.wait_for_lock(p.alice, true));
    const auto life = p.alice.key_life();
    ASSERT_FALSE(life.empty());
    EXPECT_EQ(life.back().event, ipc::KeyEvent::wiped);
    ASSERT_TRUE(p.alice.ui.send(ipc::SetHold{.call = p.hosts.a_call, .on = false}).has_value());
    ASSERT_TRUE(p.alice.ui.send(ipc::SetMicrophone{.call = p.hosts.a_call, .on = true}).has_value());
    for (int i = 0; i < 100; ++i) p.hosts.turn();
    EXPECT_TRUE(Pair::is(p.alice, CallState::held));
    p.alice.from_audio.clear();
    p.hosts.talk(5);
    EXPECT_EQ(EnclavePhone::count<ipc::PlayFrame>(p.alice.from_audio), 0u);
    EXPECT_EQ(p.alice.enter_pin(kPin)->error, Errc{});
    ASSERT_TRUE(p.both(CallState::media));
    p.alice.from_audio.clear();
    p.hosts.talk(10);
    EXPECT_GE(EnclavePhone::count<ipc::PlayFrame>(p.alice.from_audio), 8u);
}

TEST(Lock, ComesByItselfWhenNobodyIsThere) {
    Pair p({.vault_pin = std::string(kPin), .lock_after_s = 1});
    EXPECT_EQ(p.alice.enter_pin(kPin)->error, Errc{});
    EXPECT_TRUE(p.wait_for_lock(p.alice, false));
    p.alice.from_ui.clear();
    EXPECT_TRUE(p.wait_for_lock(p.alice, true));
    EXPECT_TRUE(has(p.alice, "\"event\":\"locked\""));
}

TEST(Lock, NeverComesByItselfDuringACall) {
    Pair p({.vault_pin = std::string(kPin), .lock_after_s = 1});
    EXPECT_EQ(p.alice.enter_pin(kPin)->error, Errc{});
    ASSERT_TRUE(p.hosts.connect());
    const BootInstant until = BootClock::now() + Millis{1500};
    while (BootClock::now() < until) p.hosts.talk(1);
    EXPECT_TRUE(Pair::is(p.alice, CallState::media));
    EXPECT_FALSE(p.alice.status()->locked);
}

TEST(Lock, LockedPhoneRingsAndIsAnsweredAfterThePin) {
    Pair p({}, {.uri = "sip:bob@example.com", .policy = ask_the_person(), .vault_pin = std::string(kPin)});
    p.hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(p.hosts.run_until([&] { return Pair::is(p.bob, CallState::ringing); }));
    ASSERT_TRUE(p.bob.ui.send(ipc::Answer{.call = p.hosts.b_call, .microphone = true}).has_value());
    for (int i = 0; i < 100; ++i) p.hosts.turn();
    EXPECT_TRUE(Pair::is(p.bob, CallState::ringing));
    EXPECT_EQ(p.bob.enter_pin(kPin)->error, Errc{});
    ASSERT_TRUE(p.bob.ui.send(ipc::Answer{.call = p.hosts.b_call, .microphone = true}).has_value());
    ASSERT_TRUE(p.both(CallState::media));
    EXPECT_EQ(p.bob.remembered().size(), 1u);
}

TEST(Lock, PolicyAnswersNothingWhileLocked) {
    Pair p({}, {.uri = "sip:bob@example.com", .vault_pin = std::string(kPin)});
    p.hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(p.hosts.run_until([&] { return Pair::is(p.bob, CallState::ringing); }));
    for (int i = 0; i < 200; ++i) p.hosts.turn();
    EXPECT_TRUE(Pair::is(p.bob, CallState::ringing));
}

TEST(Lock, DowngradeThatRangWhileLockedEndsWithThePin) {
    Pair p({}, {.uri = "sip:bob@example.com",
                .policy = ask_the_person(),
                .known_peers = {peer("sip:alice@example.com")},
                .vault_pin = std::string(kPin)});
    p.hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(p.hosts.run_until([&] { return Pair::is(p.bob, CallState::ringing); }));
    EXPECT_EQ(p.bob.enter_pin(kPin)->error, Errc{});
    ASSERT_TRUE(p.hosts.run_until([&] { return Pair::is(p.bob, CallState::ended); }));
    EXPECT_EQ(p.bob.last_state()->reason, EndReason::downgrade);
}

TEST(Lock, NeedsAPin) {
    Pair p;
    ASSERT_TRUE(p.alice.ui.send(ipc::LockPhone{}).has_value());
    for (int i = 0; i < 50; ++i) p.alice.pump();
    EXPECT_FALSE(p.alice.status()->locked);
    ASSERT_TRUE(p.hosts.connect());
}

// ---------------------------------------------------------------- history

TEST(History, KeepsWhatTheScreenSaysOfACallButNotWhileLocked) {
    Pair p({.vault_pin = std::string(kPin)});
    const auto keep = [&](std::string_view name) {
        const ipc::VaultItem call{.kind = ipc::VaultKind::contact,  // whatever it says: it is a call
                                  .name = BoundedString<256>(name),
                                  .body = BoundedBytes<576>(as_bytes("{}"))};
        ASSERT_TRUE(p.alice.ui.send(ipc::KeepCall{.past = call}).has_value());
        for (int i = 0; i < 100; ++i) p.alice.pump();
    };
    keep("sip:early@example.com");
    EXPECT_EQ(p.alice.enter_pin(kPin)->error, Errc{});
    for (int i = 0; i < 3; ++i) keep("sip:" + std::to_string(i) + "@example.com");
    std::vector<ipc::VaultItem> calls;
    p.alice.edit_vault([&](vault::Content& c) {
        std::ranges::copy_if(c.items, std::back_inserter(calls),
                             [](const ipc::VaultItem& i) { return i.kind == ipc::VaultKind::call; });
    });
    ASSERT_EQ(calls.size(), 3u);
    EXPECT_EQ(calls.front().name.view(), "sip:0@example.com");
    EXPECT_EQ(calls.back().name.view(), "sip:2@example.com");
}

TEST(Contacts, TheScreenGetsThemWhileTheVaultIsOpenAndNothingElseOfIt) {
    Pair p({.known_peers = {peer("sip:bob@example.com")},
            .contacts = {"sip:carol@example.com"},
            .sip_password = "correct horse",
            .vault_pin = std::string(kPin)});
    const auto asked = [&](ipc::VaultKind kind) {
        (void)p.alice.ui.send(ipc::VaultRead{.kind = kind});
        std::optional<ipc::VaultPage> page;
        for (int i = 0; i < 50 && !page; ++i) {
            p.alice.pump();
            page = EnclavePhone::take<ipc::VaultPage>(p.alice.from_ui);
        }
        return page.value().items;
    };
    EXPECT_TRUE(asked(ipc::VaultKind::contact).empty()) << "locked";
    EXPECT_EQ(p.alice.enter_pin(kPin)->error, Errc{});
    const auto contacts = asked(ipc::VaultKind::contact);
    ASSERT_EQ(contacts.size(), 1u);
    EXPECT_EQ(contacts.items()[0].name.view(), "sip:carol@example.com");
    for (const auto kind : {ipc::VaultKind::login, ipc::VaultKind::call, ipc::VaultKind::peer})
        EXPECT_TRUE(asked(kind).empty()) << int(kind);
}

}  // namespace
}  // namespace sealcall::test
