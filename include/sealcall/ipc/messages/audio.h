// enclave <-> audio: Opus frames in the clear, and streams.
#pragma once

#include "sealcall/ipc/messages/roles.h"

namespace sealcall::ipc {

enum class AudioSource : uint8_t { device, wav };
struct OpenStream {
    static constexpr uint16_t kId = 400;
    SessionId session;
    bool capture = true;
    bool playback = true;
    static constexpr auto fields = std::tuple{&OpenStream::session, &OpenStream::capture, &OpenStream::playback};
};
struct CloseStream {
    static constexpr uint16_t kId = 402;
    SessionId session;
    static constexpr auto fields = std::tuple{&CloseStream::session};
};
/// Stops or starts the microphone, and the loudspeaker with it while a call is held, without closing the stream.
struct Capture {
    static constexpr uint16_t kId = 404;
    SessionId session;
    bool on = true;
    bool playback = true;  ///< false: held; a recording pauses, and silence is not counted as a gap
    static constexpr auto fields = std::tuple{&Capture::session, &Capture::on, &Capture::playback};
};
/// enclave -> audio: an authenticated Opus packet to play.
struct PlayFrame {
    static constexpr uint16_t kId = 406;
    SessionId session;
    uint16_t sequence = 0;   ///< RTP sequence number
    uint32_t timestamp = 0;  ///< 48 kHz samples
    BoundedBytes<kAudioFrameMax> opus;
    static constexpr auto fields =
        std::tuple{&PlayFrame::session, &PlayFrame::sequence, &PlayFrame::timestamp, &PlayFrame::opus};
};
/// audio -> enclave: one encoded frame, 20 ms = 960 samples.
struct CapturedFrame {
    static constexpr uint16_t kId = 408;
    SessionId session;
    uint32_t timestamp = 0;  ///< 48 kHz samples since OpenStream
    BoundedBytes<kAudioFrameMax> opus;
    static constexpr auto fields = std::tuple{&CapturedFrame::session, &CapturedFrame::timestamp, &CapturedFrame::opus};
};
/// audio -> enclave, about once a second and after CloseStream (then `final`).
struct StreamStats {
    static constexpr uint16_t kId = 410;
    SessionId session;
    bool final = false;
    uint32_t played = 0;  ///< frames
    uint32_t concealed = 0;
    uint32_t late = 0;
    uint32_t longest_gap_ms = 0;
    uint32_t buffer_ms = 0;
    static constexpr auto fields =
        std::tuple{&StreamStats::session, &StreamStats::final,          &StreamStats::played,   &StreamStats::concealed,
                   &StreamStats::late,    &StreamStats::longest_gap_ms, &StreamStats::buffer_ms};
};
enum class AudioEventKind : uint8_t { device_lost, device_back, no_device, wav_finished, first_sound_played };
struct AudioEvent {
    static constexpr uint16_t kId = 412;
    SessionId session;
    AudioEventKind kind{};
    static constexpr auto fields = std::tuple{&AudioEvent::session, &AudioEvent::kind};
};

}  // namespace sealcall::ipc

SEALCALL_ENUM_LAST(sealcall::ipc::AudioSource, wav);
SEALCALL_ENUM_LAST(sealcall::ipc::AudioEventKind, first_sound_played);
