// After warm_up nothing in a handshake may open a file or a socket.
#include "tests/unit/tls/lockdown.h"

#include <gtest/gtest.h>

#include "tests/unit/tls/phones.h"

namespace sealcall::tls::test {
namespace {

TEST(LockDown, KillsWhoOpensAFile) {
    EXPECT_EQ(in_lockdown([] { return access("/", F_OK) == 0; }), -1);
}

TEST(LockDown, AHandshakeWorksAfterWarmUp) {
    // The certificates come from outside: only what the enclave itself does runs under the filter.
    warm_up();
    Pair p;
    auto caller = p.alice.config(rats::Role::caller, p.ca), callee = p.bob.config(rats::Role::callee, p.ca);
    EXPECT_EQ(in_lockdown([&] {
                  p.caller = std::move(*Channel::create(caller));
                  p.callee = std::move(*Channel::create(callee));
                  pump(*p.caller, *p.callee);
                  if (p.caller->state() != ChannelState::open || !p.caller->send(rats::FrameType::hello, Bytes(9)))
                      return false;
                  pump(*p.caller, *p.callee);
                  const auto got = p.callee->receive();
                  return got && got->size() == 1;
              }),
              0);
}

TEST(LockDown, ARefusalWorksAfterWarmUp) {
    warm_up();
    Pair p;
    Authority other;
    auto caller = p.alice.config(rats::Role::caller, other), callee = p.bob.config(rats::Role::callee, other);
    EXPECT_EQ(in_lockdown([&] {
                  p.caller = std::move(*Channel::create(caller));
                  p.callee = std::move(*Channel::create(callee));
                  pump(*p.caller, *p.callee);
                  return p.callee->state() == ChannelState::failed;
              }),
              0);
}

}  // namespace
}  // namespace sealcall::tls::test
