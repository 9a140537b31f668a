// The host as a whole: routes SIP messages to calls and the enclave's commands to calls, keeps the account registered,
// and says how the network is.
#pragma once

#include "host/call/incoming_call.h"
#include "host/call/outgoing_call.h"
#include "host/net/authority_client.h"
#include "host/sip/registration.h"

namespace sealcall::host {

class Phone final : private EnclaveCommands {
  public:
    using StateChanged = std::function<void(const ipc::HostState&)>;

    /// Listens and begins to register. Errors: bad_config, bad_certificate, bad_key, io.
    static Result<std::unique_ptr<Phone>> create(const ipc::ConfigureHost& config, LinkPort& enclave,
                                                 StateChanged changed);
    ~Phone();

    /// One message of the enclave. An error ends the link.
    Status from_enclave(ByteSpan message) { return EnclaveClient::dispatch(message, *this); }
    /// BYE, CANCEL, refusals and unregister; nothing is waited for, and nobody gets in any more.
    void shutdown();
    /// The enclave is gone: no challenge is answered any more.
    void enclave_gone() { digests_->close(); }
    /// Nothing of that is still to be sent or answered.
    [[nodiscard]] bool all_said() const;
    [[nodiscard]] ipc::HostState state() const;
    [[nodiscard]] const Counters& counters() const { return counters_; }

  private:
    struct Held {
        ReRef<sip_msg> msg;
        uint64_t deadline_ms = 0;
    };
    Phone(LinkPort& enclave, StateChanged changed) : enclave_(enclave), changed_(std::move(changed)) {}

    bool request(const sip_msg& msg);
    bool response(const sip_msg& msg);
    void in_dialog(const sip_msg& msg);
    void out_of_dialog(const sip_msg& msg);
    bool hold_early_info(const sip_msg& msg);
    void release_held();
    void reply(const sip_msg& msg, uint16_t status, const std::string& headers = "");
    void bad(const sip_msg& msg, const Error& why);
    void sweep();
    void tell_state();
    template <class F>
    void with_leg(SessionId session, F f);
    OutgoingCall* outgoing(CallId id);

    void on(const ipc::PlaceCall& m) override;
    void on(const ipc::LegAdmitted& m) override;
    void on(const ipc::IncomingAdmitted& m) override;
    void on(const ipc::IncomingRefused& m) override;
    void on(const ipc::ChannelOut& m) override;
    void on(const ipc::SendRinging& m) override;
    void on(const ipc::SendOk& m) override;
    void on(const ipc::EndLeg& m) override;
    void on(const ipc::EndCall& m) override;
    void on(const ipc::StartMediaPath& m) override;
    void on(const ipc::RemoteCandidates& m) override;
    void on(const ipc::Datagram& m) override;
    void on(const ipc::SendHold& m) override;
    void on(const ipc::DigestResponse& m) override;
    void on(const ipc::AskPassport& m) override;

    EnclaveClient enclave_;
    StateChanged changed_;
    Counters counters_;
    std::unique_ptr<Transport> transport_;
    std::unique_ptr<DigestBroker> digests_;
    std::unique_ptr<AuthorityClient> authority_;    ///< null: none is configured
    std::map<SessionId, Bytes> passport_requests_;  ///< that are not whole yet
    std::unique_ptr<Requests> requests_;
    std::unique_ptr<Context> context_;
    std::unique_ptr<Registration> registration_;
    std::vector<std::unique_ptr<OutgoingCall>> outgoing_;
    std::vector<std::unique_ptr<IncomingCall>> incoming_;
    std::vector<Held> held_;
    Timer sweep_, held_timer_;
    ipc::HostState state_;
    uint32_t told_malformed_ = 0;
    uint32_t next_handle_ = 1;
    bool closing_ = false;
};

}  // namespace sealcall::host
