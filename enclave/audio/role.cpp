#include "enclave/audio/role.h"

#include <fcntl.h>
#include <sys/timerfd.h>

#include "enclave/audio/lockdown.h"

namespace sealcall::audio {
namespace {

constexpr long kTickNanos = 20'000'000;
constexpr uint64_t kCatchUpMax = 50;   // ticks: after a longer stall (a suspend) time is skipped
constexpr uint32_t kWatchEvery = 25;   // ticks between two looks at the device: 0.5 s
constexpr uint32_t kReopenEvery = 50;  // ticks between two attempts to get it back: 1 s
constexpr Millis kShutdownGrace{1000};
constexpr size_t kMessagesPerWake = 64;  // so that neither link can starve the clock

void log_error(const char* event, const Error& e) {
    std::fprintf(stderr, "event=%s code=%u what=\"%s\" detail=%u\n", event, static_cast<unsigned>(e.code), e.what,
                 e.detail);
}

}  // namespace

int AudioRole::run() {
    // Before anything of ours is opened and could take these numbers.
    have_wav_in_ = ::fcntl(ipc::fd::kAudioWavIn, F_GETFD) >= 0;
    have_wav_out_ = ::fcntl(ipc::fd::kAudioWavOut, F_GETFD) >= 0;
    (void)control_.hello(ipc::ProcessRole::audio);
    (void)enclave_.hello(ipc::ProcessRole::audio);
    if (Status s = configure(); !s) {
        log_error("audio_not_configured", s.error());
        return s.error().code == Errc::closed ? 0 : 1;
    }
    if (ending_) return 0;
    Status ready = prepare();
    if (ready) ready = lock_down(uses_device() ? Reach::devices : Reach::files);
    if (ready) ready = open_wav();
    ipc::Ready answer{.ok = ready.has_value(),
                      .problem = BoundedString<256>::cut(ready ? warning_.c_str() : ready.error().what)};
    (void)control_.send(answer);
    if (!ready) {
        log_error("audio_not_ready", ready.error());
        return 1;
    }
    Status end = loop();
    // The enclave ends first when a phone is shut down; then its link closes a moment before our own word comes.
    if (!end && end.error().code == Errc::closed && ipc::shutdown_follows(control_, kShutdownGrace)) end = {};
    if (streams_) streams_->close_all();
    if (!end) log_error("audio_ended", end.error());
    return end ? 0 : 1;
}

// ---- configuration, from the launcher alone

Status AudioRole::configure() {
    for (bool started = false; !started && !ending_;) {
        pollfd p{.fd = control_.fd(), .events = POLLIN, .revents = 0};
        if (::poll(&p, 1, -1) < 0 && errno != EINTR) return Error{Errc::io, "poll", static_cast<uint32_t>(errno)};
        auto message = control_.receive(buffer_);
        if (!message && message.error().code == Errc::would_block) continue;
        if (!message) return message.error();
        TRY_STATUS(on_configuration(*message, started));
    }
    return {};
}

Status AudioRole::on_configuration(ByteSpan message, bool& started) {
    TRY(uint16_t id, ipc::message_id(message));
    if (!greeted_control_) {
        TRY(auto hello, ipc::decode_message<ipc::LinkHello>(message));
        if (!ipc::hello_matches(hello, ipc::ProcessRole::launcher))
            return Error{Errc::bad_value, "launcher's hello", 0};
        greeted_control_ = true;
        return {};
    }
    if (id == ipc::Shutdown::kId) {
        ending_ = true;
        return {};
    }
    if (id == ipc::ConfigureAudio::kId && !configured_) {
        TRY(config_, ipc::decode_message<ipc::ConfigureAudio>(message));
        configured_ = true;
        return {};
    }
    if (id == ipc::Start::kId && configured_) {
        TRY(auto start, ipc::decode_message<ipc::Start>(message));
        (void)start;
        started = true;
        return {};
    }
    return Error{Errc::wrong_state, "message before Start", id};
}

bool AudioRole::uses_device() const {
    return config_.input == ipc::AudioSource::device || config_.output == ipc::AudioSource::device;
}
bool AudioRole::device_plays() const { return device_ && config_.output == ipc::AudioSource::device; }
bool AudioRole::device_captures() const { return device_ && config_.input == ipc::AudioSource::device; }

// Before lock-down: whatever has to be made or opened. A phone without a sound card still runs.
Status AudioRole::prepare() {
    if (auto e = Encoder::create(config_.bitrate); !e) return e.error();
    timer_ = UniqueFd(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
    if (!timer_.valid()) return Error{Errc::io, "timerfd_create", static_cast<uint32_t>(errno)};
    if (config_.input == ipc::AudioSource::wav && !have_wav_in_)
        return Error{Errc::not_found, "no WAV file to play was handed over", 0};
    if (config_.output == ipc::AudioSource::wav) {
        if (!have_wav_out_) return Error{Errc::not_found, "no file to record to was handed over", 0};
        TRY(recording_, WavWriter::create(ipc::fd::kAudioWavOut));
    }
    if (!uses_device()) return {};
    if (Status s = open_device(); !s) {
        warning_ = s.error().what;
        log_error("no_sound_device", s.error());
    }
    return {};
}

Status AudioRole::open_device() {
    const auto part = [](ipc::AudioSource s) { return s == ipc::AudioSource::device ? Part::used : Part::none; };
    TRY(device_, Device::open({.input = part(config_.input),
                               .output = part(config_.output),
                               .input_name = config_.input_device.str(),
                               .output_name = config_.output_device.str()}));
    if (config_.echo_cancel && device_plays() && device_captures() && !echo_) {
        TRY(echo_, EchoCanceller::create());
    }
    return {};
}

// After lock-down: a WAV file is foreign bytes.
Status AudioRole::open_wav() {
    Streams::Settings settings{.bitrate = config_.bitrate, .wav_fd = ipc::fd::kAudioWavIn, .wav_in = std::nullopt};
    if (config_.input == ipc::AudioSource::wav) {
        TRY(settings.wav_in, WavPlayer::inspect(ipc::fd::kAudioWavIn));
    }
    streams_.emplace(settings, enclave_);
    return {};
}

// ---- the loop

Status AudioRole::loop() {
    while (!ending_) {
        std::array<pollfd, 4> p{{{.fd = control_.fd(), .events = control_.events(), .revents = 0},
                                 {.fd = enclave_.fd(), .events = enclave_.events(), .revents = 0},
                                 {.fd = timer_.get(), .events = POLLIN, .revents = 0},
                                 {.fd = device_ ? device_->wake_fd() : -1, .events = POLLIN, .revents = 0}}};
        if (::poll(p.data(), p.size(), -1) < 0) {
            if (errno == EINTR) continue;
            return Error{Errc::io, "poll", static_cast<uint32_t>(errno)};
        }
        if (p[1].revents & POLLOUT) TRY_STATUS(enclave_.flush());
        if (p[0].revents & POLLOUT) TRY_STATUS(control_.flush());
        if (p[1].revents & (POLLIN | POLLHUP | POLLERR)) TRY_STATUS(receive_enclave());
        if (p[3].revents & POLLIN) on_device();
        if (p[2].revents & POLLIN) on_timer();
        if (p[0].revents & (POLLIN | POLLHUP | POLLERR)) TRY_STATUS(receive_control());
    }
    return {};
}

Status AudioRole::receive_control() {
    auto message = control_.receive(buffer_);
    if (!message && message.error().code == Errc::would_block) return {};
    if (!message) return message.error();
    TRY(auto shutdown, ipc::decode_message<ipc::Shutdown>(*message));
    (void)shutdown;
    ending_ = true;
    return {};
}

Status AudioRole::receive_enclave() {
    for (size_t i = 0; i < kMessagesPerWake; ++i) {
        auto message = enclave_.receive(buffer_);
        if (!message && message.error().code == Errc::would_block) return {};
        if (!message) return message.error();
        TRY_STATUS(on_enclave_message(*message));
    }
    return {};
}

Status AudioRole::on_enclave_message(ByteSpan message) {
    TRY(uint16_t id, ipc::message_id(message));
    if (!greeted_enclave_) {
        TRY(auto hello, ipc::decode_message<ipc::LinkHello>(message));
        if (!ipc::hello_matches(hello, ipc::ProcessRole::enclave)) return Error{Errc::bad_value, "enclave's hello", 0};
        greeted_enclave_ = true;
        return {};
    }
    switch (id) {
        case ipc::OpenStream::kId:
            return open_stream(message);
        case ipc::CloseStream::kId: {
            TRY(auto m, ipc::decode_message<ipc::CloseStream>(message));
            TRY_STATUS(streams_->close(m));
            stop_if_idle();
            return {};
        }
        case ipc::Capture::kId: {
            TRY(auto m, ipc::decode_message<ipc::Capture>(message));
            return streams_->capture(m);
        }
        case ipc::PlayFrame::kId: {
            TRY(auto m, ipc::decode_message<ipc::PlayFrame>(message));
            streams_->play(m, BootClock::now());
            return {};
        }
        default:
            return Error{Errc::unknown_message, "message from the enclave", id};
    }
}

Status AudioRole::open_stream(ByteSpan message) {
    TRY(auto m, ipc::decode_message<ipc::OpenStream>(message));
    TRY_STATUS(streams_->open(m));
    run_clock();
    if (uses_device()) start_device();
    return {};
}

// ---- time: a timer for files, the device's own clock for the device

void AudioRole::run_clock() {
    const bool wanted = !streams_->empty();
    if (wanted == ticking_) return;
    itimerspec t{};
    if (wanted) t.it_value.tv_nsec = t.it_interval.tv_nsec = kTickNanos;
    (void)::timerfd_settime(timer_.get(), 0, &t, nullptr);
    ticking_ = wanted;
    ticks_ = 0;
}

void AudioRole::on_timer() {
    uint64_t expired = 0;
    if (::read(timer_.get(), &expired, sizeof expired) != sizeof expired) return;
    for (uint64_t i = 0; i < std::min(expired, kCatchUpMax); ++i) {
        if (!device_captures()) capture_20ms();
        if (!device_plays()) play_20ms();
        ++ticks_;
    }
    if (uses_device()) watch_device();
}

// Without a device sound goes on in silence: peers keep hearing from us, and their packets do not pile up.
void AudioRole::play_20ms() {
    Frame pcm;
    streams_->mix(pcm, BootClock::now());
    if (!recording_ || !streams_->any_plays()) return;
    if (Status s = recording_->append(pcm); !s) {
        log_error("recording_ended", s.error());
        recording_.reset();
    }
}

void AudioRole::capture_20ms() { streams_->send_captured(nullptr); }

void AudioRole::on_device() {
    device_->clear_wake();
    while (device_plays() && device_->wants_frame()) {
        Frame pcm;
        streams_->mix(pcm, BootClock::now());
        device_->give(pcm);
    }
    Frame microphone;
    Frame loudspeaker;
    while (device_captures() && device_->take(microphone, loudspeaker)) {
        if (echo_ && streams_->microphone_in_use()) echo_->process(microphone, loudspeaker);
        streams_->send_captured(&microphone);
    }
}

void AudioRole::start_device() {
    if (!device_)
        if (Status s = open_device(); !s) log_error("no_sound_device", s.error());
    if (device_ && device_->start()) return;
    device_.reset();
    streams_->announce(ipc::AudioEventKind::no_device);
}

void AudioRole::watch_device() {
    if (device_ && ticks_ % kWatchEvery == 0 && !device_->alive()) {
        device_.reset();
        std::fputs("event=device_lost\n", stderr);
        streams_->announce(ipc::AudioEventKind::device_lost);
        return;
    }
    if (device_ || ticks_ % kReopenEvery != 0) return;
    if (!open_device() || !device_->start()) {
        device_.reset();
        return;
    }
    std::fputs("event=device_back\n", stderr);
    streams_->announce(ipc::AudioEventKind::device_back);
}

void AudioRole::stop_if_idle() {
    if (!streams_->empty()) return;
    run_clock();
    if (device_) device_->stop();
}

}  // namespace sealcall::audio
