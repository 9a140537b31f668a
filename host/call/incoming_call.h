// The callee's INVITE: asks the enclave, then reliable 183 with the channel right behind it, 180, 200 once PRACK is in,
// ACK; or CANCEL and refusals. An ordinary phone's INVITE is kept and rings when the enclave says so.
#pragma once

#include "host/call/leg.h"

namespace sealcall::host {

class IncomingCall final : public Call {
  public:
    /// Answers the INVITE itself when it cannot be taken (400, 415, 420, 488) and returns null then.
    static std::unique_ptr<IncomingCall> take(Context& context, const sip_msg& invite, HostHandle handle);
    ~IncomingCall() override;

    [[nodiscard]] HostHandle handle() const { return handle_; }
    [[nodiscard]] bool waiting() const { return !decided_; }
    [[nodiscard]] Leg* the_leg() { return leg_.get(); }
    void admitted(const ipc::IncomingAdmitted& m);
    void refused(uint16_t sip_status);

    Leg* leg_for(const sip_msg& msg) override { return leg_->matches(msg) ? leg_.get() : nullptr; }
    Leg* leg_of(SessionId session) override {
        return leg_->session() == session && leg_->state() != Leg::State::ended ? leg_.get() : nullptr;
    }
    void acknowledged(Leg& leg, const sip_msg& ack) override;
    void prack(Leg& leg, const sip_msg& msg) override;
    void ring(Leg& leg) override;
    void accept(Leg& leg) override;
    void end_leg(Leg& leg, uint16_t sip_status) override;
    [[nodiscard]] bool finished() const override;
    /// Its BYE may not go out before the ACK.
    [[nodiscard]] bool awaits_ack() const { return bye_after_ack_ && ok_.running(); }

  private:
    IncomingCall(Context& context, const sip_msg& invite, HostHandle handle, ipc::CallKind kind);
    static void cancelled(void* self);
    [[nodiscard]] Status tell_enclave(const RemoteSdp& offer);
    ReRef<mbuf> respond(uint16_t status, const std::string& headers, const std::string& sdp);
    void send_progress();
    void send_reliably(uint16_t status, const std::string& headers, const std::string& sdp);
    void send_ok();
    void give_up(uint16_t sip_status, ipc::LegEndWhy why);

    Context& context_;
    const HostHandle handle_;
    const ipc::CallKind kind_;
    ReRef<sip_msg> invite_;
    sip_strans* transaction_ = nullptr;  ///< libre's until the final response
    std::unique_ptr<Leg> leg_;
    OkRepeater provisional_, ok_;
    Timer repeat_, decision_;
    uint32_t rseq_ = 0;
    bool peer_wants_reliable_ = false;
    bool prack_pending_ = false, ok_wanted_ = false, ok_sent_ = false, bye_after_ack_ = false, decided_ = false;
};

}  // namespace sealcall::host
