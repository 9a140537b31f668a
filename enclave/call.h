// One call as the person sees it: an outgoing dial with its forks, or one incoming INVITE.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "enclave/consent.h"
#include "enclave/context.h"
#include "enclave/dtls/endpoint.h"

namespace sealcall::enclave {

struct Call {
    CallId id;
    policy::Direction direction{};
    bool ordinary = false;
    bool placed = false;       ///< outgoing to an ordinary phone: anchored, and the host was told to place it
    std::string dialled_uri;   ///< outgoing: by the person. Incoming: the caller's word, inside the channel
    std::string label;         ///< that this side judges it by: the one given, else its own policy's default
    std::string label_said;    ///< that the caller gave; may be empty
    std::string hearsay_name;  ///< incoming: display name as the network says it
    std::string hearsay_from;
    std::string identity_header;  ///< incoming: verified once the channel has shown the key
    std::string origin;           ///< incoming: source address, for rate limits
    std::optional<uint8_t> slot;  ///< NV counter of the call secret; an incoming call has one once it is answered
    std::shared_ptr<dtls::Identity> identity;  ///< shared by the forks: one offer, one DTLS key
    std::vector<SessionId> legs;               ///< in order of appearance, ended ones included
    SessionId winner{};                        ///< the leg that was answered; 0: none yet
    ipc::CallState state = ipc::CallState::dialling;
    ipc::EndReason end_reason{};  ///< of the last leg that ended
    std::string end_detail;
    BootInstant since{};
    bool ended = false;
    bool listed = false;  ///< incoming: in the audit log

    /// The first record of an incoming call; in a flood only of one that has proven something, or rings.
    void list(const Context& context) {
        if (std::exchange(listed, true)) return;
        context.record(audit::Record("incoming")
                           .call(id)
                           .text("from_hearsay", hearsay_from)
                           .text("origin", origin)
                           .flag("ordinary", ordinary));
    }
    /// Everything that a call comes to is told, but of those that nobody lists.
    [[nodiscard]] bool told() const { return listed || direction == policy::Direction::outgoing; }
    std::vector<std::string> first_met;  ///< certified names that no earlier call knew: no fork measures another
    bool waits_for_pin = false;          ///< outgoing, to an ordinary phone
    std::optional<Consent> consent;      ///< to that

    void tell(const Context& context, ipc::CallState next, bool held_here = false, bool held_there = false,
              bool microphone = true) {
        state = next;
        context.to_ui(ipc::CallStateChanged{.call = id,
                                            .state = next,
                                            .reason = next == ipc::CallState::ended ? end_reason : ipc::EndReason::none,
                                            .detail = BoundedString<128>::cut(end_detail),
                                            .held_here = held_here,
                                            .held_there = held_there,
                                            .microphone = microphone});
    }
};

}  // namespace sealcall::enclave
