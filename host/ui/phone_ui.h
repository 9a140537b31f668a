// The ui role of one phone: links to the launcher, the enclave and the host, the terminal, the control socket, one poll
// loop. Trusted: the enclave's facts. The host is believed about the network only. Decides nothing that the enclave
// does not decide again.
#pragma once

#include <memory>

#include "host/ui/control_server.h"
#include "host/ui/output.h"
#include "host/ui/plain_events.h"
#include "host/ui/screen.h"
#include "host/ui/script.h"
#include "host/ui/terminal.h"
#include "sealcall/ipc/link.h"

namespace sealcall::ui {

/// Descriptors as `main` found them; `signals` is a signalfd. `control` may be -1.
struct UiFds {
    int launcher = ipc::fd::kControl;
    int enclave = ipc::fd::kUiEnclave;
    int host = ipc::fd::kUiHost;
    int control = -1;
    int in = 0;
    int out = 1;
    int signals = -1;
};

class PhoneUi {
  public:
    static constexpr uint64_t kStatusWaitUs = 2'000'000;     ///< for `status`
    static constexpr uint64_t kDialWaitUs = 15'000'000;      ///< for `call`
    static constexpr uint64_t kLockWaitUs = 5'000'000;       ///< for `lock`
    static constexpr uint64_t kShutdownWaitUs = 10'000'000;  ///< after QuitPhone
    static constexpr size_t kPendingMax = 16;

    /// Takes ownership of all of `fds` but `in` and `out`.
    explicit PhoneUi(const UiFds& fds);
    /// Says hello on every link; call before the sandbox (it allocates the large buffers).
    Status greet();
    /// Until Shutdown, or until the launcher is gone. Returns the exit status of the process.
    int run();

  private:
    /// `status` on the control socket waits for two processes.
    struct PendingStatus {
        ClientId client;
        RpcScalar id;
        RequestId request;
        uint64_t deadline_us = 0;
        std::optional<ipc::EnclaveStatus> enclave{};
        std::vector<ipc::ProcessReport> processes{};
        bool processes_done = false;
    };
    struct PendingDial {
        std::optional<ClientId> client;
        RpcScalar id;
        RequestId request;
        uint64_t deadline_us = 0;
        std::string uri, label;
        By by{};
    };
    /// `lock` on the control socket waits for the enclave's word.
    struct PendingLock {
        ClientId client;
        RpcScalar id;
        uint64_t deadline_us = 0;
    };
    struct Peer {
        ipc::Link link;
        ipc::ProcessRole role{};
        bool greeted = false;
    };

    // The loop (phone_ui.cpp).
    void poll_once();
    [[nodiscard]] int timeout_ms() const;
    void read_link(Peer& peer, short events);
    Status receive_one(Peer& peer, ByteSpan message);
    void peer_failed(Peer& peer, const Error& error);
    void read_signals();
    void read_keys();
    void expire(uint64_t now_us);
    void refresh();

    // Messages (phone_messages.cpp).
    Status from_launcher(uint16_t id, ByteSpan m);
    Status from_enclave(uint16_t id, ByteSpan m);
    Status from_host(uint16_t id, ByteSpan m);
    void on(const ipc::ConfigureUi& m);
    void on(const ipc::Start& m);
    void on(const ipc::Shutdown& m);
    void on(const ipc::ProcessReport& m);
    void on(const ipc::ProcessReportEnd& m);
    void on(const ipc::CallCard& m);
    void on(const ipc::CallPhase& m);
    void on(const ipc::CallStateChanged& m);
    void on(const ipc::KeyLife& m);
    void on(const ipc::MediaStats& m);
    void on(const ipc::Rechecked& m);
    void on(const ipc::Notice& m);
    void on(const ipc::EnclaveStatus& m);
    void on(const ipc::DialReply& m);
    void on(const ipc::HostState& m);
    void on(const ipc::LockState& m);
    Status on_contacts(ByteSpan m);
    void on(const ipc::AskConsent& m);
    void on(const ipc::PinReply& m);
    template <class M>
    Status take(ByteSpan m);
    template <class M>
    void tell(const M& m);
    void tell_both(std::string_view json, std::string_view plain);
    void say(std::string text);

    // What is asked for (phone_messages.cpp).
    void act(const Action& action, By by);
    bool dial(std::string_view uri, std::string_view label, By by, std::optional<ClientId> client, const RpcScalar& id);
    void enter(WantsPin m);
    void lock();
    void keep(const ipc::CallStateChanged& end);
    void keep_past();
    void ask_contacts();
    void ask_enclave_status();
    void run_script();
    void dial_typed(std::string_view typed);
    void dial_by_script();
    void quit(ExitStatus status, ipc::EndReason reason, std::string_view sentence);
    void quit_by_person();

    // The control socket (control_methods.cpp).
    void on_request(ClientId client, const RpcRequest& r);
    void rpc_action(ClientId client, const RpcScalar& id, const RpcRequest& r);
    void rpc_call(ClientId client, const RpcScalar& id, const RpcRequest& r);
    void rpc_status(ClientId client, const RpcScalar& id);
    void rpc_calls(ClientId client, const RpcScalar& id);
    void rpc_lock(ClientId client, const RpcRequest& r);
    /// To all who wait for it: locked, or why not.
    void finish_locks(std::string_view refusal);
    void finish_status(PendingStatus& p);
    void finish_ready_statuses();

    [[nodiscard]] Look look() const;
    [[nodiscard]] bool ended() const { return done_; }

    UiFds fds_;
    Peer launcher_, enclave_, host_;
    UniqueFd signals_;
    Output output_;
    ControlServer control_;
    std::optional<Terminal> terminal_;
    Screen screen_;
    Phone phone_;
    Script script_;
    ipc::ConfigureUi config_;
    bool configured_ = false, started_ = false, done_ = false, person_left_ = false;
    uint64_t quit_us_ = 0;  ///< when QuitPhone went out; 0: not yet
    int exit_code_ = 0;
    uint32_t last_request_ = 0;
    bool lock_known_ = false;
    bool dial_waits_ = false;  ///< the script's, for the contacts
    uint32_t pages_owed_ = 0;  ///< of contacts
    RequestId pin_request_;    ///< the PIN that was sent last, and what for
    RequestId pin_question_;
    std::vector<ipc::KeepCall> past_;  ///< for the history, once the vault is open
    std::vector<PendingStatus> statuses_;
    std::vector<PendingDial> dials_;
    std::vector<PendingLock> locks_;
    std::string last_frame_;
    std::unique_ptr<std::array<std::byte, ipc::kMessageMax + 1>> buffer_;
};

}  // namespace sealcall::ui
