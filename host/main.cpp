// sealcall-host: SIP, SDP, ICE and the sockets. Opens its links, locks itself down, then takes its configuration from
// the launcher. It ends with the link to the enclave: without one it has nothing to do.
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
        auto gone = [this](const char* who, int status) {
            return [this, who, status](const Error& why) {
                std::fprintf(stderr, "event=link_closed peer=%s what=\"%s\"\n", who, why.what);
                end(status);
            };
        };
        TRY_STATUS(enclave_.start(
            UniqueFd(ipc::fd::kHostEnclave), [this](ByteSpan m) { return from_enclave(m); }, gone("enclave", 0)));
        TRY_STATUS(ui_.start(
            UniqueFd(ipc::fd::kHostUi), [this](ByteSpan m) { return from_ui(m); }, gone("ui", 0)));
        TRY_STATUS(control_.start(
            UniqueFd(ipc::fd::kControl), [this](ByteSpan m) { return from_launcher(m); }, gone("launcher", 0)));
        for (LinkPort* link : {&enclave_, &ui_, &control_}) TRY_STATUS(link->hello(ipc::ProcessRole::host));
        return {};
    }
    [[nodiscard]] int status() const { return status_; }

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
            if (phone_) phone_->shutdown();
            linger_.start(50, [this] { end(0); });  // lets BYE and unregister leave
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
    void end(int status) {
        status_ = status;
        re_cancel();
    }

    LinkPort control_, enclave_, ui_;
    bool launcher_greeted_ = false, enclave_greeted_ = false, ui_greeted_ = false;
    ipc::ConfigureHost config_;
    std::unique_ptr<Phone> phone_;
    Timer linger_;
    int status_ = 0;
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
            status = process.status();
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
