#include "enclave/audio/streams.h"

#include <limits>

namespace sealcall::audio {
namespace {

constexpr uint32_t kStatsEvery = 50;  // ticks: 1 s
constexpr Frame kSilence{};

uint32_t millis(Micros t) { return static_cast<uint32_t>(std::max<int64_t>(t.count(), 0) / 1000); }

}  // namespace

Streams::Stream* Streams::find(SessionId id) {
    for (auto& s : streams_)
        if (s->id == id) return s.get();
    return nullptr;
}

Status Streams::open(const ipc::OpenStream& m) {
    if (find(m.session) != nullptr) return Error{Errc::wrong_state, "stream is open already", m.session.value};
    if (streams_.size() >= kMax) return Error{Errc::too_large, "too many streams", m.session.value};
    TRY(Playback playback, Playback::create());
    auto s = std::make_unique<Stream>(Stream{.id = m.session,
                                             .plays = m.playback,
                                             .playback = std::move(playback),
                                             .encoder = std::nullopt,
                                             .wav = std::nullopt});
    if (m.capture) TRY_STATUS(own_microphone(*s));
    streams_.push_back(std::move(s));
    return {};
}

Status Streams::own_microphone(Stream& s) {
    if (!s.encoder) {
        TRY(s.encoder, Encoder::create(settings_.bitrate));
    }
    if (settings_.wav_in && !s.wav) {
        TRY(s.wav, WavPlayer::create(settings_.wav_fd, *settings_.wav_in));
    }
    owner_ = s.id;
    return {};
}

Status Streams::close(const ipc::CloseStream& m) {
    Stream* s = find(m.session);
    if (s == nullptr) return Error{Errc::unknown_id, "no such stream", m.session.value};
    send_stats(*s, Last::yes);
    if (owner_ == m.session) owner_.reset();
    std::erase_if(streams_, [&](const auto& each) { return each.get() == s; });
    return {};
}

Status Streams::capture(const ipc::Capture& m) {
    Stream* s = find(m.session);
    if (s == nullptr) return Error{Errc::unknown_id, "no such stream", m.session.value};
    s->plays = m.playback;
    if (m.on) return own_microphone(*s);
    if (owner_ == m.session) owner_.reset();
    return {};
}

void Streams::play(const ipc::PlayFrame& m, BootInstant now) {
    Stream* s = find(m.session);
    if (s != nullptr && s->plays) s->playback.packet(m.sequence, m.timestamp, m.opus.view(), now);
}

void Streams::mix(Frame& out, BootInstant now) {
    out.fill(0);
    Frame one;
    for (auto& s : streams_) {
        if (s->plays) {
            const bool sound = s->playback.next(one, now);
            if (sound && !s->heard) send_event(s->id, ipc::AudioEventKind::first_sound_played);
            s->heard = s->heard || sound;
            for (size_t i = 0; i < out.size(); ++i)
                out[i] = static_cast<int16_t>(std::clamp<int>(out[i] + one[i], std::numeric_limits<int16_t>::min(),
                                                              std::numeric_limits<int16_t>::max()));
        }
        if (++s->ticks % kStatsEvery == 0) send_stats(*s, Last::no);
    }
}

void Streams::send_captured(const Frame* microphone) {
    for (auto& s : streams_) {
        if (!s->encoder) continue;
        if (owner_ != s->id) {
            send_frame(*s, kSilence);
        } else if (microphone != nullptr) {
            send_frame(*s, *microphone);
        } else {
            Frame pcm{};
            read_wav(*s, pcm);
            send_frame(*s, pcm);
        }
    }
}

void Streams::read_wav(Stream& s, Frame& pcm) {
    if (!s.wav) return;
    s.wav->read(pcm);
    if (!s.wav->finished() || s.wav_ended) return;
    s.wav_ended = true;
    send_event(s.id, ipc::AudioEventKind::wav_finished);
}

void Streams::send_frame(Stream& s, const Frame& pcm) {
    const uint32_t timestamp = s.timestamp;
    s.timestamp += static_cast<uint32_t>(kFrameSamples);
    auto opus = s.encoder->encode(pcm);
    if (!opus) {
        std::fprintf(stderr, "event=encode_failed detail=%u\n", opus.error().detail);
        return;
    }
    // Old sound is worth nothing: what the enclave cannot take now is dropped.
    (void)enclave_.send_or_drop(
        ipc::CapturedFrame{.session = s.id, .timestamp = timestamp, .opus = BoundedBytes<ipc::kAudioFrameMax>(*opus)});
}

void Streams::send_stats(const Stream& s, Last last) {
    const JitterBuffer::Stats j = s.playback.stats();
    (void)enclave_.send(ipc::StreamStats{.session = s.id,
                                         .final = last == Last::yes,
                                         .played = j.played,
                                         .concealed = j.concealed,
                                         .late = j.late,
                                         .longest_gap_ms = millis(j.longest_gap),
                                         .buffer_ms = millis(j.delay)});
}

void Streams::send_event(SessionId id, ipc::AudioEventKind kind) {
    (void)enclave_.send(ipc::AudioEvent{.session = id, .kind = kind});
}

void Streams::announce(ipc::AudioEventKind kind) {
    for (auto& s : streams_) send_event(s->id, kind);
}

void Streams::close_all() {
    while (!streams_.empty()) (void)close({.session = streams_.back()->id});
}

}  // namespace sealcall::audio
