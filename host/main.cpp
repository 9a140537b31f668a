// sealcall-host: SIP, SDP, ICE and the sockets. Opens its links, locks itself down, then takes its configuration from
// the launcher. It ends with the link to the enclave or to ui, and hangs up first: the other side hears it from nobody
// else.
#include <openssl/crypto.h>

#include <csignal>

#include "host/call/phone.h"

extern "C" {
#define DEBUG_MODULE "host"
#define DEBUG_LEVEL 3
#include <re_dbg.h>
}
#include "enclave/sandbox/sandbox.h"

namespace sealcall::host {
namespace {

Status lock_down() { return sandbox::enter(ipc::ProcessRole::host); }

class Process {
  public:
    Status open() {
        auto gone = [this](const char* who, void (Process::*then)()) {
            return [this, who, then](const Error& why) {
                std::fprintf(stderr, "event=link_closed peer=%s what=\"%s\"\n", who, why.what);
                (this->*then)();
            };
        };
        TRY_STATUS(enclave_.start(
            UniqueFd(ipc::fd::kHostEnclave), [this](ByteSpan m) { return from_enclave(m); },
            gone("enclave", &Process::enclave_gone)));
        TRY_STATUS(ui_.start(
            UniqueFd(ipc::fd::kHostUi), [this](ByteSpan m) { return from_ui(m); }, gone("ui", &Process::hang_up)));
        TRY_STATUS(control_.start(
            UniqueFd(ipc::fd::kControl), [this](ByteSpan m) { return from_launcher(m); },
            gone("launcher", &Process::end)));
        for (LinkPort* link : {&enclave_, &ui_, &control_}) TRY_STATUS(link->hello(ipc::ProcessRole::host));
        return {};
    }

  private:
    static Status hello(ByteSpan message, ipc::ProcessRole expected, bool& greeted) {
        TRY(auto m, ipc::decode_message<ipc::LinkHello>(message));
        if (!ipc::hello_matches(m, expected)) return Error{Errc::wrong_state, "other build or role", 0};
        greeted = true;
        return {};
    }
    Status from_enclave(ByteSpan m) {
        if (!enclave_greeted_) return hello(m, ipc::ProcessRole::enclave, enclave_greeted_);
        if (!phone_) return Error{Errc::wrong_state, "not started", 0};
        return phone_->from_enclave(m);
    }
    Status from_ui(ByteSpan m) {
        if (!ui_greeted_) return hello(m, ipc::ProcessRole::ui, ui_greeted_);
        return Error{Errc::unknown_message, "from ui", 0};
    }
    Status from_launcher(ByteSpan m) {
        if (!launcher_greeted_) return hello(m, ipc::ProcessRole::launcher, launcher_greeted_);
        TRY(uint16_t id, ipc::message_id(m));
        if (id == ipc::ConfigureHost::kId && !phone_) {
            TRY(config_, ipc::decode_message<ipc::ConfigureHost>(m));
            return {};
        }
        if (id == ipc::Start::kId && !phone_) {
            TRY_STATUS(ipc::decode_message<ipc::Start>(m).has_value() ? Status{}
                                                                      : Status(Error{Errc::bad_value, "Start", 0}));
            start();
            return {};
        }
        if (id == ipc::Shutdown::kId) {
            hang_up();
            return {};
        }
        return Error{Errc::unknown_message, "from the launcher", id};
    }
    void start() {
        auto phone = Phone::create(config_, enclave_, [this](const ipc::HostState& s) { ui_.send(s); });
        ipc::Ready ready;
        if (phone) {
            phone_ = std::move(*phone);
        } else {
            ready.ok = false;
            ready.problem = BoundedString<256>::cut(std::string("The network side cannot start: ") +
                                                    phone.error().what + " (" + config_.listen_address.str() +
                                                    " port " + std::to_string(config_.listen_port) + ").");
        }
        control_.send(ready);
    }
    /// BYE, CANCEL, refusals and unregister go out, and their answers come in, for as long as the launcher waits.
    void hang_up() {
        if (ending_) return;
        ending_ = true;
        if (phone_) phone_->shutdown();
        leave_by_ = tmr_jiffies() + kLeaveWithinMs;
        linger_.start(kLeastMs, [this] { leave(); });
    }
    void enclave_gone() {
        if (phone_) phone_->enclave_gone();
        hang_up();
    }
    void leave() {
        if (!phone_ || phone_->all_said() || tmr_jiffies() >= leave_by_) return end();
        linger_.start(kLookAgainMs, [this] { leave(); });
    }
    void end() { re_cancel(); }

    static constexpr uint64_t kLeastMs = 50, kLookAgainMs = 20;
    static constexpr uint64_t kLeaveWithinMs = 1800;  ///< less than kOthersEnd of tools/sealcall/launcher/phone_run.cpp

    LinkPort control_, enclave_, ui_;
    bool launcher_greeted_ = false, enclave_greeted_ = false, ui_greeted_ = false;
    ipc::ConfigureHost config_;
    std::unique_ptr<Phone> phone_;
    Timer linger_;
    uint64_t leave_by_ = 0;
    bool ending_ = false;
};

int run() {
    std::signal(SIGPIPE, SIG_IGN);
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    if (libre_init()) return 1;
    dbg_init(DBG_ERR, DBG_NONE);
    int status = 1;
    {
        Process process;
        Status s = process.open();
        if (s) s = lock_down();
        if (s) {
            (void)re_main(nullptr);
            status = 0;
        } else {
            std::fprintf(stderr, "event=host_not_started what=\"%s\" detail=%u\n", s.error().what, s.error().detail);
        }
    }
    libre_close();
    tmr_debug();
    return status;
}

}  // namespace
}  // namespace sealcall::host

int main() { return sealcall::host::run(); }
