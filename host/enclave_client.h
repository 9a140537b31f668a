// The host's side of its link to the enclave: one plain function per message. The enclave is the more trusted one; a
// message that does not decode means a broken build and ends the process.
#pragma once

#include "host/link_port.h"

namespace sealcall::host {

/// What the enclave may ask of the host.
struct EnclaveCommands {
    virtual void on(const ipc::PlaceCall& m) = 0;
    virtual void on(const ipc::LegAdmitted& m) = 0;
    virtual void on(const ipc::IncomingAdmitted& m) = 0;
    virtual void on(const ipc::IncomingRefused& m) = 0;
    virtual void on(const ipc::ChannelOut& m) = 0;
    virtual void on(const ipc::SendRinging& m) = 0;
    virtual void on(const ipc::SendOk& m) = 0;
    virtual void on(const ipc::EndLeg& m) = 0;
    virtual void on(const ipc::EndCall& m) = 0;
    virtual void on(const ipc::StartMediaPath& m) = 0;
    virtual void on(const ipc::RemoteCandidates& m) = 0;
    virtual void on(const ipc::Datagram& m) = 0;
    virtual void on(const ipc::SendHold& m) = 0;
    virtual void on(const ipc::DigestResponse& m) = 0;
    virtual void on(const ipc::AskPassport& m) = 0;

  protected:
    ~EnclaveCommands() = default;
};

class EnclaveClient {
  public:
    explicit EnclaveClient(LinkPort& link) : link_(link) {}

    /// Decodes one message and calls its handler. Errors: unknown_message and all of the codec's.
    static Status dispatch(ByteSpan message, EnclaveCommands& to);

    void incoming_invite(const ipc::IncomingInvite& m) { link_.send(m); }
    void leg_attesting(CallId call, uint8_t leg, const Digest& fingerprint) {
        link_.send(ipc::LegAttesting{.call = call, .leg = leg, .sdp_fingerprint = fingerprint});
    }
    void leg_ordinary(CallId call, ipc::OrdinaryWhy why) { link_.send(ipc::LegOrdinary{.call = call, .why = why}); }
    void channel_in(SessionId session, ByteSpan body) {
        link_.send(ipc::ChannelIn{.session = session, .body = BoundedBytes<rats::kInfoBodyMax>(body)});
    }
    void leg_answered(SessionId session) { link_.send(ipc::LegAnswered{.session = session}); }
    void ordinary_answered(const ipc::OrdinaryAnswered& m) { link_.send(m); }
    void ordinary_ringing(CallId call) { link_.send(ipc::OrdinaryRinging{.call = call}); }
    void leg_ended(SessionId session, ipc::LegEndWhy why, uint16_t status) {
        link_.send(ipc::LegEnded{.session = session, .why = why, .sip_status = status});
    }
    void call_failed(CallId call, ipc::LegEndWhy why, uint16_t status) {
        link_.send(ipc::CallFailed{.call = call, .why = why, .sip_status = status});
    }
    void local_candidates(SessionId session, const std::string& fragment) {
        link_.send(ipc::LocalCandidates{.session = session, .fragment = BoundedString<3072>(fragment)});
    }
    void media_path_ready(SessionId session) { link_.send(ipc::MediaPathReady{.session = session}); }
    void media_path_failed(SessionId session) { link_.send(ipc::MediaPathFailed{.session = session}); }
    void peer_hold(SessionId session, bool on) { link_.send(ipc::PeerHold{.session = session, .on = on}); }
    void passport_reply(const ipc::PassportReply& m) { link_.send(m); }
    void digest_challenge(const ipc::DigestChallenge& m) { link_.send(m); }
    /// Media is late or lost, never queued. False: dropped.
    bool datagram(SessionId session, ByteSpan bytes) {
        return link_.send_or_drop(ipc::Datagram{.session = session, .bytes = BoundedBytes<ipc::kDatagramMax>(bytes)});
    }

  private:
    LinkPort& link_;
};

}  // namespace sealcall::host
