#include "tools/sealcall/launcher/provisioner.h"

#include <poll.h>

#include <algorithm>

#include "tools/sealcall/launcher/process_report.h"

namespace sealcall::launcher {
namespace {

using ipc::ProcessRole;

constexpr Millis kHelloDeadline{10'000};
constexpr Millis kEnds{6000};
constexpr Millis kTpmEnds{2000};

}  // namespace

Provisioner::Provisioner(Ground ground) : ground_(std::move(ground)), software_(ground_.tpm().software()) {}

Result<std::unique_ptr<Provisioner>> Provisioner::start(const GroundPlan& plan, std::string& problem) {
    TRY(Ground ground, Ground::lay(plan, problem));
    std::unique_ptr<Provisioner> p(new Provisioner(std::move(ground)));  // the constructor is private
    TRY_STATUS(p->start_enclave(plan, problem));
    return p;
}

Status Provisioner::start_enclave(const GroundPlan& plan, std::string& problem) {
    TRY(Ends control, link_ends());
    RoleSpec spec = ground_.spec(ProcessRole::enclave, {});
    const int null = ground_.null_fd();
    for (int n = 0; n <= ipc::fd::kEnclaveVault; ++n) spec.fds.push_back({n, null});
    spec.fds[2].source = ground_.log_fd();
    spec.fds[ipc::fd::kControl].source = control.second.get();
    spec.fds[ipc::fd::kEnclaveTpm].source = ground_.tpm().fd();
    if (plan.boot_log_fd >= 0) spec.fds[ipc::fd::kEnclaveBootLog].source = plan.boot_log_fd;
    if (plan.runtime_log_fd >= 0) spec.fds[ipc::fd::kEnclaveRuntimeLog].source = plan.runtime_log_fd;
    if (plan.vault_fd >= 0) spec.fds[ipc::fd::kEnclaveVault].source = plan.vault_fd;
    auto process = ground_.start_enclave(spec, problem);
    software_ = ground_.software_tpm();
    if (!process && !problem.empty()) return process.error();
    if (!process) {
        problem = "The program sealcall-enclave could not be started: " + technical(process.error()) + ".";
        return process.error();
    }
    enclave_.emplace(ProcessRole::enclave, std::move(*process), ipc::Link(std::move(control.first)),
                     ground_.prepared(ProcessRole::enclave).digest);
    control.second.reset();
    ground_.tpm().close_own_end();
    Status s = enclave_->link().hello(ProcessRole::launcher);
    const BootInstant until = BootClock::now() + kHelloDeadline;
    while (s && enclave_->state() == RoleControl::State::starting) {
        const auto left = std::chrono::ceil<Millis>(until - BootClock::now());
        pollfd p{.fd = enclave_->link().fd(), .events = POLLIN, .revents = 0};
        if (left.count() <= 0)
            s = Error{Errc::timeout, "hello", 0};
        else if (::poll(&p, 1, static_cast<int>(left.count())) > 0)
            if (auto r = enclave_->receive(buffer_); !r || *r) s = r ? Error{Errc::wrong_state, "hello", 0} : r.error();
    }
    if (s) return s;
    if (s.error().code == Errc::closed)
        if (auto end = enclave_->child().wait(Millis(500))) how_ = "The enclave " + describe(*end) + ".";
    problem = how_.empty() ? "The enclave did not start: " + technical(s.error()) + "." : how_;
    return s;
}

Result<Bytes> Provisioner::receive(Millis deadline) {
    const BootInstant until = BootClock::now() + deadline;
    for (;;) {
        const auto left = std::chrono::ceil<Millis>(until - BootClock::now()).count();
        if (left <= 0) return Error{Errc::timeout, "enclave", 0};
        pollfd p{.fd = enclave_->link().fd(), .events = enclave_->link().events(), .revents = 0};
        if (::poll(&p, 1, static_cast<int>(left)) <= 0) continue;
        TRY_STATUS(enclave_->link().flush());
        auto message = enclave_->receive(buffer_);
        if (!message) {
            if (auto end = enclave_->child().wait(Millis(500))) how_ = "The enclave " + describe(*end) + ".";
            return message.error();
        }
        if (*message) return std::move(**message);
    }
}

Result<Bytes> Provisioner::exchange(Bytes request, Millis deadline) {
    if (!enclave_ || !enclave_->link().open()) return Error{Errc::closed, "enclave", 0};
    if (request.size() > ipc::kMessageMax) return Error{Errc::too_large, "request", 0};
    TRY_STATUS(enclave_->link().send_bytes(std::move(request)));
    return receive(deadline);
}

Result<ipc::Provisioned> Provisioner::provision(ipc::Provision request, Millis deadline) {
    request.tpm = software_ ? ipc::TpmKind::swtpm_socket : ipc::TpmKind::device;
    TRY(const Bytes answer, exchange(ipc::encode_message(request), deadline));
    return ipc::decode_message<ipc::Provisioned>(answer);
}

Result<ipc::Activated> Provisioner::activate(const ipc::Activate& request, Millis deadline) {
    TRY(const Bytes answer, exchange(ipc::encode_message(request), deadline));
    return ipc::decode_message<ipc::Activated>(answer);
}

Result<ipc::PinnedAuthority> Provisioner::pin(const ipc::PinAuthority& request, Millis deadline) {
    TRY(const Bytes answer, exchange(ipc::encode_message(request), deadline));
    return ipc::decode_message<ipc::PinnedAuthority>(answer);
}

Result<ipc::CollectedEvidence> Provisioner::collect(const ipc::CollectEvidence& request, Millis deadline) {
    TRY(const Bytes answer, exchange(ipc::encode_message(request), deadline));
    return ipc::decode_message<ipc::CollectedEvidence>(answer);
}

Result<ipc::CertifiedAudit> Provisioner::certify_audit(const ipc::CertifyAudit& request, Millis deadline) {
    TRY(const Bytes answer, exchange(ipc::encode_message(request), deadline));
    return ipc::decode_message<ipc::CertifiedAudit>(answer);
}

Result<ipc::VaultState> Provisioner::vault(Bytes request, Millis deadline) {
    TRY(const Bytes answer, ask_vault(std::move(request), deadline));
    return ipc::decode_message<ipc::VaultState>(answer);
}

Result<ipc::VaultPage> Provisioner::vault_page(const ipc::VaultRead& from, Millis deadline) {
    TRY(const Bytes answer, ask_vault(ipc::encode_message(from), deadline));
    return ipc::decode_message<ipc::VaultPage>(answer);
}

/// The request may hold a PIN or a password: it is never queued, and wiped.
Result<Bytes> Provisioner::ask_vault(Bytes request, Millis deadline) {
    if (!enclave_ || !enclave_->link().open()) return Error{Errc::closed, "enclave", 0};
    TRY_STATUS(enclave_->link().send_and_wipe(std::move(request)));
    return receive(deadline);
}

ipc::ProcessReport Provisioner::report() const {
    if (!enclave_ || !enclave_->child().running()) return {};
    return read_process({.role = ProcessRole::enclave,
                         .pid = enclave_->child().pid(),
                         .landlock = enclave_->landlock_abi() > 0,
                         .ready = true,
                         .executable = enclave_->measured()},
                        RequestId{});
}

void Provisioner::stop() {
    if (enclave_) {
        if (enclave_->link().open()) (void)enclave_->link().send(ipc::Shutdown{});
        if (!enclave_->child().wait(kEnds)) enclave_->child().kill();
        enclave_.reset();
    }
    ground_.tpm().stop(kTpmEnds);
}

}  // namespace sealcall::launcher
