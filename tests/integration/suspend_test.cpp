// A computer that sleeps during a call. In a suspend CLOCK_BOOTTIME runs on and CLOCK_MONOTONIC stands; this program's
// own clock_gettime makes the first one jump, for everything in it.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/enclave_phone.h"

namespace {
std::atomic<long> slept_s{0};
}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* out) noexcept {
    const long status = ::syscall(SYS_clock_gettime, clock, out);
    if (status == 0 && clock == CLOCK_BOOTTIME) out->tv_sec += slept_s;
    return static_cast<int>(status);
}

namespace sealcall::test {
namespace {

using ipc::CallState;
using ipc::KeyEvent;

class Suspend : public ::testing::Test {
  protected:
    TestAuthority authority_;
    EnclavePhone alice_{authority_, {}}, bob_{authority_, {.uri = "sip:bob@example.com"}};
    Hosts hosts_{alice_, bob_};

    static bool is(const EnclavePhone& p, CallState s) { return p.last_state() && p.last_state()->state == s; }
    static size_t count(const EnclavePhone& p, KeyEvent event) {
        return static_cast<size_t>(std::ranges::count(p.key_life(), event, &ipc::KeyLife::event));
    }
    void connect() {
        ASSERT_TRUE(hosts_.connect());
        ASSERT_TRUE(hosts_.run_until(
            [&] { return count(alice_, KeyEvent::sealed) == 1 && count(bob_, KeyEvent::sealed) == 1; }));
    }
    void hold(bool on) { ASSERT_TRUE(alice_.ui.send(ipc::SetHold{.call = CallId{1}, .on = on}).has_value()); }
    /// Short enough that no lease ends.
    static void sleep() { slept_s += 5; }
    void turn(int times) {
        for (int i = 0; i < times; ++i) hosts_.turn();
    }
    size_t heard() {
        alice_.from_audio.clear();
        hosts_.talk(10);
        return EnclavePhone::count<ipc::PlayFrame>(alice_.from_audio);
    }
    static bool told(const EnclavePhone& p) {
        return std::ranges::any_of(p.from_ui, [](const Bytes& b) {
            auto n = ipc::decode_message<ipc::Notice>(b);
            return n && n->kind == ipc::NoticeKind::suspended;
        });
    }
};

TEST_F(Suspend, WipesTheKeysOfARunningCallAndThePersonBringsItBack) {
    connect();
    sleep();
    ASSERT_TRUE(hosts_.run_until([&] { return is(alice_, CallState::held) && is(bob_, CallState::held); }));
    EXPECT_GE(count(alice_, KeyEvent::wiped), 1u);
    EXPECT_EQ(count(alice_, KeyEvent::unsealed), 0u);
    EXPECT_TRUE(told(alice_));
    EXPECT_EQ(heard(), 0u);
    hold(false);  // bob's computer slept too, so his own hold stands
    turn(50);
    ASSERT_TRUE(bob_.ui.send(ipc::SetHold{.call = CallId{1}, .on = false}).has_value());
    ASSERT_TRUE(hosts_.run_until([&] { return is(alice_, CallState::media) && is(bob_, CallState::media); }));
    EXPECT_GE(count(alice_, KeyEvent::unsealed), 1u);
    EXPECT_GE(heard(), 8u);
}

TEST_F(Suspend, WhileHeldUnsealsNothingUntilThePersonResumes) {
    connect();
    hold(true);
    ASSERT_TRUE(hosts_.run_until([&] { return is(alice_, CallState::held) && is(bob_, CallState::held); }));
    sleep();
    turn(50);
    EXPECT_TRUE(is(alice_, CallState::held));
    EXPECT_EQ(count(alice_, KeyEvent::unsealed), 0u);
    hold(false);
    turn(50);
    ASSERT_TRUE(bob_.ui.send(ipc::SetHold{.call = CallId{1}, .on = false}).has_value());
    ASSERT_TRUE(hosts_.run_until([&] { return is(alice_, CallState::media) && is(bob_, CallState::media); }));
    EXPECT_GE(heard(), 8u);
}

TEST_F(Suspend, InTheMiddleOfAResumeStopsIt) {
    connect();
    hold(true);
    ASSERT_TRUE(hosts_.run_until([&] { return is(alice_, CallState::held) && is(bob_, CallState::held); }));
    hold(false);
    alice_.pump();  // the unseal is on its way
    sleep();
    turn(100);
    EXPECT_TRUE(is(alice_, CallState::held));
    EXPECT_EQ(heard(), 0u);
}

}  // namespace
}  // namespace sealcall::test
