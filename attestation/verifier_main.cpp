// sealcall-verifier: one process, one request, one answer. It reads foreign logs so that the enclave need not; it holds
// no key and can only lower a level. Bounded in CPU time and memory, locked down before its first input.
#include <sys/resource.h>

#include "attestation/appraise.h"
#include "attestation/binding.h"
#include "attestation/certificates.h"
#include "enclave/sandbox/sandbox.h"
#include "sealcall/base/time.h"
#include "sealcall/ipc/link.h"

namespace {

using namespace sealcall;

constexpr rlim_t kCpuSeconds = 2;
constexpr rlim_t kMemoryMib = SEALCALL_VERIFIER_MEMORY_MIB;  ///< address space; 0: no limit

void log_error(const char* event, const Error& e) {
    std::fprintf(stderr, "event=%s role=verifier code=%u what=\"%s\" detail=%u\n", event, static_cast<unsigned>(e.code),
                 e.what, e.detail);
}

bool limit(decltype(RLIMIT_CPU) what, rlim_t value) {
    const rlimit l{.rlim_cur = value, .rlim_max = value};
    return setrlimit(what, &l) == 0;
}

bool set_limits() {
    return limit(RLIMIT_CPU, kCpuSeconds) && limit(RLIMIT_CORE, 0) &&
           (kMemoryMib == 0 || limit(RLIMIT_AS, kMemoryMib << 20));
}

/// Whatever libcrypto opens or fetches lazily must be there before the doors close: one certificate made and checked.
Status warm_up() {
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, nullptr) != 1)
        return Error{Errc::crypto_failed, "OPENSSL_init_crypto", 0};
    using namespace attestation;
    const Validity day{.not_before_ms = 0, .not_after_ms = 86400000};
    TRY(PkeyPtr key, make_software_key());
    TRY(Bytes root, make_authority_root(key.get(), "warm-up", day));
    TRY(Bytes spki, public_key_der(key.get()));
    TRY(Bytes leaf, issue_identity_certificate({.key = key.get(), .certificate = root}, spki, "sip:a@localhost", day));
    TRY(auto checked, check_identity_certificate(leaf, {rats::CertificateDer(root)}, 1000));
    return checked.spki == sha256(spki) ? Status{} : Error{Errc::crypto_failed, "warm-up", 0};
}

/// Waits for the next message. `closed`: the enclave let this process go without asking.
Result<Bytes> read_message(ipc::Link& link, Bytes& buffer) {
    for (;;) {
        pollfd p{.fd = link.fd(), .events = POLLIN, .revents = 0};
        if (::poll(&p, 1, -1) < 0 && errno != EINTR) return Error{Errc::io, "poll", static_cast<uint32_t>(errno)};
        auto message = link.receive(buffer);
        if (message) return to_bytes(*message);
        if (message.error().code != Errc::would_block) return message.error();
    }
}

/// The logs that follow the request: exactly as many bytes as it says.
Result<Bytes> read_logs(ipc::Link& link, Bytes& buffer, const rats::VerifierRequest& request) {
    if (request.boot_log_size > rats::kBootLogMax || request.runtime_log_size > rats::kRuntimeLogMax)
        return Error{Errc::too_large, "logs", 0};
    const size_t size = size_t{request.boot_log_size} + request.runtime_log_size;
    Bytes out;
    out.reserve(size);
    while (out.size() < size) {
        TRY(Bytes message, read_message(link, buffer));
        TRY(auto part, ipc::decode_message<rats::VerifierLog>(message));
        const ByteSpan bytes = part.bytes.view();
        if (bytes.empty() || out.size() + bytes.size() > size) return Error{Errc::bad_value, "log part", 0};
        out.insert(out.end(), bytes.begin(), bytes.end());
    }
    return out;
}

Status send_all(ipc::Link& link, Bytes message) {
    TRY_STATUS(link.send_bytes(std::move(message)));
    while ((link.events() & POLLOUT) != 0) {
        pollfd p{.fd = link.fd(), .events = POLLOUT, .revents = 0};
        if (::poll(&p, 1, -1) < 0 && errno != EINTR) return Error{Errc::io, "poll", static_cast<uint32_t>(errno)};
        TRY_STATUS(link.flush());
    }
    return {};
}

Status serve() {
    ipc::Link link{UniqueFd(ipc::fd::kControl)};
    Bytes buffer(ipc::kMessageMax + 1);
    TRY(Bytes message, read_message(link, buffer));
    TRY(auto request, ipc::decode_message<rats::VerifierRequest>(message));
    TRY(Bytes logs, read_logs(link, buffer, request));
    const ByteSpan all(logs);
    auto found = attestation::appraise(
        request, {.boot = all.first(request.boot_log_size), .runtime = all.subspan(request.boot_log_size)});
    found.request = attestation::sha256(message);
    for (size_t i = 0; i < found.runtime.size();) {
        rats::VerifierRuntime part;
        while (i < found.runtime.size() && part.digests.push(found.runtime[i])) ++i;
        TRY_STATUS(send_all(link, ipc::encode_message(part)));
    }
    return send_all(link, ipc::encode_message(static_cast<const rats::VerifierResponse&>(found)));
}

}  // namespace

int main() {
    if (!set_limits()) return 1;
    if (Status s = warm_up(); !s) {
        log_error("not_ready", s.error());
        return 1;
    }
    if (Status s = sandbox::enter(ipc::ProcessRole::verifier); !s) {
        log_error("sandbox", s.error());
        return 1;
    }
    Status s = serve();
    if (s || s.error().code == Errc::closed) return 0;
    log_error("refused", s.error());
    return 1;
}
