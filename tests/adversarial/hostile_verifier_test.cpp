// The process that parses foreign logs has been taken over by what it parsed. It can lower a level, never raise one.
#include <gtest/gtest.h>

#include "tests/support/enclave_phone.h"

namespace sealcall::test {
namespace {

using ipc::CallState;

/// What bob makes of alice when his verifier answers as told.
std::optional<ipc::CallCard> card_with(
    attestation::EkOrigin ek,
    std::function<std::optional<rats::VerifierResponse>(const rats::VerifierRequest&)> verifier) {
    TestAuthority authority;
    EnclavePhone alice(authority, {.ek = ek});
    EnclavePhone bob(authority, {.uri = "sip:bob@example.com", .verifier = std::move(verifier)});
    Hosts hosts(alice, bob);
    hosts.dial("sip:bob@example.com");
    (void)hosts.run_until([&] { return bob.last_card().has_value(); });
    return bob.last_card();
}

TEST(HostileVerifier, CannotRaiseALevelThatTheEnclaveDidNotFind) {
    auto card = card_with(attestation::EkOrigin::not_proven, [](const rats::VerifierRequest& request) {
        auto response = attestation::appraise(request);
        response.level = rats::Level::trusted_runtime;
        return std::optional(response);
    });
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, rats::Level::known_device);
}

TEST(HostileVerifier, CannotMakeALabDeviceGenuine) {
    auto card = card_with(attestation::EkOrigin::lab, [](const rats::VerifierRequest& request) {
        auto response = attestation::appraise(request);
        response.level = rats::Level::trusted_runtime;
        response.reasons = {};
        return std::optional(response);
    });
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, rats::Level::measured);
    EXPECT_TRUE(card->theirs.lab);
}

TEST(HostileVerifier, AnInventedListDoesNotReplay) {
    auto card = card_with(attestation::EkOrigin::lab, [](const rats::VerifierRequest& request) {
        auto response = attestation::appraise(request);
        CHECK(response.events.push(rats::PcrEvent{.pcr = 4, .digest = {}, .reference = 1}));
        return std::optional(response);
    });
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, rats::Level::failed);
    EXPECT_EQ(card->decision.action, policy::Action::refuse);
}

TEST(HostileVerifier, LeavingTheListOutOnlyLowers) {
    auto card = card_with(attestation::EkOrigin::lab, [](const rats::VerifierRequest& request) {
        auto response = attestation::appraise(request);
        response.events = {};
        return std::optional(response);
    });
    ASSERT_TRUE(card);
    EXPECT_LE(card->theirs.level, rats::Level::known_device);
}

TEST(HostileVerifier, AnAnswerToAnotherRequestIsNoAnswer) {
    auto card = card_with(attestation::EkOrigin::lab, [](const rats::VerifierRequest& request) {
        auto response = attestation::appraise(request);
        response.request.fill(std::byte{7});
        return std::optional(response);
    });
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, rats::Level::unverified);
    EXPECT_EQ(card->theirs.reasons.items().front(), rats::Reason::could_not_check);
}

TEST(HostileVerifier, LoweringIsBelieved) {
    auto card = card_with(attestation::EkOrigin::lab, [](const rats::VerifierRequest& request) {
        auto response = attestation::appraise(request);
        response.level = rats::Level::failed;
        return std::optional(response);
    });
    ASSERT_TRUE(card);
    EXPECT_EQ(card->theirs.level, rats::Level::failed);
}

}  // namespace
}  // namespace sealcall::test
