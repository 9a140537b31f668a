// Link over a real SOCK_SEQPACKET pair: boundaries, queueing, the full queue, oversize, the end, and who may say hello.
#include "sealcall/ipc/link.h"

#include <gtest/gtest.h>

namespace sealcall::ipc {
namespace {

struct Pair {
    Link a, b;
    int raw_b = -1;
    Pair() {
        int fds[2];
        CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
        a = Link(UniqueFd(fds[0]));
        b = Link(UniqueFd(fds[1]));
        raw_b = fds[1];
    }
};

using Buffer = std::array<std::byte, kMessageMax + 1>;

TEST(Link, KeepsMessageBoundariesAndOrder) {
    Pair p;
    Buffer buffer;
    EXPECT_EQ(p.b.receive(buffer).error().code, Errc::would_block);
    ASSERT_TRUE(p.a.send(HangUp{.call = CallId{1}}));
    ASSERT_TRUE(p.a.send(SetHold{.call = CallId{2}, .on = true}));
    auto first = p.b.receive(buffer);
    ASSERT_TRUE(first);
    auto hang_up = decode_message<HangUp>(*first);
    ASSERT_TRUE(hang_up);
    EXPECT_EQ(hang_up->call, CallId{1});
    auto second = p.b.receive(buffer);
    ASSERT_TRUE(second);
    auto hold = decode_message<SetHold>(*second);
    ASSERT_TRUE(hold);
    EXPECT_TRUE(hold->on);
    EXPECT_EQ(p.b.receive(buffer).error().code, Errc::would_block);
}

TEST(Link, QueuesWhatThePeerCannotTakeYetAndKeepsTheOrder) {
    Pair p;
    uint32_t sent = 0;
    while (p.a.events() == POLLIN) ASSERT_TRUE(p.a.send(HangUp{.call = CallId{sent++}})) << sent;
    EXPECT_EQ(p.a.events(), POLLIN | POLLOUT);
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(p.a.send(HangUp{.call = CallId{sent++}}));
    EXPECT_EQ(p.a.send_or_drop(HangUp{.call = CallId{9999}}).error().code, Errc::would_block)
        << "media does not overtake and does not wait";
    Buffer buffer;
    uint32_t got = 0;
    while (got < sent) {
        auto m = p.b.receive(buffer);
        if (!m) {
            ASSERT_EQ(m.error().code, Errc::would_block);
            ASSERT_TRUE(p.a.flush());
            continue;
        }
        auto v = decode_message<HangUp>(*m);
        ASSERT_TRUE(v);
        ASSERT_EQ(v->call.value, got++);
    }
    EXPECT_EQ(p.a.events(), POLLIN);
    EXPECT_EQ(p.b.receive(buffer).error().code, Errc::would_block);
}

TEST(Link, AFullQueueIsAnErrorAndNotMoreMemory) {
    Pair p;
    while (p.a.events() == POLLIN) ASSERT_TRUE(p.a.send(HangUp{}));
    Status s;
    size_t queued = 1;
    while ((s = p.a.send(HangUp{}))) ++queued;
    EXPECT_EQ(s.error().code, Errc::closed);
    EXPECT_EQ(queued, Link::kQueueMax);
}

TEST(Link, TakesTheLargestMessageAndRefusesALargerOne) {
    Pair p;
    Buffer buffer;
    Bytes largest(kMessageMax, std::byte{0x61});
    ASSERT_TRUE(p.a.send_bytes(largest));
    auto m = p.b.receive(buffer);
    ASSERT_TRUE(m);
    EXPECT_TRUE(equal_bytes(*m, largest));
    Bytes larger(kMessageMax + 1, std::byte{0x62});
    ASSERT_EQ(::send(p.a.fd(), larger.data(), larger.size(), MSG_DONTWAIT), static_cast<ssize_t>(larger.size()));
    EXPECT_EQ(p.b.receive(buffer).error().code, Errc::too_large);
    Bytes huge(kMessageMax + 5000, std::byte{0x63});
    ASSERT_EQ(::send(p.a.fd(), huge.data(), huge.size(), MSG_DONTWAIT), static_cast<ssize_t>(huge.size()));
    EXPECT_EQ(p.b.receive(buffer).error().code, Errc::too_large);
}

TEST(LinkDeathTest, SendingTooMuchIsOurOwnMistake) {
    Pair p;
    EXPECT_DEATH((void)p.a.send_bytes(Bytes(kMessageMax + 1)), "check_failed");
}

TEST(Link, SeesTheEndOfThePeer) {
    Pair p;
    Buffer buffer;
    ASSERT_TRUE(p.a.send(HangUp{.call = CallId{5}}));
    p.a.close();
    EXPECT_TRUE(p.b.receive(buffer)) << "what was sent before the end still arrives";
    EXPECT_EQ(p.b.receive(buffer).error().code, Errc::closed);
    EXPECT_EQ(p.b.send(HangUp{}).error().code, Errc::closed);
    EXPECT_EQ(p.a.send(HangUp{}).error().code, Errc::closed);
    EXPECT_EQ(p.a.receive(buffer).error().code, Errc::closed);
    EXPECT_FALSE(p.a.open());
}

TEST(Link, HelloMatchesOnlyTheSameBuildAndTheExpectedRole) {
    Pair p;
    Buffer buffer;
    ASSERT_TRUE(p.a.hello(ProcessRole::enclave));
    auto m = p.b.receive(buffer);
    ASSERT_TRUE(m);
    auto hello = decode_message<LinkHello>(*m);
    ASSERT_TRUE(hello);
    EXPECT_TRUE(hello_matches(*hello, ProcessRole::enclave));
    EXPECT_FALSE(hello_matches(*hello, ProcessRole::host)) << "the host cannot pose as the enclave";
    LinkHello other_version = *hello;
    ++other_version.version;
    EXPECT_FALSE(hello_matches(other_version, ProcessRole::enclave));
    LinkHello other_build = *hello;
    other_build.build = BoundedString<64>(SEALCALL_BUILD_ID "x");
    EXPECT_FALSE(hello_matches(other_build, ProcessRole::enclave));
}

}  // namespace
}  // namespace sealcall::ipc
