// Two hosts on the way to an attested call; each step checks what the enclaves are told.
#pragma once

#include "tests/unit/host/host_process.h"

namespace sealcall::testing {

struct AttestedPair {
    static constexpr SessionId kCaller{11}, kCallee{22};
    HostProcess caller, callee;
    ipc::IncomingInvite invite;
    ipc::LegAttesting attesting;
    bool started = false;

    void start() {
        if (std::exchange(started, true)) return;
        auto a = caller.start(HostProcess::default_config("sip:alice@example.com"));
        ASSERT_TRUE(a.ok) << a.problem.view();
        auto b = callee.start(HostProcess::default_config("sip:bob@example.com"));
        ASSERT_TRUE(b.ok) << b.problem.view();
    }
    void dial() {
        ipc::PlaceCall m;
        m.call = CallId{1};
        m.kind = ipc::CallKind::attested;
        m.uri = BoundedString<256>(callee.uri("bob"));
        m.fingerprint = digest_of(0xca);
        m.identity = BoundedString<2048>("passport;alg=ES256");
        caller.send(m);
    }
    void invite_only() {
        ASSERT_NO_FATAL_FAILURE(start());
        dial();
        invite = callee.expect<ipc::IncomingInvite>();
        ASSERT_NE(invite.handle.value, 0u);
        ipc::IncomingAdmitted m;
        m.handle = invite.handle;
        m.call = CallId{5};
        m.session = kCallee;
        m.fingerprint = digest_of(0xcb);
        callee.send(m);
    }
    void attest() {
        ASSERT_NO_FATAL_FAILURE(invite_only());
        callee.send(ipc::ChannelOut{.session = kCallee, .body = body_of<rats::kInfoBodyMax>("ClientHello")});
        attesting = caller.expect<ipc::LegAttesting>();
        ASSERT_EQ(attesting.call, CallId{1});
        caller.send(ipc::LegAdmitted{.call = CallId{1}, .leg = attesting.leg, .session = kCaller});
        ASSERT_EQ(as_chars(caller.expect<ipc::ChannelIn>().body.view()), "ClientHello");
        caller.send(ipc::ChannelOut{.session = kCaller, .body = body_of<rats::kInfoBodyMax>("ServerHello")});
        ASSERT_EQ(as_chars(callee.expect<ipc::ChannelIn>().body.view()), "ServerHello");
    }
    void answer() {
        ASSERT_NO_FATAL_FAILURE(attest());
        callee.send(ipc::SendRinging{.session = kCallee});
        callee.send(ipc::SendOk{.session = kCallee});
        ASSERT_EQ(caller.expect<ipc::LegAnswered>().session, kCaller);
        ASSERT_EQ(callee.expect<ipc::LegAnswered>().session, kCallee);
    }
    void connect_media() {
        caller.send(ipc::StartMediaPath{.session = kCaller});
        callee.send(ipc::StartMediaPath{.session = kCallee});
        auto a = caller.expect<ipc::LocalCandidates>(), b = callee.expect<ipc::LocalCandidates>();
        caller.send(ipc::RemoteCandidates{.session = kCaller, .fragment = b.fragment});
        callee.send(ipc::RemoteCandidates{.session = kCallee, .fragment = a.fragment});
        ASSERT_EQ(caller.expect<ipc::MediaPathReady>().session, kCaller);
        ASSERT_EQ(callee.expect<ipc::MediaPathReady>().session, kCallee);
    }
};

}  // namespace sealcall::testing
