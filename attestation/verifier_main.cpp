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

/// Waits for the one message. `closed`: the enclave let this process go without asking.
Result<Bytes> read_request(ipc::Link& link) {
    for (;;) {
        pollfd p{.fd = link.fd(), .events = POLLIN, .revents = 0};
        if (::poll(&p, 1, -1) < 0 && errno != EINTR) return Error{Errc::io, "poll", static_cast<uint32_t>(errno)};
        Bytes buffer(ipc::kMessageMax + 1);
        auto message = link.receive(buffer);
        if (message) return to_bytes(*message);
        if (message.error().code != Errc::would_block) return message.error();
    }
}

Status serve() {
    ipc::Link link{UniqueFd(ipc::fd::kControl)};
    TRY(Bytes message, read_request(link));
    TRY(auto request, ipc::decode_message<rats::VerifierRequest>(message));
    rats::VerifierResponse response = attestation::appraise(request);
    response.request = attestation::sha256(message);
    return link.send(response);
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
