// sealcall-relay-enclave: for tests and demonstrations. Copied over sealcall-enclave in a roles directory, it makes an
// ordinary `sealcall call --roles DIR` a machine in the middle, over the real launcher, host and SIP. It trusts nobody
// and nobody should trust it. It locks nothing down: it is the attacker, and holds no secret but its own.
#include <poll.h>

#include <cstdio>

#include "enclave/tls/openssl.h"
#include "tests/adversarial/relay/relay.h"

namespace {

using namespace sealcall;

constexpr int kExitUsage = 64, kExitSoftware = 70, kExitPeerLost = 74;

Result<ByteSpan> next_message(ipc::Link& link, std::span<std::byte> buffer) {
    for (;;) {
        auto message = link.receive(buffer);
        if (message || message.error().code != Errc::would_block) return message;
        pollfd p{.fd = link.fd(), .events = POLLIN, .revents = 0};
        (void)::poll(&p, 1, -1);
    }
}

template <ipc::Message T>
Result<T> next(ipc::Link& link, std::span<std::byte> buffer) {
    TRY(const ByteSpan message, next_message(link, buffer));
    return ipc::decode_message<T>(message);
}

/// The three links to the phone's other roles.
struct Wires {
    struct Wire {
        ipc::ProcessRole role{};
        ipc::Link link;
        bool greeted = false;
    };
    Wire host{.role = ipc::ProcessRole::host, .link = ipc::Link(UniqueFd(ipc::fd::kEnclaveHost))};
    Wire ui{.role = ipc::ProcessRole::ui, .link = ipc::Link(UniqueFd(ipc::fd::kEnclaveUi))};
    Wire audio{.role = ipc::ProcessRole::audio, .link = ipc::Link(UniqueFd(ipc::fd::kEnclaveAudio))};
};

Status take(Wires::Wire& wire, relay::Relay& relay, ByteSpan message) {
    if (!std::exchange(wire.greeted, true)) {
        TRY(const auto hello, ipc::decode_message<ipc::LinkHello>(message));
        if (!ipc::hello_matches(hello, wire.role)) return Error{Errc::wrong_state, "no hello of the same build", 0};
        return {};
    }
    if (wire.role == ipc::ProcessRole::host) return relay.from_host(message);
    if (wire.role == ipc::ProcessRole::ui) return relay.from_ui(message);
    return {};  // nobody ever speaks here
}

Status drain(Wires::Wire& wire, relay::Relay& relay, std::span<std::byte> buffer) {
    TRY_STATUS(wire.link.flush());
    for (;;) {
        auto message = wire.link.receive(buffer);
        if (!message && message.error().code == Errc::would_block) return {};
        if (!message) return message.error();
        TRY_STATUS(take(wire, relay, *message));
    }
}

int serve(ipc::Link& control, Wires& wires, relay::Relay& relay, std::span<std::byte> buffer) {
    const std::array all{&wires.host, &wires.ui, &wires.audio};
    for (;;) {
        std::array<pollfd, 4> fds{};
        for (size_t i = 0; i < all.size(); ++i)
            fds[i] = {.fd = all[i]->link.fd(), .events = all[i]->link.events(), .revents = 0};
        fds[3] = {.fd = control.fd(), .events = POLLIN, .revents = 0};
        if (::poll(fds.data(), fds.size(), -1) < 0) continue;
        if (fds[3].revents != 0) {  // Shutdown, or the launcher is gone
            relay.end(ipc::EndReason::hung_up_here, 480);
            return next<ipc::Shutdown>(control, buffer) ? 0 : kExitPeerLost;
        }
        for (size_t i = 0; i < all.size(); ++i) {
            if (fds[i].revents == 0) continue;
            const Status s = drain(*all[i], relay, buffer);
            if (s) continue;
            std::fprintf(stderr, "event=link_lost role=%d why=\"%s\"\n", static_cast<int>(all[i]->role),
                         s.error().what);
            return kExitPeerLost;
        }
    }
}

int run(ipc::Link& control, const ipc::ConfigureEnclave& config, std::span<std::byte> buffer) {
    auto self = relay::SoftwareIdentity::create(config);
    if (!self) {
        (void)control.send(ipc::Ready{.ok = false, .problem = BoundedString<256>::cut(self.error().what)});
        return kExitSoftware;
    }
    if (!next<ipc::Start>(control, buffer)) return kExitUsage;
    Wires wires;
    relay::Relay relay(std::move(*self), wires.host.link, wires.ui.link);
    for (auto* wire : {&wires.host, &wires.ui, &wires.audio})
        if (!wire->link.hello(ipc::ProcessRole::enclave)) return kExitPeerLost;
    if (!control.send(ipc::Ready{})) return kExitPeerLost;
    return serve(control, wires, relay, buffer);
}

}  // namespace

int main() {
    tls::warm_up();
    Bytes buffer(ipc::kMessageMax + 1);
    ipc::Link control{UniqueFd(ipc::fd::kControl)};
    if (!control.hello(ipc::ProcessRole::enclave)) return kExitUsage;
    const auto greeting = next<ipc::LinkHello>(control, buffer);
    if (!greeting || !ipc::hello_matches(*greeting, ipc::ProcessRole::launcher)) return kExitUsage;
    const auto config = next<ipc::ConfigureEnclave>(control, buffer);
    if (!config) return kExitUsage;  // init and enroll are for the real enclave
    return run(control, *config, buffer);
}
