// The enclave as a whole: links, TPM worker, verifiers, calls, and the loop that moves messages between them.
#pragma once

#include <memory>

#include "enclave/calls.h"
#include "enclave/monitor.h"

namespace sealcall::enclave {

/// What main hands over: every descriptor is open, nothing has been read from the untrusted ones.
struct Ports {
    ipc::Link control, host, ui, audio;
    std::shared_ptr<const PlatformLogs> platform_logs;  ///< never null
    std::vector<ipc::Link> verifiers;
    std::optional<audit::Log> log;  ///< read to its end before the lock-down, which leaves only writing
    std::unique_ptr<tpm::Worker> worker;
    AuthorityBundle bundle;
    UniqueFd vault;  ///< the file
    bool secret_memory = false;
    RecheckTimes recheck{};  ///< but for `every`, which is the policy's
};

/// What the launcher shows a person when the enclave cannot start.
ipc::Ready not_ready(const char* what, const Error& error);

class Enclave {
  public:
    static std::unique_ptr<Enclave> create(Ports ports, ipc::ConfigureEnclave config);
    /// Loads the keys, ends every slot of an earlier life, greets the other processes and tells
    /// the launcher Ready, or why not. Errors: tpm_*, io.
    Status start();
    ~Enclave();

    /// Waits at most `longest` for something to do and does it. False once the enclave has ended.
    bool step(Millis longest);
    /// 0: asked to end. 70 (EX_SOFTWARE): a process broke the protocol. 74: a link was lost.
    [[nodiscard]] int exit_status() const { return exit_status_; }
    [[nodiscard]] const std::string& problem() const { return problem_; }

  private:
    Enclave() = default;
    Status prepare();
    Status load_keys();
    Status record_start();
    void notarise_end();
    void notice_missed_anchor(const Error& why);
    void receive(ipc::ProcessRole role, ipc::Link& link, short revents);
    void lose(ipc::ProcessRole role, const char* why);
    void notice_suspend();
    void notice_bundle();
    void record_bundle();
    Status take_bundle(const ipc::NewBundle& part);
    void judge_bundle();
    void bundle_accepted(uint64_t version, bool tpm_agrees);
    void set_times();
    void answer_status(RequestId request);

    Ports ports_;
    ipc::ConfigureEnclave config_;
    std::unique_ptr<VerifierPool> verifiers_;
    std::optional<Attester> attester_;
    Slots slots_;
    SessionId microphone_owner_{};
    uint32_t dropped_ = 0;
    LogCache logs_;
    std::unique_ptr<VaultKeeper> vault_;
    std::optional<Context> context_;
    std::optional<Notary> notary_;
    std::unique_ptr<Calls> calls_;
    std::unique_ptr<Monitor> monitor_;
    std::string tpm_name_, problem_;
    ipc::BundleState bundle_shown_ = ipc::BundleState::none;
    std::optional<tpm::AuthorityPin> pin_;
    uint32_t arriving_at_ = 0;
    AuthorityBundle arriving_;              ///< in pieces, from the launcher
    std::optional<AuthorityBundle> next_;   ///< believed, while the TPM learns its version
    Digest measurement_{}, audit_value_{};  ///< at the start
    rats::TpmPublic ak_public_;
    std::array<bool, 8> greeted_{};
    Bytes buffer_;
    Micros suspended_for_{};
    bool ending_ = false;
    BootInstant end_by_{};
    int exit_status_ = 0;
};

}  // namespace sealcall::enclave
