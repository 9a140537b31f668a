// A real sealcall-host process with the test as its launcher, enclave and ui. Every wait is bounded.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <deque>

#include "sealcall/ipc/link.h"
#include "tests/unit/host/lab_certificates.h"

namespace sealcall::testing {

inline constexpr auto kWait = std::chrono::milliseconds(8000);

/// The authority that all tests of this run share.
const LabAuthority& lab();

class HostProcess {
  public:
    HostProcess() = default;
    HostProcess(const HostProcess&) = delete;
    HostProcess& operator=(const HostProcess&) = delete;
    ~HostProcess();

    /// Certificates of lab() for 127.0.0.1 and localhost, any free port.
    static ipc::ConfigureHost default_config(const std::string& own_uri);
    /// Starts, configures and waits for Ready; returns it.
    ipc::Ready start(const ipc::ConfigureHost& config);
    [[nodiscard]] uint16_t port() const { return port_; }
    [[nodiscard]] std::string uri(const std::string& user) const {
        return "sip:" + user + "@127.0.0.1:" + std::to_string(port_) + ";transport=tls";
    }
    [[nodiscard]] const ipc::HostState& state() const { return state_; }
    /// True when a HostState for which `ok` holds is there in time.
    template <class F>
    bool wait_state(F ok, std::chrono::milliseconds limit = kWait) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!ok(state_)) {
            if (std::chrono::steady_clock::now() >= end) return false;
            read_ui(std::chrono::milliseconds(20));
        }
        return true;
    }

    template <ipc::Message T>
    void send(const T& m) {
        ASSERT_TRUE(enclave_.send(m).has_value());
    }
    /// Waits until all that was sent is on its way.
    void flush() {
        while ((enclave_.events() & POLLOUT) != 0) {
            pollfd p{.fd = enclave_.fd(), .events = POLLOUT, .revents = 0};
            ASSERT_EQ(poll(&p, 1, static_cast<int>(kWait.count())), 1);
            ASSERT_TRUE(enclave_.flush().has_value());
        }
    }
    /// The next message to the enclave must be a T.
    template <ipc::Message T>
    T expect(std::chrono::milliseconds limit = kWait) {
        auto m = next(limit);
        auto decoded = ipc::decode_message<T>(m);
        EXPECT_TRUE(decoded.has_value()) << "wanted " << T::kId << ", got " << describe(m);
        return decoded ? *decoded : T{};
    }
    /// Passes over other messages until a T comes.
    template <ipc::Message T>
    T find(std::chrono::milliseconds limit = kWait) {
        const auto end = std::chrono::steady_clock::now() + limit;
        for (;;) {
            auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
            auto m = next(left);
            if (m.empty()) {
                ADD_FAILURE() << "no message " << T::kId;
                return {};
            }
            if (auto decoded = ipc::decode_message<T>(m)) return *decoded;
        }
    }
    /// No message for that long.
    void expect_silence(std::chrono::milliseconds time);
    /// One message, or nothing in time.
    Bytes next(std::chrono::milliseconds limit);

    void close_enclave_link() { enclave_.close(); }
    void close_ui_link() { ui_.close(); }
    template <ipc::Message T>
    void send_control(const T& m) {
        ASSERT_TRUE(control_.send(m).has_value());
    }
    /// Exit status; -1: still runs or died by a signal.
    int wait_exit(std::chrono::milliseconds limit = kWait);
    [[nodiscard]] bool running();
    [[nodiscard]] pid_t pid() const { return pid_; }

  private:
    static std::string describe(const Bytes& m);
    void spawn();
    void read_ui(std::chrono::milliseconds limit);

    pid_t pid_ = -1;
    uint16_t port_ = 0;
    ipc::Link control_, enclave_, ui_;
    ipc::HostState state_;
    Bytes buffer_ = Bytes(ipc::kMessageMax + 1);
};

Digest digest_of(uint8_t fill);
template <size_t N>
BoundedBytes<N> body_of(const std::string& s) {
    return BoundedBytes<N>(as_bytes(s));
}

}  // namespace sealcall::testing
