// Media of one session: DTLS, the confirmation inside the attested channel, SRTP contexts, hold and resume, and the
// life of the sealed call secret. States: connecting -> confirming -> running <-> held; everything else is ended by the
// owner.
#pragma once

#include <memory>
#include <optional>

#include "enclave/context.h"
#include "enclave/dtls/endpoint.h"
#include "enclave/release_gate.h"
#include "enclave/srtp/media.h"

namespace sealcall::enclave {

/// What a media session asks of the session that owns it.
class MediaOwner {
  public:
    virtual ~MediaOwner() = default;
    virtual void send_frame(rats::FrameType type, Bytes body) = 0;
    virtual void mark(ipc::Phase phase) = 0;
    virtual void media_changed() = 0;  ///< running, held: tell the screen
    virtual void peer_quiet() = 0;     ///< nothing came for RecheckTimes::quiet; told once in each silence
    virtual void media_failed(ipc::EndReason reason, Error error) = 0;
};

struct MediaSetup {
    CallId call;
    SessionId session;
    rats::Role role{};
    bool attested = false;
    bool dtls_client = false;
    Digest peer_fingerprint{};
    std::shared_ptr<dtls::Identity> identity;  ///< shared: forks answer one offer, which has one key
    uint8_t slot = 0;
    uint8_t payload_type = 111;
    bool microphone = true;
};

class MediaSession {
  public:
    enum class State : uint8_t { connecting, confirming, running, held, ended };

    static Result<std::unique_ptr<MediaSession>> create(MediaGrant grant, Context& context, MediaOwner& owner,
                                                        MediaSetup setup);
    ~MediaSession();
    MediaSession(const MediaSession&) = delete;
    MediaSession& operator=(const MediaSession&) = delete;

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] bool held_here() const { return held_here_; }
    [[nodiscard]] bool held_there() const { return held_there_; }
    [[nodiscard]] bool microphone() const { return microphone_; }

    void path_ready(BootInstant now);
    void datagram(ByteSpan bytes, BootInstant now);
    void captured(const ipc::CapturedFrame& frame, BootInstant now);
    void stream_stats(const ipc::StreamStats& stats);

    /// Frames of the peer's enclave. Errors end the channel.
    Status on_confirm(ByteSpan body);
    Status on_hold(ByteSpan body);
    Status on_resume(ByteSpan body);

    /// Errors: wrong_state (nothing to hold yet), unavailable (ordinary phones cannot be resumed safely).
    Status set_hold(bool on);
    void set_microphone(bool on);
    /// The machine slept: plain keys leave memory; the call stands held until somebody resumes it.
    void suspended();

    void tick(BootInstant now);
    [[nodiscard]] std::optional<BootInstant> next_deadline() const;

    /// Wipes everything and has the TPM make the sealed secret unusable; `done` when that is proven (or the TPM
    /// failed).
    void destroy(std::function<void()> done);
    /// Tries again what the TPM's queue had no room for.
    void retry_destroy();
    [[nodiscard]] bool destroy_waits() const { return static_cast<bool>(destroy_later_); }
    [[nodiscard]] ipc::MediaStats stats() const;

  private:
    MediaSession(MediaGrant grant, Context& context, MediaOwner& owner, MediaSetup setup);
    void flush_dtls();
    void dtls_finished();
    void seal(Secret<32> secret);
    void start_media(dtls::MediaKeys keys, BootInstant now);
    void media_packet(ByteSpan bytes, BootInstant now);
    void wipe_media();
    void offer_context(uint32_t number);
    [[nodiscard]] bool rekey_when_due(BootInstant now);
    void try_derive();
    [[nodiscard]] bool owns_microphone() const { return microphone_ && context_.microphone_owner == setup_.session; }
    void renew_lease();
    void record_sealed();
    void key_event(ipc::KeyEvent event, uint32_t tpm_rc);

    MediaGrant grant_;
    Context& context_;
    MediaOwner& owner_;
    MediaSetup setup_;
    State state_ = State::connecting;
    std::unique_ptr<dtls::Endpoint> dtls_;
    std::optional<dtls::MediaKeys> pending_keys_;  ///< between the handshake and the confirmation
    Digest expected_proof_{};
    std::optional<Digest> early_proof_;  ///< the peer finished first
    std::unique_ptr<srtp::Media> media_;
    dtls::SrtpProfile profile_{};
    std::optional<tpm::SealedSecret> sealed_;
    BootInstant lease_half_{};
    bool renewing_ = false;
    bool sealing_ = false;

    uint32_t context_number_ = 0;  ///< of the last context that existed
    uint32_t highest_number_ = 0;  ///< ever offered by either side: an offer is never repeated under its number
    uint32_t highest_own_ = 0;     ///< ever offered by this side
    struct Share {
        uint32_t number = 0;
        std::array<std::byte, 16> fresh{};
    };
    std::optional<Share> own_share_, peer_share_;
    uint32_t generation_ = 0;                      ///< moves at every wipe: a late unseal finds that it is not wanted
    bool unsealing_ = false;                       ///< one job at a time, whatever the peer sends
    std::function<bool()> destroy_later_;          ///< set while the TPM's queue is full
    BootInstant context_since_{}, rekey_asked_{};  ///< zero: not yet in this context
    BootInstant last_in_{};                        ///< SRTP or SRTCP
    bool quiet_told_ = false;

    bool held_here_ = false, held_there_ = false, microphone_ = true, stream_open_ = false;
    bool path_ready_ = false, heard_ = false;
    ipc::MediaStats totals_{};  ///< of contexts that ended
    ipc::StreamStats stream_{};
    BootInstant next_stats_{};
};

}  // namespace sealcall::enclave
