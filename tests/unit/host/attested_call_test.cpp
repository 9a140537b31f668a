// Two real hosts, direct TLS, no enclave logic: the test says what the enclaves would say.
#include "tests/unit/host/attested_pair.h"

namespace sealcall::testing {
namespace {

using namespace std::chrono_literals;

TEST(AttestedCall, RunsFromInviteToSoundAndBye) {
    AttestedPair p;
    ASSERT_NO_FATAL_FAILURE(p.answer());
    ASSERT_NO_FATAL_FAILURE(p.connect_media());
    for (int i = 0; i < 50; ++i) {
        Bytes packet(172, std::byte{0x80});
        packet[3] = static_cast<std::byte>(i);
        p.caller.send(ipc::Datagram{.session = p.kCaller, .bytes = BoundedBytes<ipc::kDatagramMax>(packet)});
        EXPECT_EQ(p.callee.expect<ipc::Datagram>().bytes.view()[3], static_cast<std::byte>(i));
    }
    Bytes back(60, std::byte{22});
    p.callee.send(ipc::Datagram{.session = p.kCallee, .bytes = BoundedBytes<ipc::kDatagramMax>(back)});
    EXPECT_EQ(p.caller.expect<ipc::Datagram>().bytes.size(), 60u);
    p.caller.send(ipc::EndLeg{.session = p.kCaller});
    auto ended = p.callee.expect<ipc::LegEnded>();
    EXPECT_EQ(ended.session, p.kCallee);
    EXPECT_EQ(ended.why, ipc::LegEndWhy::bye);
    p.caller.expect_silence(100ms);
}

TEST(AttestedCall, CarriesChannelBodiesInOrderAndUnchangedBothWays) {
    AttestedPair p;
    ASSERT_NO_FATAL_FAILURE(p.attest());
    Bytes body(rats::kInfoBodyMax);
    for (size_t i = 0; i < body.size(); ++i) body[i] = static_cast<std::byte>(i * 7);  // with NULs and line ends
    for (uint8_t n = 0; n < 20; ++n) {
        body[0] = static_cast<std::byte>(n);
        p.caller.send(ipc::ChannelOut{.session = p.kCaller, .body = BoundedBytes<rats::kInfoBodyMax>(body)});
        p.callee.send(ipc::ChannelOut{.session = p.kCallee, .body = BoundedBytes<rats::kInfoBodyMax>(body)});
    }
    for (uint8_t n = 0; n < 20; ++n) {
        body[0] = static_cast<std::byte>(n);
        EXPECT_TRUE(equal_bytes(p.callee.expect<ipc::ChannelIn>().body.view(), body));
        EXPECT_TRUE(equal_bytes(p.caller.expect<ipc::ChannelIn>().body.view(), body));
    }
}

TEST(AttestedCall, TellsFingerprintsNamesAndOriginAsHearsay) {
    AttestedPair p;
    ASSERT_NO_FATAL_FAILURE(p.attest());
    EXPECT_EQ(p.invite.kind, ipc::CallKind::attested);
    EXPECT_EQ(p.invite.sdp_fingerprint, digest_of(0xca));
    EXPECT_EQ(p.invite.from_uri.view(), "sip:alice@example.com");
    EXPECT_EQ(p.invite.identity.view(), "passport;alg=ES256");
    EXPECT_EQ(p.invite.origin.view(), "127.0.0.1");
    EXPECT_EQ(p.attesting.sdp_fingerprint, digest_of(0xcb));
}

TEST(AttestedCall, KeepsChannelBodiesUntilTheEnclaveHasGivenASession) {
    AttestedPair p;
    ASSERT_NO_FATAL_FAILURE(p.invite_only());
    p.callee.send(ipc::ChannelOut{.session = p.kCallee, .body = body_of<rats::kInfoBodyMax>("one")});
    p.callee.send(ipc::ChannelOut{.session = p.kCallee, .body = body_of<rats::kInfoBodyMax>("two")});
    p.caller.expect<ipc::LegAttesting>();
    p.caller.expect_silence(100ms);
    p.caller.send(ipc::LegAdmitted{.call = CallId{1}, .leg = 0, .session = p.kCaller});
    EXPECT_EQ(as_chars(p.caller.expect<ipc::ChannelIn>().body.view()), "one");
    EXPECT_EQ(as_chars(p.caller.expect<ipc::ChannelIn>().body.view()), "two");
}

TEST(AttestedCall, RefusalGivesTheSameStatusForEveryReason) {
    for (uint16_t status : {uint16_t{480}, uint16_t{486}}) {
        AttestedPair p;
        ASSERT_NO_FATAL_FAILURE(p.start());
        p.dial();
        auto invite = p.callee.expect<ipc::IncomingInvite>();
        p.callee.send(ipc::IncomingRefused{.handle = invite.handle, .sip_status = status});
        auto failed = p.caller.expect<ipc::CallFailed>();
        EXPECT_EQ(failed.why, ipc::LegEndWhy::failed);
        EXPECT_EQ(failed.sip_status, status);
    }
}

TEST(AttestedCall, EndingAnEarlyLegByTheCalleeEndsTheDial) {
    AttestedPair p;
    ASSERT_NO_FATAL_FAILURE(p.attest());
    p.callee.send(ipc::EndLeg{.session = p.kCallee, .sip_status = 480});
    EXPECT_EQ(p.caller.expect<ipc::LegEnded>().session, p.kCaller);
    EXPECT_EQ(p.caller.expect<ipc::CallFailed>().sip_status, 480);
}

TEST(AttestedCall, HoldAndResumeGoBothWays) {
    AttestedPair p;
    ASSERT_NO_FATAL_FAILURE(p.answer());
    for (bool on : {true, false}) {
        p.caller.send(ipc::SendHold{.session = p.kCaller, .on = on});
        EXPECT_EQ(p.callee.expect<ipc::PeerHold>().on, on);
    }
    for (bool on : {true, false}) {
        p.callee.send(ipc::SendHold{.session = p.kCallee, .on = on});
        EXPECT_EQ(p.caller.expect<ipc::PeerHold>().on, on);
    }
}

TEST(AttestedCall, CrossingHoldsAreBothSettledAfterGlare) {
    AttestedPair p;
    ASSERT_NO_FATAL_FAILURE(p.answer());
    p.caller.send(ipc::SendHold{.session = p.kCaller, .on = true});
    p.callee.send(ipc::SendHold{.session = p.kCallee, .on = true});
    EXPECT_TRUE(p.callee.expect<ipc::PeerHold>().on);
    EXPECT_TRUE(p.caller.expect<ipc::PeerHold>().on);
}

TEST(AttestedCall, SecondCallRunsOverTheSameConnection) {
    AttestedPair p;
    ASSERT_NO_FATAL_FAILURE(p.answer());
    p.caller.send(ipc::EndLeg{.session = p.kCaller});
    p.callee.expect<ipc::LegEnded>();
    ASSERT_NO_FATAL_FAILURE(p.attest());
}

TEST(AttestedCall, ReachesRingingWithinTheBudget) {
    AttestedPair p;
    ASSERT_NO_FATAL_FAILURE(p.start());
    // Four round trips of the channel, as the enclaves would make them, without any TPM. Best of several: the machine
    // may be busy, but a delayed acknowledgement costs 40 ms every time.
    auto best = std::chrono::microseconds::max();
    for (int round = 0; round < 5; ++round) {
        const auto begin = std::chrono::steady_clock::now();
        ASSERT_NO_FATAL_FAILURE(p.attest());
        const Bytes body(2000, std::byte{1});
        const BoundedBytes<rats::kInfoBodyMax> out(body);
        for (int i = 0; i < 2; ++i) {
            p.callee.send(ipc::ChannelOut{.session = p.kCallee, .body = out});
            p.caller.expect<ipc::ChannelIn>();
            p.caller.send(ipc::ChannelOut{.session = p.kCaller, .body = out});
            p.callee.expect<ipc::ChannelIn>();
        }
        const auto took =
            std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin);
        std::printf("dial to verdict without TPM, call %d: %ld us\n", round + 1, static_cast<long>(took.count()));
        best = std::min(best, took);
        p.caller.send(ipc::EndCall{.call = CallId{1}});
        p.callee.expect<ipc::LegEnded>();
    }
    EXPECT_LT(best, 30ms);
}

TEST(AttestedCall, HostHangsUpAndEndsWithTheLinkToEnclaveOrUi) {
    for (const bool enclave : {true, false})
        for (const bool caller : {true, false}) {
            AttestedPair p;
            ASSERT_NO_FATAL_FAILURE(p.answer());
            HostProcess &dies = caller ? p.caller : p.callee, &stays = caller ? p.callee : p.caller;
            enclave ? dies.close_enclave_link() : dies.close_ui_link();
            EXPECT_EQ(stays.expect<ipc::LegEnded>().why, ipc::LegEndWhy::bye) << enclave << caller;
            EXPECT_EQ(dies.wait_exit(), 0);
        }
}

TEST(AttestedCall, HostThatLosesItsEnclaveBeforeTheAnswerGivesUpTheDial) {
    AttestedPair p;
    ASSERT_NO_FATAL_FAILURE(p.attest());
    p.caller.close_enclave_link();
    EXPECT_EQ(p.callee.expect<ipc::LegEnded>().why, ipc::LegEndWhy::cancelled);
    EXPECT_EQ(p.caller.wait_exit(), 0);
    AttestedPair q;
    ASSERT_NO_FATAL_FAILURE(q.attest());
    q.callee.close_enclave_link();
    EXPECT_EQ(q.caller.find<ipc::CallFailed>().sip_status, 480);
    EXPECT_EQ(q.callee.wait_exit(), 0);
}

TEST(AttestedCall, ShutdownEndsCallsAndExitsCleanly) {
    AttestedPair p;
    ASSERT_NO_FATAL_FAILURE(p.answer());
    p.caller.send_control(ipc::Shutdown{});
    EXPECT_EQ(p.callee.expect<ipc::LegEnded>().why, ipc::LegEndWhy::bye);
    EXPECT_EQ(p.caller.wait_exit(), 0);
}

}  // namespace
}  // namespace sealcall::testing
