// One packet through a whole enclave: a message in on one link, the loop of the enclave, the message out on another.
// Both ends are in this process: what a switch between processes costs comes on top.
#include "tests/bench/microbench.h"
#include "tests/support/enclave_phone.h"

namespace sealcall::bench {
namespace {

using test::EnclavePhone;

constexpr Millis kLongest{2000};

/// A call between two enclaves that has sound.
struct Call {
    test::TestAuthority authority;
    EnclavePhone alice{authority, {}}, bob{authority, {.uri = "sip:bob@example.com"}};
    test::Hosts hosts{alice, bob};
    bool connected = hosts.connect();
    uint32_t timestamp = 0;

    static Call& the() {
        static Call call;
        return call;
    }
    void forget() {
        for (EnclavePhone* p : {&alice, &bob}) {
            p->from_host.clear();
            p->from_ui.clear();
            p->from_audio.clear();
            p->from_control.clear();
        }
    }
    ipc::CapturedFrame frame() {
        timestamp += 960;
        return {.session = hosts.a_session,
                .timestamp = timestamp,
                .opus = BoundedBytes<ipc::kAudioFrameMax>(Bytes(kOpusBytes, std::byte{0x55}))};
    }
};

/// Turns the enclave until it has said a T to `queue`.
template <class T>
std::optional<T> pump_for(EnclavePhone& phone, std::deque<Bytes>& queue) {
    const BootInstant deadline = BootClock::now() + kLongest;
    while (BootClock::now() < deadline) {
        phone.pump();
        if (auto m = EnclavePhone::take<T>(queue)) return m;
    }
    return {};
}

enum class Way : uint8_t { captured_to_datagram, datagram_to_play };

void through(benchmark::State& state, Way way) {
    Call& call = Call::the();
    if (!call.connected) return state.SkipWithError("the two enclaves have no call");
    for (auto _ : state) {
        call.forget();
        const ipc::CapturedFrame frame = call.frame();
        const Stopwatch out;
        (void)call.alice.audio.send(frame);
        auto packet = pump_for<ipc::Datagram>(call.alice, call.alice.from_host);
        const double captured_to_datagram = out.seconds();
        if (!packet) return state.SkipWithError("a captured frame gave no packet");
        const ipc::Datagram arrived{.session = call.hosts.b_session, .bytes = packet->bytes};
        const Stopwatch in;
        (void)call.bob.host.send(arrived);
        const auto play = pump_for<ipc::PlayFrame>(call.bob, call.bob.from_audio);
        const double datagram_to_play = in.seconds();
        if (!play) return state.SkipWithError("a packet gave nothing to play");
        state.SetIterationTime(way == Way::captured_to_datagram ? captured_to_datagram : datagram_to_play);
    }
}

/// What the two above contain beside their packet: polling, and looking at links that are empty.
void idle(benchmark::State& state) {
    Call& call = Call::the();
    call.forget();
    for (auto _ : state) call.alice.pump();
}

}  // namespace

void register_enclave() {
    benchmark::RegisterBenchmark("enclave/captured_frame_to_datagram", through, Way::captured_to_datagram)
        ->UseManualTime()
        ->Iterations(200)
        ->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark("enclave/datagram_to_play_frame", through, Way::datagram_to_play)
        ->UseManualTime()
        ->Iterations(200)
        ->Unit(benchmark::kMicrosecond);
    benchmark::RegisterBenchmark("enclave/turn_without_work", idle)->Iterations(200)->Unit(benchmark::kMicrosecond);
}

}  // namespace sealcall::bench
