// Streams: the sound of all sessions of a phone, without any device or clock. Several may be open; what they receive is
// mixed. The microphone has one owner at most: the session for which the enclave opened or switched on capture last.
// When the owner closes or switches off, nobody has it until the enclave says so anew. A session that captures but does
// not own the microphone keeps sending encoded silence, so that neither size nor timing of its packets shows that it is
// muted.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "enclave/audio/playback.h"
#include "enclave/audio/wav.h"
#include "sealcall/ipc/link.h"

namespace sealcall::audio {

class Streams {
  public:
    static constexpr size_t kMax = 8;
    struct Settings {
        uint32_t bitrate = 32000;
        int wav_fd = -1;                  ///< the caller's; meaningful if `wav_in`
        std::optional<WavFormat> wav_in;  ///< played as the microphone, from its start for each session
    };
    Streams(Settings settings, ipc::Link& enclave) : settings_(settings), enclave_(enclave) {}

    /// What the enclave asks for. Errors: wrong_state (open twice), unknown_id, too_large (more than kMax),
    /// codec_failed.
    Status open(const ipc::OpenStream& m);
    Status close(const ipc::CloseStream& m);
    Status capture(const ipc::Capture& m);
    /// A packet for a session that is closed already is dropped: it may have crossed the CloseStream.
    void play(const ipc::PlayFrame& m, BootInstant now);

    /// 20 ms of all sessions for the loudspeaker. Sends statistics once a second.
    void mix(Frame& out, BootInstant now);
    /// 20 ms for every session that captures, encoded and sent. `microphone`: nullptr takes the WAV file, or silence.
    void send_captured(const Frame* microphone);
    /// Tells the enclave about the device, for each open session.
    void announce(ipc::AudioEventKind kind);

    [[nodiscard]] bool empty() const { return streams_.empty(); }
    /// False while every stream is held: a recording pauses.
    [[nodiscard]] bool any_plays() const {
        return std::ranges::any_of(streams_, [](const auto& s) { return s->plays; });
    }
    [[nodiscard]] bool microphone_in_use() const { return owner_.has_value(); }
    void close_all();

  private:
    struct Stream {
        SessionId id;
        bool plays = false;
        Playback playback;
        std::optional<Encoder> encoder;
        std::optional<WavPlayer> wav;
        uint32_t timestamp = 0;
        uint32_t ticks = 0;
        bool heard = false;
        bool wav_ended = false;
    };

    Stream* find(SessionId id);
    Status own_microphone(Stream& s);
    void send_frame(Stream& s, const Frame& pcm);
    void read_wav(Stream& s, Frame& pcm);
    enum class Last : bool { no, yes };
    void send_stats(const Stream& s, Last last);
    void send_event(SessionId id, ipc::AudioEventKind kind);

    Settings settings_;
    ipc::Link& enclave_;
    std::vector<std::unique_ptr<Stream>> streams_;
    std::optional<SessionId> owner_;
};

}  // namespace sealcall::audio
