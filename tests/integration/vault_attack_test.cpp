// What a host, a stranger, a fork or bad timing might gain of a phone that is locked or waits for the PIN: nothing.
#include "tests/support/pair.h"
#include "tests/support/policies.h"

namespace sealcall::test {
namespace {

using ipc::CallState;
using ipc::EndReason;
using rats::Reason;

PhoneOptions with_pin(PhoneOptions o = {}) {
    o.vault_pin = std::string(kPin);
    return o;
}
PhoneOptions bob_with_pin(PhoneOptions o = {}) {
    o.uri = "sip:bob@example.com";
    return with_pin(std::move(o));
}
/// Whatever the others prove takes the PIN; a downgrade as well.
policy::Policy takes_the_pin() {
    policy::Policy p = ask_the_person();
    p.minimum = rats::Level::trusted_boot;
    p.below_minimum = policy::Action::pin;
    p.ordinary_phones = policy::Action::pin;
    p.downgrade = policy::Action::pin;
    return p;
}
void unlock(EnclavePhone& phone) {
    const auto reply = phone.enter_pin(kPin);
    ASSERT_TRUE(reply);
    ASSERT_EQ(reply->error, Errc{});
}
void lock(Pair& p, EnclavePhone& phone) {
    phone.from_ui.clear();
    ASSERT_TRUE(phone.ui.send(ipc::LockPhone{}).has_value());
    ASSERT_TRUE(p.wait_for_lock(phone, true));
}
size_t times(const EnclavePhone& phone, std::string_view event) {
    const std::string all = phone.audit_text(), wanted = "\"event\":\"" + std::string(event) + "\"";
    size_t n = 0;
    for (size_t at = all.find(wanted); at != std::string::npos; at = all.find(wanted, at + 1)) ++n;
    return n;
}

TEST(LockAttack, EndsACallThatHasNoLegYet) {
    Pair p(with_pin({.known_attesting = {"sip:bob@example.com"}}));
    unlock(p.alice);
    bool placed = false;
    p.hosts.intercept = [&](EnclavePhone&, Bytes& raw) {
        placed = placed || *ipc::message_id(raw) == ipc::PlaceCall::kId;
        return *ipc::message_id(raw) != ipc::PlaceCall::kId;
    };
    p.hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(p.hosts.run_until([&] { return placed; }));
    const CallId call = p.alice.last_state()->call;
    lock(p, p.alice);
    ASSERT_TRUE(p.hosts.run_until([&] { return Pair::is(p.alice, CallState::ended); }));
    EXPECT_EQ(p.alice.last_state()->reason, EndReason::locked);
    p.alice.from_host.clear();
    (void)p.alice.host.send(ipc::LegOrdinary{.call = call});
    (void)p.alice.host.send(ipc::LegAttesting{.call = call, .leg = 0, .sdp_fingerprint = digest_of(3)});
    for (int i = 0; i < 50; ++i) p.alice.pump();
    EXPECT_EQ(EnclavePhone::count<ipc::LegAdmitted>(p.alice.from_host), 0u);
    EXPECT_EQ(EnclavePhone::count<ipc::PlaceCall>(p.alice.from_host), 0u);
}

TEST(LockAttack, WhatThePersonHeldWhileLockedStaysHeldAfterThePin) {
    Pair p(with_pin());
    unlock(p.alice);
    ASSERT_TRUE(p.hosts.connect());
    lock(p, p.alice);
    ASSERT_TRUE(p.both(CallState::held));
    ASSERT_TRUE(p.alice.ui.send(ipc::SetHold{.call = p.hosts.a_call, .on = true}).has_value());
    for (int i = 0; i < 20; ++i) p.hosts.turn();
    unlock(p.alice);
    for (int i = 0; i < 200; ++i) p.hosts.turn();
    EXPECT_TRUE(Pair::is(p.alice, CallState::held));
    ASSERT_TRUE(p.alice.ui.send(ipc::SetHold{.call = p.hosts.a_call, .on = false}).has_value());
    EXPECT_TRUE(p.both(CallState::media));
}

TEST(LockAttack, APinThatWasRightBeforeTheLockBringsNothingBack) {
    Pair p(with_pin());
    unlock(p.alice);
    ASSERT_TRUE(p.hosts.connect());
    ASSERT_TRUE(p.hosts.run_until([&] { return p.alice.key_life().back().event == ipc::KeyEvent::sealed; }));
    ipc::EnterPin m{.request = RequestId{77}, .question = {}, .pin = {}};
    std::ranges::copy(as_bytes(kPin), m.pin.reveal(SecretAccess{}).begin());
    ASSERT_TRUE(p.alice.ui.send_and_wipe(ipc::encode_secret(m)).has_value());
    ASSERT_TRUE(p.alice.ui.send(ipc::LockPhone{}).has_value());  // both are read in one turn
    ASSERT_TRUE(p.hosts.run_until([&] { return EnclavePhone::count<ipc::PinReply>(p.alice.from_ui) != 0; }));
    for (int i = 0; i < 100; ++i) p.hosts.turn();
    EXPECT_TRUE(p.alice.status()->locked);
    EXPECT_TRUE(Pair::is(p.alice, CallState::held));
    unlock(p.alice);
    EXPECT_TRUE(p.both(CallState::media));
}

TEST(LockAttack, LockedWhileAPinIsCheckedItStaysLocked) {
    Pair p(with_pin());
    ipc::EnterPin m{.request = RequestId{78}, .question = {}, .pin = {}};
    std::ranges::copy(as_bytes(kPin), m.pin.reveal(SecretAccess{}).begin());
    ASSERT_TRUE(p.alice.ui.send_and_wipe(ipc::encode_secret(m)).has_value());
    ASSERT_TRUE(p.alice.ui.send(ipc::LockPhone{}).has_value());  // both are read in one turn
    ASSERT_TRUE(p.hosts.run_until([&] { return EnclavePhone::count<ipc::PinReply>(p.alice.from_ui) != 0; }));
    EXPECT_EQ(EnclavePhone::take<ipc::PinReply>(p.alice.from_ui)->error, Errc{});
    for (int i = 0; i < 50; ++i) p.alice.pump();
    EXPECT_TRUE(p.alice.status()->locked);
    unlock(p.alice);
    EXPECT_FALSE(p.alice.status()->locked);
}

TEST(LockAttack, ACallWithAContactIsOneWhileLockedToo) {
    const TestAuthority authority;
    Document d = lab_document({lab_rule("all", Action::allow)});
    d.unknown_callers = policy::UnknownCallers::refuse;
    PhoneOptions options = bob_with_pin(obeying(authority, d, "sip:bob@example.com"));
    options.contacts = {"sip:alice@example.com"};
    EnclavePhone alice(authority, {}), bob(authority, options);
    Hosts hosts(alice, bob);
    unlock(bob);
    ASSERT_TRUE(hosts.connect());
    ASSERT_TRUE(bob.ui.send(ipc::LockPhone{}).has_value());
    ASSERT_TRUE(hosts.run_until([&] { return Pair::is(bob, CallState::held) && Pair::is(alice, CallState::held); }));
    bob.from_ui.clear();
    ASSERT_TRUE(bob.ui.send(ipc::Recheck{.call = hosts.b_call}).has_value());
    ASSERT_TRUE(hosts.run_until([&] { return EnclavePhone::count<ipc::Rechecked>(bob.from_ui) != 0; }));
    EXPECT_EQ(EnclavePhone::take<ipc::Rechecked>(bob.from_ui)->done, ipc::OnFall::nothing);
    unlock(bob);
    EXPECT_TRUE(hosts.run_until([&] { return Pair::is(bob, CallState::media) && Pair::is(alice, CallState::media); }));
}

TEST(LockAttack, AStrangerWhoKnocksDoesNotKeepThePhoneOpen) {
    Pair p({}, bob_with_pin({.policy = ask_the_person(), .lock_after_s = 1}));
    unlock(p.bob);
    p.hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(p.hosts.run_until([&] { return Pair::is(p.bob, CallState::ringing); }));
    p.bob.from_ui.clear();
    const ipc::VaultItem past{.kind = ipc::VaultKind::call,
                              .name = BoundedString<256>("sip:stranger@example.com"),
                              .body = BoundedBytes<576>(as_bytes("{}"))};
    const BootInstant until = BootClock::now() + Millis{20000};
    while (!p.bob.status()->locked && BootClock::now() < until) {
        for (int i = 0; i < 50; ++i) p.hosts.turn();
        (void)p.bob.ui.send(ipc::KeepCall{.past = past});  // what ui does by itself when one of them has gone
    }
    EXPECT_TRUE(p.bob.status()->locked);
    EXPECT_FALSE(Pair::is(p.bob, CallState::ended));
}

TEST(ConsentAttack, AskedWhileLockedDoesNotCoverADowngradeThatThePinBringsToLight) {
    Pair p({}, bob_with_pin({.policy = takes_the_pin(), .known_peers = {peer("sip:alice@example.com")}}));
    p.hosts.dial("sip:bob@example.com");
    const auto first = question(p.hosts, p.bob);
    ASSERT_TRUE(first && first->wanted);
    EXPECT_EQ(first->why, Reason::none);  // nobody is known yet
    EXPECT_EQ(p.bob.enter_pin(kPin, first->question)->error, Errc{});
    std::optional<ipc::AskConsent> second;
    ASSERT_TRUE(p.hosts.run_until([&] {
        while (auto m = EnclavePhone::take<ipc::AskConsent>(p.bob.from_ui))
            if (m->wanted) second = *m;
        return second.has_value();
    }));
    EXPECT_EQ(second->why, Reason::new_key);
    for (int i = 0; i < 50; ++i) p.hosts.turn();
    EXPECT_FALSE(Pair::is(p.bob, CallState::ringing));
    EXPECT_EQ(p.bob.remembered()[0].second, peer("sip:alice@example.com").second);
    const auto reply = p.bob.enter_pin(kPin, second->question);
    EXPECT_TRUE(reply->consented);
    ASSERT_TRUE(p.hosts.run_until([&] { return Pair::is(p.bob, CallState::ringing); }));
    EXPECT_EQ(times(p.bob, "consent"), 2u);
}

TEST(ConsentAttack, AHostCannotAttestAndBeOrdinaryInOneCall) {
    Pair p(with_pin({.policy = takes_the_pin()}));
    unlock(p.alice);
    p.hosts.ordinary = true;
    p.hosts.dial("sip:bob@example.com");
    const auto asked = question(p.hosts, p.alice);
    ASSERT_TRUE(asked && asked->wanted);
    (void)p.alice.host.send(ipc::LegAttesting{.call = asked->call, .leg = 0, .sdp_fingerprint = digest_of(3)});
    const auto gone = question(p.hosts, p.alice);
    ASSERT_TRUE(gone);
    EXPECT_FALSE(gone->wanted);
    size_t placed = 0;
    p.hosts.intercept = [&](EnclavePhone& who, Bytes& raw) {
        placed += &who == &p.alice && *ipc::message_id(raw) == ipc::PlaceCall::kId;
        return true;
    };
    EXPECT_FALSE(p.alice.enter_pin(kPin, asked->question)->consented);
    for (int i = 0; i < 50; ++i) p.hosts.turn();
    EXPECT_EQ(placed, 0u);
}

TEST(ConsentAttack, ThePinLiftsNoReceiveOnly) {
    const TestAuthority authority;
    Document d = lab_document({lab_rule("listen", Action::receive_only)});
    d.downgrade = Action::pin;
    PhoneOptions options = with_pin(obeying(authority, d, "sip:alice@example.com"));
    options.known_peers = {peer("sip:bob@example.com")};
    EnclavePhone alice(authority, options), bob(authority, {.uri = "sip:bob@example.com"});
    Hosts hosts(alice, bob);
    unlock(alice);
    hosts.dial("sip:bob@example.com");
    const auto asked = question(hosts, alice);
    ASSERT_TRUE(asked);
    EXPECT_TRUE(asked->decision.listen_only);
    EXPECT_TRUE(alice.enter_pin(kPin, asked->question)->consented);
    ASSERT_TRUE(hosts.run_until([&] { return Pair::is(alice, CallState::media) && Pair::is(bob, CallState::media); }));
    EXPECT_EQ(alice.last_card()->decision.action, Action::receive_only);
    ASSERT_TRUE(alice.ui.send(ipc::SetMicrophone{.call = hosts.a_call, .on = true}).has_value());
    for (int i = 0; i < 20; ++i) hosts.turn();
    bob.from_audio.clear();
    hosts.talk(10);
    EXPECT_EQ(EnclavePhone::count<ipc::PlayFrame>(bob.from_audio), 0u);
}

TEST(MemoryAttack, WhoOnlyKnocksIsNotRemembered) {
    Pair p({}, {.uri = "sip:bob@example.com", .policy = ask_the_person()});
    for (int i = 0; i < 2; ++i) {
        p.hosts.dial("sip:bob@example.com");
        ASSERT_TRUE(p.hosts.run_until([&] { return Pair::is(p.bob, CallState::ringing); }));
        p.hang_up();
    }
    EXPECT_TRUE(p.bob.remembered().empty());
    EXPECT_EQ(p.alice.remembered().size(), 1u);  // whom the person called
}

}  // namespace
}  // namespace sealcall::test
