// A machine in the middle of one call: to the caller it is the phone that was dialled, to the callee it is the caller.
// It ends TLS on both sides and passes on everything that the two genuine phones say: nonces, Evidence, verdicts and
// DTLS fingerprints are theirs. It changes only what TLS would refuse by itself: the sender's own name in a Hello must
// be that of the certificate. If this rings anywhere, the Evidence is not bound to the channel.
//
//     caller ---- TLS (callee: mallory) ---- relay ---- TLS (caller: mallory) ---- callee
//
// It speaks for an enclave: the order of the messages is that of enclave/calls.cpp. One call, then it refuses.
#pragma once

#include <optional>

#include "tests/adversarial/relay/line.h"

namespace sealcall::relay {

class Relay {
  public:
    /// Both links outlive it.
    Relay(SoftwareIdentity self, ipc::Link& host, ipc::Link& ui);

    /// One message, the hello of the link left out. Errors: a message that does not decode, or a link that is closed.
    Status from_host(ByteSpan message);
    Status from_ui(ByteSpan message);
    /// Ends both legs. Does nothing the second time.
    void end(ipc::EndReason reason, uint16_t sip_status);

  private:
    enum class State : uint8_t {
        waiting,   ///< for the person's Dial and the caller's INVITE, in any order
        calling,   ///< our INVITE is on its way to the callee
        relaying,  ///< both channels exist
        ended,
    };
    Status dial(const ipc::Dial& m);
    Status answer_status(const ipc::QueryStatus& m);
    Status invited(const ipc::IncomingInvite& m);
    Status call_the_callee();
    Status be_the_callee(const ipc::LegAttesting& m);
    Status channel_in(const ipc::ChannelIn& m);
    Status pass_on(Line& from, Line& to);
    [[nodiscard]] Result<Bytes> with_own_name(ByteSpan hello) const;
    void tell(ipc::CallState state, ipc::EndReason reason, uint16_t sip_status);

    SoftwareIdentity self_;
    ipc::Link& host_;
    ipc::Link& ui_;
    State state_ = State::waiting;
    std::optional<ipc::Dial> dial_;
    std::optional<ipc::IncomingInvite> invite_;
    Line caller_, callee_;
};

}  // namespace sealcall::relay
