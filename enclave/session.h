// One enclave session: one attestation channel, one verdict, one DTLS association, one SRTP pair. A fork of a dial, or
// an incoming INVITE. The host's word can end it; nothing the host says can move it towards media.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>

#include "enclave/call.h"
#include "enclave/log_fetch.h"
#include "enclave/media_session.h"
#include "enclave/recheck.h"
#include "enclave/tls/channel.h"

namespace sealcall::enclave {

/// Of ipc::OnFall, in records.
inline constexpr std::array kOnFallNames{"nothing", "muted", "held", "ended"};

enum class SessionState : uint8_t {
    handshaking,     ///< TLS 1.3 in INFO bodies
    awaiting_hello,  ///< caller: for the callee's Hello. Callee: for the caller's
    quoting,         ///< own Evidence is being made
    awaiting_evidence,
    fetching_logs,  ///< the peer shows what its Evidence offers and we have not seen
    appraising,     ///< verifier at work
    awaiting_verdict,
    decided,  ///< both agreed (ordinary: our policy agreed)
    ringing,
    answered,  ///< media path and DTLS under way
    media,     ///< MediaSession is running or held
    ended,
};

class Session final : public MediaOwner {
  public:
    static constexpr Millis kAttestationBudget{20000};  ///< from the first byte to both verdicts
    static constexpr Millis kRingingBudget{180000};
    static constexpr uint32_t kFramesAtOnce = 64, kFramesPerSecond = 32;  ///< that a peer may send once both agreed
    static constexpr size_t kFramesWaiting = 16;  ///< while this side works; an honest peer has two
    static constexpr Millis kMediaBudget{20000};  ///< from the answer to sound

    static Result<std::unique_ptr<Session>> open_attested(Context& context, Call& call, SessionId id, rats::Role role,
                                                          const Digest& sdp_fingerprint);
    static Result<std::unique_ptr<Session>> open_ordinary(Context& context, Call& call, SessionId id, rats::Role role,
                                                          const Digest& peer_fingerprint, bool peer_is_dtls_client,
                                                          uint8_t payload_type);
    ~Session() override;

    [[nodiscard]] SessionId id() const { return id_; }
    [[nodiscard]] Call& call() { return call_; }
    [[nodiscard]] SessionState state() const { return state_; }
    [[nodiscard]] bool half_open() const { return state_ < SessionState::decided; }
    [[nodiscard]] bool finished() const { return state_ == SessionState::ended && !destroying_; }
    [[nodiscard]] MediaSession* media() { return media_.get(); }

    /// The first flight of the callee (TLS client); to be called once the host knows the session's id.
    void begin();

    // From the host. Untrusted.
    void on_channel_in(ByteSpan body);
    void on_leg_answered();
    void on_local_candidates(std::string_view fragment);
    void on_media_path(bool ready);
    void on_datagram(ByteSpan bytes);
    void on_peer_hold(bool on);
    void on_passport(const ipc::PassportReply& reply);
    void on_leg_ended(ipc::LegEndWhy why, uint16_t sip_status);
    // From ui: the person's word.
    void answer(policy::AnsweredBy by, bool microphone);
    void set_hold(bool on);
    void set_microphone(bool on);
    void recheck();
    /// Another policy is in force: decides anew.
    void policy_changed();
    // From audio.
    void on_captured(const ipc::CapturedFrame& frame);
    void on_stream_stats(const ipc::StreamStats& stats);
    void on_audio_event(ipc::AudioEventKind kind);

    void suspended();
    /// The vault was shut: running media goes on hold, as for a suspend; what we dial ends; what rings rings on. Or the
    /// PIN was entered, which brings all of that back.
    void lock_changed();
    /// Ends the session: wipes, closes the channel, tells the host unless it already knows. Idempotent.
    void end(ipc::EndReason reason, std::string_view detail, uint16_t sip_status = 480);
    void tick(BootInstant now);
    [[nodiscard]] BootInstant next_deadline() const;

    // MediaOwner
    void send_frame(rats::FrameType type, Bytes body) override;
    void mark(ipc::Phase phase) override;
    void media_changed() override;
    void peer_quiet() override;
    void media_failed(ipc::EndReason reason, Error error) override;

  private:
    Session(Context& context, Call& call, SessionId id, rats::Role role);
    [[nodiscard]] bool caller() const { return role_ == rats::Role::caller; }
    void enter(SessionState next, Millis budget);

    // session_attest.cpp: the channel up to both verdicts
    void advance_channel();
    void channel_failed(Error error);
    void channel_opened();
    void flush_channel();
    void drain_frames();
    [[nodiscard]] bool spend_frame(BootInstant now);
    void handle_frame(const tls::Channel::Frame& frame);
    Status on_hello(ByteSpan body);
    Status on_evidence(ByteSpan body);
    Status on_verdict(ByteSpan body);
    void send_hello();
    void make_evidence();
    void evidence_ready(Result<OwnEvidence> own);
    void show_first(rats::FrameType type, const Bytes& body);
    [[nodiscard]] attestation::Expectation expectation(uint16_t round) const;
    /// Every round's Evidence; `verified` brings the result to `appraised` (round 0) or `rechecked`.
    void appraise(rats::Evidence evidence, uint16_t round);
    [[nodiscard]] bool passport_holds() const;
    void ask_verifier();
    void verified(std::optional<VerifierAnswer> answer);
    [[nodiscard]] rats::AttestationResult judge(const attestation::Appraised& ceiling,
                                                const std::optional<VerifierAnswer>& answer) const;
    void appraised(rats::AttestationResult result);
    enum class Accepted : bool { no, yes };
    void send_verdict(uint16_t round, Accepted accepted);
    void take_verdict(const rats::Verdict& verdict);
    void both_agreed();
    [[nodiscard]] rats::BindingInput binding(rats::Role attester, uint16_t round) const;
    [[nodiscard]] bool answered_by_other() const;

    // session_logs.cpp: logs, both ways
    void fetch_logs();
    Status on_log_request(ByteSpan body);
    Status on_log_part(ByteSpan body);

    // session_recheck.cpp: the rounds after the first
    void recheck_tick(BootInstant now);
    Status on_reattest(ByteSpan body);
    Status on_round_verdict(ByteSpan body);
    void answer_round(const rats::Reattest& question);
    void round_evidence_ready(Result<OwnEvidence> own);
    void notice_own_change(const rats::Evidence& evidence);
    void continue_from_before(const rats::Evidence& evidence, attestation::Appraised& ceiling, uint16_t round);
    void rechecked(rats::AttestationResult result);
    void late(Lateness how);
    void settle(rats::AttestationResult result, ipc::RecheckOutcome outcome);
    [[nodiscard]] ipc::OnFall consequence(const rats::AttestationResult& before, policy::Action answer_before) const;
    void carry_out(ipc::OnFall what);
    void tell_recheck(uint16_t round, ipc::RecheckOutcome outcome, rats::Level before, rats::Level after,
                      ipc::OnFall done) const;

    // session_policy.cpp
    [[nodiscard]] policy::CallContext about() const;
    void decide();
    void decide_anew(std::string_view notice);
    [[nodiscard]] ipc::EndReason refusal() const;
    [[nodiscard]] bool may_speak() const;
    [[nodiscard]] bool refused_now();

    // session_passport.cpp
    [[nodiscard]] rats::EvidenceKind kind_to_show() const;
    void ask_passport(uint16_t round);
    Status on_result(ByteSpan body);
    rats::AttestationResult believe(const rats::ResultFrame& frame, uint16_t round);
    [[nodiscard]] rats::AttestationResult limited(rats::AttestationResult result) const;
    [[nodiscard]] std::string_view peer_domain() const;

    // session_person.cpp: memory of the peer, consent, lock
    void recall();
    void remember() const;
    [[nodiscard]] ipc::PeerKey peer_key() const;
    [[nodiscard]] bool waits_for_pin() const;
    [[nodiscard]] bool hold_for_pin();
    void ask_pin();
    void pin_answered(bool granted);
    void follow_decision();
    [[nodiscard]] bool refused_by_lock() const;

    // session.cpp: from the decision to media
    void decide_ordinary();
    void ring();
    void ring_now();
    void show_card();
    void speak_when_anchored();
    void begin_media();
    void start_media_path();
    void forward_remote_candidates();

    Context& context_;
    Call& call_;
    SessionId id_;
    rats::Role role_;
    SessionState state_ = SessionState::handshaking;
    BootInstant deadline_{};
    bool destroying_ = false;
    bool host_knows_end_ = false;

    std::shared_ptr<tls::Channel> channel_;  ///< shared with the job that runs the handshake where the TPM is
    std::shared_ptr<tpm::Tpm*> signer_ = std::make_shared<tpm::Tpm*>(nullptr);  ///< set while that job runs
    bool channel_busy_ = false;
    std::deque<Bytes> inbox_;
    std::deque<tls::Channel::Frame> frames_;

    rats::Hello own_hello_, peer_hello_;
    bool peer_hello_seen_ = false;
    Digest hellos_{};
    Digest sdp_fingerprint_{};
    OwnEvidence own_evidence_;
    bool own_evidence_sent_ = false;
    uint32_t log_requests_ = 0;  ///< of the peer, for this Evidence
    struct Pending {             ///< Evidence of the peer that passed our own checks
        Pending() : round(0) {}  // not by an initializer: within the class clang 14 takes that for not constructible
        uint16_t round;
        rats::VerifierRequest request;
        attestation::Appraised ceiling;
        std::optional<LogFetch> logs;
    };
    std::optional<Pending> pending_;
    struct PassportWait {
        uint16_t round = 0;
        BootInstant until{};
    };
    std::optional<PassportWait> passport_wait_;  ///< our authority is being asked
    bool own_passport_told_ = false;
    std::optional<Digest> shown_instance_;  ///< by the peer's last passport that held
    std::string result_by_;                 ///< issuer of the peer's passport; empty: we appraise its Evidence
    Recheck recheck_;
    Shown shown_;                            ///< by the peer, in the last round whose proof held
    std::optional<Digest> own_measurement_;  ///< as quoted last
    bool own_failure_told_ = false;
    rats::AttestationResult theirs_;
    uint64_t theirs_at_ms_ = 0;
    std::optional<policy::Decision> decision_;
    policy::OnWorse on_worse_ = policy::OnWorse::mute;  ///< the strictest that any decision of this session asked for
    std::shared_ptr<Admission> admission_ = std::make_shared<Admission>(Admission::yes);  ///< shared with the handshake
    std::optional<rats::Verdict> peer_verdict_;
    bool answered_ = false;
    bool anchored_ = false;  ///< what both agreed on is in the TPM
    bool microphone_ = true;
    bool recalled_ = false;           ///< false: the vault was shut so far
    bool known_person_ = false;       ///< stands in the contacts, as the vault said when it was open
    rats::Reason memory_{};           ///< downgrade, new_key or lower_level; none: not worse than before
    bool held_for_pin_ = false;       ///< caller: its verdict; callee: the ringing
    std::optional<Consent> consent_;  ///< the person's, by the PIN
    bool held_by_lock_ = false;

    Digest peer_fingerprint_{};  ///< attested: from the channel. Ordinary: from SDP
    bool dtls_client_ = false;
    uint8_t payload_type_ = 111;
    struct MediaSeen {
        MediaSession::State state{};
        bool held_here = false, held_there = false, microphone = false;
        bool operator==(const MediaSeen&) const = default;
    };
    std::optional<MediaSeen> seen_;  ///< what the screen was told last
    BootInstant frames_refilled_{};
    uint32_t frame_budget_ = kFramesAtOnce;  ///< of the peer, once both agreed
    bool remote_candidates_seen_ = false;
    bool path_started_ = false, local_sent_ = false, path_ready_ = false;
    std::string local_candidates_, remote_candidates_;
    std::unique_ptr<MediaSession> media_;
};

}  // namespace sealcall::enclave
