// One call as the host knows it: SIP dialogs, SDP, and the enclave sessions they carry. What calls share, and what the
// phone may ask of any call.
#pragma once

#include "host/enclave_client.h"
#include "host/sip/request.h"

namespace sealcall::host {

struct Counters {
    uint32_t malformed = 0;        ///< SIP messages and bodies refused or dropped
    uint32_t packets_dropped = 0;  ///< datagrams on media ports
    uint32_t unmatched = 0;        ///< commands for sessions that are gone: races, not errors
};

struct Context {
    Transport& transport;
    Requests& requests;
    EnclaveClient& enclave;
    std::string own_uri;        ///< without parameters
    std::string media_address;  ///< numeric
    Counters& counters;
};

class Leg;

class Call {
  public:
    virtual ~Call() = default;
    /// The leg whose dialog this request or response belongs to; null: none of ours.
    virtual Leg* leg_for(const sip_msg& msg) = 0;
    virtual Leg* leg_of(SessionId session) = 0;
    /// ACK and PRACK are the INVITE transaction's; everything else goes to the leg itself.
    virtual void acknowledged(Leg& leg, const sip_msg& ack) = 0;
    virtual void prack(Leg& leg, const sip_msg& msg) = 0;
    virtual void ring(Leg& leg) = 0;
    virtual void accept(Leg& leg) = 0;
    /// EndLeg of the enclave: nothing is reported back.
    virtual void end_leg(Leg& leg, uint16_t sip_status) = 0;
    [[nodiscard]] virtual bool finished() const = 0;
};

/// A dialog from an INVITE or, with `base`, from a response to ours (one per fork). On a direct connection the peer's
/// address is the one the message came from: its Contact may not be reachable, and a second connection would lose the
/// order.
Result<ReRef<sip_dialog>> make_dialog(const sip_msg& msg, sip_dialog* base, const Transport& transport);
/// Target refresh (RFC 3261 12.2) under the same rule.
void refresh_target(sip_dialog* dialog, const sip_msg& msg, const Transport& transport);

}  // namespace sealcall::host
