// One SIP dialog with its enclave session and its media path: INFO both ways, BYE, re-INVITE, UPDATE, session timers.
// The INVITE that began it belongs to OutgoingCall or IncomingCall.
#pragma once

#include <optional>

#include "host/call/body_order.h"
#include "host/call/call.h"
#include "host/net/media_path.h"
#include "host/sdp/sdp.h"
#include "host/sip/message.h"
#include "host/sip/ok_repeater.h"

namespace sealcall::host {

class Leg final : private MediaPath::Events {
  public:
    enum class State { early, confirmed, ended };
    static constexpr size_t kInboxMax = 32;  ///< INFO bodies kept until the enclave has given a session

    Leg(Context& context, ReRef<sip_dialog> dialog, bool caller, ipc::CallKind kind, uint8_t index);
    ~Leg();

    [[nodiscard]] bool matches(const sip_msg& msg) const { return sip_dialog_cmp(dialog_.get(), &msg); }
    [[nodiscard]] sip_dialog* dialog() const { return dialog_.get(); }
    [[nodiscard]] uint8_t index() const { return index_; }
    [[nodiscard]] ipc::CallKind kind() const { return kind_; }
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] const std::optional<SessionId>& session() const { return session_; }

    /// From here on what came before is handed to the enclave, in order.
    void admit(SessionId session);
    /// A request within the dialog, already checked; not ACK or PRACK.
    void handle(const sip_msg& request);
    /// The ACK of a re-INVITE.
    void handle_ack(const sip_msg& ack);
    /// The INVITE was answered with 2xx and acknowledged.
    void confirm();
    /// Ends the dialog: BYE, and nothing is reported.
    void bye();
    /// The same without BYE: CANCEL or a final response says it.
    void silence();
    /// BYE whatever the state: for a 2xx that came to a leg already given up.
    void send_bye();
    /// Reports the end once the session is known.
    void report_end(ipc::LegEndWhy why, uint16_t sip_status);

    void channel_out(ByteSpan body);
    void set_hold(bool on);
    /// Attested calls and incoming ordinary ones: gathers, and tells the candidates.
    void start_media_path();
    void remote_candidates(const std::string& fragment);
    void datagram(ByteSpan packet);
    /// Binds and gathers. Errors: io, bad_config.
    Status make_media_path();
    /// Becomes that leg: an ordinary call binds its path before it knows which fork answers.
    void take_dialog(Leg& other);
    [[nodiscard]] MediaPath* media_path() { return path_.get(); }
    /// Starts ICE, or plain addresses where the peer has no ICE. Errors: bad_sdp.
    Status connect_media(const RemoteSdp& remote);

    LocalSdp local;                   ///< what we last said, or will say
    std::optional<RemoteSdp> remote;  ///< what the peer last said
    /// Headers of a 2xx for a request that carries Session-Expires (RFC 4028 9); sets the timer. Empty: no timer.
    std::string accept_session_timer(const sip_msg& request);
    /// The same for a 2xx to a request of ours (RFC 4028 7.2).
    void take_session_timer(const sip_msg& response);

  private:
    void media_ready() override;
    void media_failed() override;
    void media_packet(ByteSpan packet) override;

    void handle_info(const sip_msg& m);
    void hand_over(std::vector<Bytes> bodies);
    void handle_bye(const sip_msg& m);
    void handle_offer(const sip_msg& m);
    void handle_options(const sip_msg& m);
    void reply(const sip_msg& m, uint16_t status, const std::string& headers = "");
    bool apply_remote(const RemoteSdp& offer);
    void send_offer();
    void offer_answered(Request* request, int err, const sip_msg* msg);
    void retry_offer();
    void arm_session_timer(uint32_t seconds, bool we_refresh);
    void close();
    void drop(ipc::LegEndWhy why, uint16_t status);  ///< BYE, and reports
    void dialog_gone(ipc::LegEndWhy why, uint16_t status);

    Context& context_;
    Lifetime life_;
    ReRef<sip_dialog> dialog_;
    const bool caller_;
    const ipc::CallKind kind_;
    uint8_t index_;
    State state_ = State::early;
    std::optional<SessionId> session_;
    std::vector<Bytes> inbox_;
    BodyOrder order_;
    bool answered_ = false, answer_told_ = false, end_told_ = false;
    std::optional<std::pair<ipc::LegEndWhy, uint16_t>> end_;
    std::unique_ptr<MediaPath> path_;
    bool path_ready_ = false;

    Request* reinvite_ = nullptr;  ///< ours, in progress
    bool offer_wanted_ = false;    ///< another one when that is done
    bool ack_pending_ = false;     ///< for a re-INVITE of the peer
    uint32_t peer_invite_cseq_ = 0;
    OkRepeater ok_;
    Timer glare_, session_timer_, order_timer_;
    bool peer_holds_ = false;
};

}  // namespace sealcall::host
