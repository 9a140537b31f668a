// sealcall-enclave: opens, loads, locks itself down, runs. Every descriptor it will ever have is open when it starts;
// the launcher's configuration is trusted, everything that comes after the lock-down is not.
#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include "enclave/enclave.h"
#include "enclave/provision.h"
#include "enclave/sandbox/sandbox.h"
#include "enclave/sandbox/secret_heap.h"
#include "enclave/srtp/session.h"
#include "enclave/tls/openssl.h"
#include "sealcall/ipc/guard.h"

namespace {

using namespace sealcall;

constexpr int kExitUsage = 64, kExitSoftware = 70;

Result<ByteSpan> next_message(ipc::Link& link, std::span<std::byte> buffer) {
    for (;;) {
        auto message = link.receive(buffer);
        if (message || message.error().code != Errc::would_block) return message;
        pollfd p{.fd = link.fd(), .events = POLLIN, .revents = 0};
        (void)::poll(&p, 1, -1);
    }
}

int fail(ipc::Link& control, const char* what, const Error& e) {
    (void)control.send(enclave::not_ready(what, e));
    return kExitSoftware;
}

/// What sealcall-guard says, if it was the one who started us; the descriptor is closed then. Errors: as reading and
/// decoding.
Result<std::optional<ipc::GuardHandover>> take_handover() {
    if (::fcntl(ipc::fd::kEnclaveGuard, F_GETFD) < 0) return std::optional<ipc::GuardHandover>();
    const UniqueFd pipe(ipc::fd::kEnclaveGuard);
    Bytes all(sizeof(ipc::GuardHandover) + 16384);
    const ssize_t n = ::read(pipe.get(), all.data(), all.size());  // it was written whole before we were started
    if (n < 0) return Error{Errc::io, "the guard's handover", static_cast<uint32_t>(errno)};
    TRY(auto handover, ipc::decode_message<ipc::GuardHandover>(ByteSpan(all).first(static_cast<size_t>(n))));
    wipe(all.data(), all.size());
    return std::optional(std::move(handover));
}

/// The guard's word counts, not the launcher's, which is any program of the user.
template <class Request>
void apply(const ipc::GuardHandover& guard, Request& request) {
    request.tpm = guard.tpm;
    request.auth_value = BoundedBytes<1024>(guard.auth_value.view());
    request.measurement_pcr = guard.measurement_pcr;
    if constexpr (std::is_same_v<Request, ipc::ConfigureEnclave>) {
        request.software_tpm = guard.tpm == ipc::TpmKind::swtpm_socket;
        request.sealcall_log = guard.log;
    }
}

int run_phone(ipc::Link control, ipc::ConfigureEnclave config, std::span<std::byte> buffer) {
    tpm::Options options{.kind = config.tpm,
                         .auth_value = to_bytes(config.auth_value.view()),
                         .measurement_pcr = config.measurement_pcr,
                         .deadline = Millis{config.tpm == ipc::TpmKind::device ? 10000 : 2000},
                         .srk_name = to_bytes(config.srk_name.view())};
    auto tpm = tpm::Tpm::open(UniqueFd(ipc::fd::kEnclaveTpm), std::move(options));
    if (!tpm) return fail(control, "the TPM cannot be reached", tpm.error());
    if (Status s = sandbox::bind_threads(); !s) return fail(control, "the sandbox could not be entered", s.error());
    auto worker = tpm::Worker::create(std::move(*tpm));  // its thread must exist before the lock-down forbids new ones
    if (!worker) return fail(control, "no TPM thread", worker.error());

    enclave::Ports ports;
    ports.host = ipc::Link(UniqueFd(ipc::fd::kEnclaveHost));
    ports.ui = ipc::Link(UniqueFd(ipc::fd::kEnclaveUi));
    ports.audio = ipc::Link(UniqueFd(ipc::fd::kEnclaveAudio));
    auto log = audit::Log::create(UniqueFd(ipc::fd::kEnclaveAudit));
    if (!log) return fail(control, "the audit log cannot be read", log.error());
    ports.log = std::move(*log);
    ports.vault = UniqueFd(ipc::fd::kEnclaveVault);
    ports.bundle = enclave::AuthorityBundle::read(UniqueFd(ipc::fd::kEnclaveBundle));
    for (int i = 0; i < ipc::fd::kEnclaveVerifierSlots; ++i)
        ports.verifiers.emplace_back(UniqueFd(ipc::fd::kEnclaveVerifier0 + i));
    ports.worker = std::move(*worker);
    ports.platform_logs = std::make_shared<const enclave::PlatformLogs>(UniqueFd(ipc::fd::kEnclaveBootLog),
                                                                        UniqueFd(ipc::fd::kEnclaveRuntimeLog));
    ports.secret_memory = sealcall_secret_heap_kind() == SEALCALL_HEAP_SECRET;

    if (Status s = sandbox::enter(ipc::ProcessRole::enclave); !s)
        return fail(control, "the sandbox could not be entered", s.error());

    auto start = next_message(control, buffer);
    if (!start || !ipc::decode_message<ipc::Start>(*start)) return kExitUsage;
    ports.control = std::move(control);
    auto phone = enclave::Enclave::create(std::move(ports), std::move(config));
    if (Status s = phone->start(); !s) return kExitSoftware;
    while (phone->step(Millis{60000})) {
    }
    return phone->exit_status();
}

}  // namespace

int main() {
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    tls::warm_up();
    srtp::warm_up();
    const auto guard = take_handover();
    if (!guard) return kExitUsage;
    Bytes buffer(ipc::kMessageMax + 1);
    ipc::Link control{UniqueFd(ipc::fd::kControl)};
    if (!control.hello(ipc::ProcessRole::enclave)) return kExitUsage;
    auto hello = next_message(control, buffer);
    if (!hello) return kExitUsage;
    auto greeting = ipc::decode_message<ipc::LinkHello>(*hello);
    if (!greeting || !ipc::hello_matches(*greeting, ipc::ProcessRole::launcher)) return kExitUsage;
    auto first = next_message(control, buffer);
    if (!first) return kExitUsage;
    if (auto request = ipc::decode_message<ipc::Provision>(*first)) {
        if (*guard) apply(**guard, *request);
        return enclave::serve_provisioning(
            control, UniqueFd(ipc::fd::kEnclaveTpm), UniqueFd(ipc::fd::kEnclaveVault),
            std::make_shared<const enclave::PlatformLogs>(UniqueFd(ipc::fd::kEnclaveBootLog),
                                                          UniqueFd(ipc::fd::kEnclaveRuntimeLog)),
            *request);
    }
    if (auto config = ipc::decode_message<ipc::ConfigureEnclave>(*first)) {
        if (*guard) apply(**guard, *config);
        return run_phone(std::move(control), std::move(*config), buffer);
    }
    return kExitUsage;
}
