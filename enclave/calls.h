// All calls of this phone: makes them within the limits, finds them by id, ends them. One handler per message; the
// monitor has already checked number, size, sender and state.
#pragma once

#include <map>
#include <memory>

#include "enclave/session.h"

namespace sealcall::enclave {

class Calls {
  public:
    static constexpr Millis kForkGrace{700};  ///< after a fork failed, for another one to appear

    explicit Calls(Context& context) : context_(context) {}

    // ui
    void dial(const ipc::Dial& m);
    void answer(const ipc::Answer& m);
    void refuse(const ipc::Refuse& m);
    void hang_up(const ipc::HangUp& m);
    void set_hold(const ipc::SetHold& m);
    void set_microphone(const ipc::SetMicrophone& m);
    void recheck(const ipc::Recheck& m);
    // host
    void incoming(const ipc::IncomingInvite& m);
    void leg_attesting(const ipc::LegAttesting& m);
    void leg_ordinary(const ipc::LegOrdinary& m);
    void ordinary_ringing(const ipc::OrdinaryRinging& m);
    void ordinary_answered(const ipc::OrdinaryAnswered& m);
    void call_failed(const ipc::CallFailed& m);

    [[nodiscard]] Session* session(SessionId id);
    [[nodiscard]] Call* call(CallId id);
    /// An id that this enclave gave out, whether or not the session still lives; others come from a liar.
    [[nodiscard]] bool ever_existed(SessionId id) const { return id.value != 0 && id.value < next_session_; }
    [[nodiscard]] bool ever_existed(CallId id) const { return id.value != 0 && id.value < next_call_; }

    void suspended();
    /// Every running call is decided anew.
    void policy_changed();
    /// The vault was shut: media keys go with it. Or the PIN was entered.
    void lock_changed();
    /// Ends every call; `finished` turns true once the TPM has destroyed every secret.
    void end_all(ipc::EndReason reason);
    [[nodiscard]] bool idle() const { return sessions_.empty() && calls_.empty(); }
    [[nodiscard]] uint32_t live() const;
    /// The person calls somebody, or talks. Who only knocks keeps nobody awake.
    [[nodiscard]] bool busy() const;
    void tick(BootInstant now);
    [[nodiscard]] BootInstant next_deadline() const;

  private:
    Result<Call*> new_call(policy::Direction direction, bool ordinary);
    void refuse_incoming(const ipc::IncomingInvite& m, std::string_view why, uint16_t sip_status);
    [[nodiscard]] Admission admit(const ipc::IncomingInvite& m);
    void place_ordinary(Call& call);
    void place_attested(Call& call);
    void give_up(Call& call, ipc::EndReason reason, std::string_view detail);
    void adopt(Call& call, std::unique_ptr<Session> session, uint8_t leg);
    [[nodiscard]] bool has_live_leg(const Call& call);
    [[nodiscard]] Session* active(CallId id);
    void finish(Call& call);

    Context& context_;
    std::map<uint32_t, std::unique_ptr<Call>> calls_;
    std::map<uint32_t, std::unique_ptr<Session>> sessions_;
    void record_not_listed();
    Damper refusals_, attempts_;
    uint32_t next_call_ = 1, next_session_ = 1;
};

}  // namespace sealcall::enclave
