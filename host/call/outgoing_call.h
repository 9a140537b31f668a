// The caller's INVITE with all its forks: offer, reliable 183, PRACK, CANCEL and its races, 2xx and ACK, and how an
// ordinary phone is told from an attesting one (facts/sip.md, "Recognising an ordinary phone, with forks").
#pragma once

#include "host/call/leg.h"

namespace sealcall::host {

class OutgoingCall final : public Call {
  public:
    /// Errors: bad_sip (URI), too_large (INVITE), io (media socket).
    static Result<std::unique_ptr<OutgoingCall>> place(Context& context, const ipc::PlaceCall& order);

    [[nodiscard]] CallId id() const { return id_; }
    /// EndCall: CANCEL, BYE for legs that answer; nothing is reported any more.
    void end();
    void leg_admitted(uint8_t leg, SessionId session);
    /// A 2xx that the INVITE's transaction no longer takes: of another fork, or repeated. True: it was this call's.
    bool stray_response(const sip_msg& msg);
    /// True when an in-dialog request belongs to a fork whose 183 has not come yet.
    [[nodiscard]] bool expects(const sip_msg& request) const;
    /// Told when a new leg exists, so that held INFOs can go on.
    std::function<void()> on_new_leg;

    Leg* leg_for(const sip_msg& msg) override;
    Leg* leg_of(SessionId session) override;
    void acknowledged(Leg& leg, const sip_msg& ack) override { leg.handle_ack(ack); }
    void prack(Leg& leg, const sip_msg& msg) override;
    void ring(Leg&) override {}
    void accept(Leg&) override {}
    void end_leg(Leg& leg, uint16_t sip_status) override;
    [[nodiscard]] bool finished() const override;

  private:
    struct Fork {
        std::unique_ptr<Leg> leg;
        bool attested = false;  ///< a 183 with Recv-Info came
        bool rseq_seen = false;
        uint32_t rseq = 0;  ///< last one acknowledged with PRACK
    };

    OutgoingCall(Context& context, const ipc::PlaceCall& order);
    Status start(const ipc::PlaceCall& order);
    [[nodiscard]] RequestSpec invite(const ipc::PlaceCall& order) const;
    void answered(int err, const sip_msg* msg);
    void provisional(const sip_msg& msg);
    void success(const sip_msg& msg);
    void failure(int err, const sip_msg* msg);
    void attested_answer(Fork& fork, const sip_msg& msg);
    void ordinary_answer(Fork& fork, const sip_msg& msg);
    Fork* fork_for(const sip_msg& msg);
    void acknowledge_reliable(Fork& fork, const sip_msg& msg);
    void attesting(Fork& fork, const sip_msg& msg);
    void found_ordinary(ipc::OrdinaryWhy why);
    void cancel(const std::string& reason);
    [[nodiscard]] bool any_attested() const;
    void drop_other_forks(const Leg& winner);
    void linger();

    Context& context_;
    Lifetime life_;
    const CallId id_;
    const ipc::CallKind kind_;
    std::string to_uri_;
    ReRef<sip_dialog> base_;
    Request* invite_ = nullptr;  ///< null once it has its final response
    std::vector<Fork> forks_;
    LocalSdp offer_;
    std::unique_ptr<Leg> gathering_;  ///< ordinary: holds the media path until a fork answers
    Timer silence_, grace_, linger_, give_up_;
    bool rings_ = false, answered_ = false, ended_ = false, over_ = false;
};

}  // namespace sealcall::host
