// Two real enclaves on two TPMs; hosts, network and people are the test.
#include <gtest/gtest.h>

#include "tests/support/pair.h"

namespace sealcall::test {
namespace {

using ipc::CallState;

TEST(AttestedCall, BothSeeLevelTwoLabBeforeItRingsAndSoundFlows) {
    Pair p;
    ASSERT_TRUE(p.hosts.connect());
    const auto card_a = p.alice.last_card(), card_b = p.bob.last_card();
    ASSERT_TRUE(card_a && card_b);
    EXPECT_EQ(card_a->theirs.level, rats::Level::measured);
    EXPECT_TRUE(card_a->theirs.lab);
    EXPECT_EQ(card_b->theirs.level, rats::Level::measured);
    EXPECT_TRUE(card_b->ours_known);
    EXPECT_EQ(card_b->ours, rats::Level::measured);
    EXPECT_EQ(card_b->peer_uri.view(), "sip:alice@example.com");
    EXPECT_EQ(card_a->peer_uri.view(), "sip:bob@example.com");
    EXPECT_EQ(card_a->protection, ipc::Protection::end_to_end);
    p.hosts.talk(20);
    EXPECT_GE(EnclavePhone::count<ipc::PlayFrame>(p.alice.from_audio), 18u);
    EXPECT_GE(EnclavePhone::count<ipc::PlayFrame>(p.bob.from_audio), 18u);
}

TEST(AttestedCall, CallerIsCheckedBeforeTheCalleeQuotesAnything) {
    Pair p;
    bool evidence_before_ring = false;
    p.hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(p.hosts.run_until([&] { return p.bob.last_card().has_value(); }));
    uint64_t appraised = 0, own_sent = 0, ringing = 0;
    for (const auto& b : p.bob.from_ui)
        if (auto m = ipc::decode_message<ipc::CallPhase>(b)) {
            if (m->phase == ipc::Phase::peer_appraised) appraised = m->boot_us;
            if (m->phase == ipc::Phase::own_evidence_sent) own_sent = m->boot_us;
            if (m->phase == ipc::Phase::ringing) ringing = m->boot_us;
        }
    evidence_before_ring = appraised != 0 && appraised < own_sent && own_sent < ringing;
    EXPECT_TRUE(evidence_before_ring);
}

TEST(AttestedCall, APartnerSeesAnAttestationKeyThatNobodyElseSees) {
    TestAuthority authority;
    EnclavePhone alice(authority, {.partners = {"partner.example", "other.example"}});
    EnclavePhone bob(authority, {.uri = "sip:bob@example.com"}), pat(authority, {.uri = "sip:pat@partner.example"});
    const auto key_seen_by = [&](EnclavePhone& peer) {
        Hosts hosts(alice, peer);
        peer.verifier_requests.clear();
        alice.from_ui.clear();  // the end of the call before
        peer.from_ui.clear();
        EXPECT_TRUE(hosts.connect(peer.uri()));
        EXPECT_EQ(peer.last_card()->theirs.level, rats::Level::measured);
        const auto request = ipc::decode_message<rats::VerifierRequest>(peer.verifier_requests.at(0)).value();
        const auto key = ipc::decode<rats::EvidenceBody>(request.evidence.body.view()).value().ak_public;
        EXPECT_TRUE(alice.ui.send(ipc::HangUp{.call = hosts.a_call}).has_value());
        EXPECT_TRUE(hosts.run_until([&] {
            return peer.last_state()->state == CallState::ended && alice.last_state()->state == CallState::ended;
        }));
        return to_bytes(key.view());
    };
    const Bytes for_bob = key_seen_by(bob), for_pat = key_seen_by(pat);
    EXPECT_NE(for_bob, for_pat);
    EXPECT_EQ(key_seen_by(bob), for_bob);
    EXPECT_EQ(key_seen_by(pat), for_pat);
}

TEST(AttestedCall, NoCandidatesLeaveAPhoneBeforeBothPoliciesAgreed) {
    Pair p;
    bool asked_early = false;
    p.hosts.intercept = [&](EnclavePhone& who, Bytes& raw) {
        if (ipc::decode_message<ipc::StartMediaPath>(raw)) {
            auto s = who.last_state();
            asked_early |= !s || (s->state != CallState::answered && s->state != CallState::ringing &&
                                  s->state != CallState::decided);
        }
        return true;
    };
    ASSERT_TRUE(p.hosts.connect());
    EXPECT_FALSE(asked_early);
}

TEST(AttestedCall, ATpmNotProvenGenuineIsLevelOneAndBelowTheMinimum) {
    Pair p({.ek = attestation::EkOrigin::not_proven});
    p.hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(p.caller_ends());
    const auto card = p.bob.last_card();
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, rats::Level::known_device);
    EXPECT_EQ(card->decision.action, policy::Action::refuse);
    EXPECT_EQ(EnclavePhone::count<ipc::SendRinging>(p.bob.from_host), 0u);
}

TEST(AttestedCall, LabDoesNotCountUnlessThePolicySaysSo) {
    auto strict = lab_policy();
    strict.lab_counts = false;
    Pair p({}, {.uri = "sip:bob@example.com", .policy = strict});
    p.hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(p.caller_ends());
    ASSERT_TRUE(p.bob.last_card());
    EXPECT_EQ(p.bob.last_card()->decision.rule, policy::Rule::lab_does_not_count);
}

TEST(AttestedCall, AStrangersAuthorityIsRefusedBeforeTheCalleeSigns) {
    TestAuthority ours, theirs("Elsewhere");
    EnclavePhone alice(theirs, {}), bob(ours, {.uri = "sip:bob@example.com"});
    Hosts hosts(alice, bob);
    hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(hosts.run_until([&] { return alice.last_state() && alice.last_state()->state == CallState::ended; }));
    EXPECT_EQ(EnclavePhone::count<ipc::CallCard>(bob.from_ui), 0u);
    EXPECT_NE(bob.audit_text().find("channel_failed"), std::string::npos);
}

TEST(AttestedCall, AChangedPlatformCannotSignAndSaysWhy) {
    Pair p;
    p.alice.extend_measurement("one byte of the enclave differs");
    p.hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(p.caller_ends());
    EXPECT_EQ(p.alice.last_state()->reason, ipc::EndReason::own_tpm_refused);
    EXPECT_NE(p.alice.last_state()->detail.view().find("0x99d"), std::string_view::npos);
    EXPECT_EQ(EnclavePhone::count<ipc::CallCard>(p.bob.from_ui), 0u);
    EXPECT_NE(p.bob.audit_text().find("\"incoming\""), std::string::npos);
}

TEST(AttestedCall, AnotherPersonAnsweringIsSaid) {
    Pair p({}, {.uri = "sip:carol@example.com"});
    ASSERT_TRUE(p.hosts.connect("sip:bob@example.com"));
    EXPECT_TRUE(p.alice.last_card()->answered_by_other);
}

TEST(AttestedCall, AVerifierThatDoesNotAnswerMeansCouldNotCheck) {
    PhoneOptions silent{.uri = "sip:bob@example.com"};
    silent.verifier = [](const rats::VerifierRequest&) { return std::nullopt; };
    Pair p({}, silent);
    p.hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(p.caller_ends());
    ASSERT_TRUE(p.bob.last_card());
    EXPECT_EQ(p.bob.last_card()->theirs.level, rats::Level::unverified);
    EXPECT_EQ(p.bob.last_card()->theirs.reasons.items().front(), rats::Reason::could_not_check);
}

TEST(OrdinaryCall, IsLevelZeroAndEncryptedHopByHop) {
    Pair p;
    p.hosts.ordinary = true;
    p.hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(p.both(CallState::media));
    EXPECT_EQ(p.alice.last_card()->theirs.level, rats::Level::unverified);
    EXPECT_EQ(p.alice.last_card()->protection, ipc::Protection::hop);
    EXPECT_EQ(p.alice.last_card()->decision.action, policy::Action::warn);
    p.hosts.talk(10);
    EXPECT_GE(EnclavePhone::count<ipc::PlayFrame>(p.bob.from_audio), 8u);
}

TEST(OrdinaryCall, SomebodyKnownToAttestIsADowngradeAndRefused) {
    Pair p({.known_attesting = {"sip:bob@example.com"}});
    p.hosts.ordinary = true;
    p.hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(p.caller_ends());
    EXPECT_EQ(p.alice.last_state()->reason, ipc::EndReason::downgrade);
}

TEST(OrdinaryCall, AnUnenrolledPhoneCallsAsAnOrdinaryOne) {
    Pair p({.enrolled = false});
    p.hosts.ordinary = true;
    p.hosts.dial("sip:bob@example.com");
    ASSERT_TRUE(
        p.hosts.run_until([&] { return p.alice.last_state() && p.alice.last_state()->state == CallState::media; }));
}

}  // namespace
}  // namespace sealcall::test
