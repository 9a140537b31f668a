#include "enclave/audio/device.h"

#include <sys/eventfd.h>

#include <atomic>
#include <optional>

#include "enclave/audio/portaudio.h"
#include "enclave/audio/ring.h"
#include "sealcall/base/time.h"

namespace sealcall::audio {
namespace {

constexpr unsigned long kBuffer = 480;  // samples a callback: 10 ms
constexpr double kLatency = 0.010;      // s; with 10 ms buffers 30 ms through a loop, measured
constexpr size_t kRingSamples = 8192;   // 170 ms
constexpr size_t kLowWaterStep = 240;   // samples
constexpr size_t kLowWaterMax = 2400;   // 50 ms
constexpr std::chrono::seconds kSilentTooLong{5};

struct Captured {
    int16_t microphone = 0;
    int16_t loudspeaker = 0;
};

// The sound card as PortAudio's callback sees it. `open` and `start` are our thread's, `callback` is PortAudio's.
class PortAudioDevice final : public Device {
  public:
    PortAudioDevice(PortAudio owner, UniqueFd wake) : owner_(std::move(owner)), wake_(std::move(wake)) {}
    ~PortAudioDevice() override { close(); }

    Status connect(const DeviceOptions& options);
    Status start() override;
    void stop() override;
    bool alive() override;
    [[nodiscard]] int wake_fd() const override { return wake_.get(); }
    void clear_wake() override {
        eventfd_t ignored = 0;
        (void)::eventfd_read(wake_.get(), &ignored);
    }
    bool wants_frame() override;
    void give(const Frame& pcm) override { (void)to_play_.push(pcm); }
    bool take(Frame& microphone, Frame& loudspeaker) override;
    [[nodiscard]] uint32_t underruns() const override { return underruns_.load(std::memory_order_relaxed); }

  private:
    static int callback(const void* in, void* out, unsigned long frames, const PaStreamCallbackTimeInfo*,
                        PaStreamCallbackFlags, void* self) {
        static_cast<PortAudioDevice*>(self)->exchange(static_cast<const int16_t*>(in), static_cast<int16_t*>(out),
                                                      frames);
        return static_cast<PortAudioDevice*>(self)->stopping_.load(std::memory_order_relaxed) ? paAbort : paContinue;
    }
    void exchange(const int16_t* in, int16_t* out, size_t frames);
    void play(int16_t* out, size_t frames);
    void capture(const int16_t* in, size_t frames);
    Status open_stream(PaStream** stream, const PaStreamParameters* in, const PaStreamParameters* out);
    Status open_both(PaStreamParameters in, PaStreamParameters out);
    void close();
    [[nodiscard]] bool active() const;

    PortAudio owner_;
    UniqueFd wake_;
    PaStream* first_ = nullptr;   // both directions, or the one there is
    PaStream* second_ = nullptr;  // the loudspeaker, if it needs a stream of its own
    bool output_ = false;
    size_t in_channels_ = 1;
    size_t out_channels_ = 1;
    bool running_ = false;
    size_t low_water_ = kBuffer;
    uint32_t underruns_seen_ = 0;
    uint32_t callbacks_seen_ = 0;
    BootInstant callbacks_since_{};

    Ring<int16_t, kRingSamples> to_play_;
    Ring<int16_t, kRingSamples> played_;  // callback to callback: the reference for the echo canceller
    Ring<Captured, kRingSamples> captured_;
    std::atomic<uint32_t> underruns_{0};
    std::atomic<uint32_t> callbacks_{0};
    std::atomic<bool> fed_{false};
    std::atomic<bool> stopping_{false};
};

void PortAudioDevice::play(int16_t* out, size_t frames) {
    std::array<int16_t, kBuffer> mono{};
    const size_t got = to_play_.pop(std::span(mono).first(frames));
    if (got < frames && fed_.load(std::memory_order_relaxed)) underruns_.fetch_add(1, std::memory_order_relaxed);
    for (size_t i = 0; i < frames; ++i)
        for (size_t c = 0; c < out_channels_; ++c) out[i * out_channels_ + c] = mono[i];
    (void)played_.push(std::span(mono).first(frames));
}

void PortAudioDevice::capture(const int16_t* in, size_t frames) {
    std::array<int16_t, kBuffer> reference{};
    std::array<Captured, kBuffer> pairs{};
    (void)played_.pop(std::span(reference).first(frames));
    for (size_t i = 0; i < frames; ++i) {
        int sum = 0;
        for (size_t c = 0; c < in_channels_; ++c) sum += in[i * in_channels_ + c];
        pairs[i] = {static_cast<int16_t>(sum / static_cast<int>(in_channels_)), reference[i]};
    }
    (void)captured_.push(std::span(pairs).first(frames));
}

void PortAudioDevice::exchange(const int16_t* in, int16_t* out, size_t frames) {
    for (size_t at = 0; at < frames;) {
        const size_t n = std::min<size_t>(kBuffer, frames - at);
        if (out != nullptr) play(out + at * out_channels_, n);
        if (in != nullptr) capture(in + at * in_channels_, n);
        at += n;
    }
    callbacks_.fetch_add(1, std::memory_order_relaxed);
    (void)::eventfd_write(wake_.get(), 1);
}

bool PortAudioDevice::wants_frame() {
    if (!output_ || !running_) return false;
    const uint32_t dry = underruns();
    if (dry != underruns_seen_) {  // the device takes its buffers less evenly than hoped: keep more in hand
        underruns_seen_ = dry;
        low_water_ = std::min(low_water_ + kLowWaterStep, kLowWaterMax);
    }
    fed_.store(true, std::memory_order_relaxed);
    return to_play_.size() < low_water_;
}

bool PortAudioDevice::take(Frame& microphone, Frame& loudspeaker) {
    if (captured_.size() < kFrameSamples) return false;
    std::array<Captured, kFrameSamples> pairs{};
    captured_.pop(pairs);
    for (size_t i = 0; i < kFrameSamples; ++i) {
        microphone[i] = pairs[i].microphone;
        loudspeaker[i] = pairs[i].loudspeaker;
    }
    return true;
}

Status PortAudioDevice::open_stream(PaStream** stream, const PaStreamParameters* in, const PaStreamParameters* out) {
    return pa_check(Pa_OpenStream(stream, in, out, kSampleRate, kBuffer, paNoFlag, &callback, this),
                    "the sound device cannot be opened at 48 kHz");
}

// One stream for both directions has one clock. Devices that cannot share one (different host APIs) get two.
Status PortAudioDevice::open_both(PaStreamParameters in, PaStreamParameters out) {
    if (open_stream(&first_, &in, &out)) return {};
    first_ = nullptr;
    TRY_STATUS(open_stream(&first_, &in, nullptr));
    return open_stream(&second_, nullptr, &out);
}

Result<PaDeviceIndex> find_device(const std::string& part, bool input) {
    const PaDeviceIndex standard = input ? Pa_GetDefaultInputDevice() : Pa_GetDefaultOutputDevice();
    if (part.empty()) {
        if (standard != paNoDevice) return standard;
        return Error{Errc::not_found, input ? "there is no microphone" : "there is no loudspeaker", 0};
    }
    std::optional<PaDeviceIndex> found;
    for (PaDeviceIndex i = 0; i < Pa_GetDeviceCount(); ++i) {
        const PaDeviceInfo* d = Pa_GetDeviceInfo(i);
        if (d == nullptr || (input ? d->maxInputChannels : d->maxOutputChannels) <= 0) continue;
        if (part == d->name) return i;
        if (!found && std::string_view(d->name).find(part) != std::string_view::npos) found = i;
    }
    if (found) return *found;
    return Error{Errc::not_found, input ? "no microphone has that name" : "no loudspeaker has that name", 0};
}

// Mono where the device can; else two channels, mixed and doubled in the callback.
PaStreamParameters parameters(PaDeviceIndex device, bool input) {
    PaStreamParameters p{.device = device,
                         .channelCount = 1,
                         .sampleFormat = paInt16,
                         .suggestedLatency = kLatency,
                         .hostApiSpecificStreamInfo = nullptr};
    if (Pa_IsFormatSupported(input ? &p : nullptr, input ? nullptr : &p, kSampleRate) != paFormatIsSupported)
        p.channelCount = 2;
    return p;
}

Status PortAudioDevice::connect(const DeviceOptions& options) {
    std::optional<PaStreamParameters> in;
    std::optional<PaStreamParameters> out;
    if (options.input == Part::used) {
        TRY(PaDeviceIndex i, find_device(options.input_name, true));
        in = parameters(i, true);
        in_channels_ = static_cast<size_t>(in->channelCount);
    }
    if (options.output == Part::used) {
        TRY(PaDeviceIndex i, find_device(options.output_name, false));
        out = parameters(i, false);
        out_channels_ = static_cast<size_t>(out->channelCount);
    }
    output_ = out.has_value();
    if (in && out) return open_both(*in, *out);
    return open_stream(&first_, in ? &*in : nullptr, out ? &*out : nullptr);
}

Status PortAudioDevice::start() {
    if (running_) return {};
    TRY_STATUS(pa_check(Pa_StartStream(first_), "the sound device does not start"));
    running_ = true;
    callbacks_since_ = BootClock::now();
    if (second_ != nullptr) TRY_STATUS(pa_check(Pa_StartStream(second_), "the loudspeaker does not start"));
    return {};
}

void PortAudioDevice::stop() {
    if (!running_) return;
    // The callback says that this is the end, so that PortAudio has no thread to cancel. Abort, not stop: draining
    // takes up to 2 s.
    stopping_.store(true, std::memory_order_relaxed);
    for (int i = 0; i < 50 && active(); ++i) ::usleep(1000);
    Pa_AbortStream(first_);
    if (second_ != nullptr) Pa_AbortStream(second_);
    stopping_.store(false, std::memory_order_relaxed);
    running_ = false;
    fed_.store(false, std::memory_order_relaxed);
    to_play_.drain();
    played_.drain();
    captured_.drain();
}

void PortAudioDevice::close() {
    stop();
    if (first_ != nullptr) Pa_CloseStream(first_);
    if (second_ != nullptr) Pa_CloseStream(second_);
    first_ = second_ = nullptr;
}

bool PortAudioDevice::active() const {
    return Pa_IsStreamActive(first_) == 1 && (second_ == nullptr || Pa_IsStreamActive(second_) == 1);
}

bool PortAudioDevice::alive() {
    if (!running_) return true;
    if (!active()) return false;
    const uint32_t seen = callbacks_.load(std::memory_order_relaxed);
    if (seen != callbacks_seen_) {
        callbacks_seen_ = seen;
        callbacks_since_ = BootClock::now();
    }
    return BootClock::now() - callbacks_since_ < kSilentTooLong;
}

}  // namespace

Result<std::unique_ptr<Device>> Device::open(const DeviceOptions& options) {
    UniqueFd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!wake.valid()) return Error{Errc::io, "eventfd", 0};
    TRY(PortAudio owner, PortAudio::create());
    auto device = std::make_unique<PortAudioDevice>(std::move(owner), std::move(wake));
    TRY_STATUS(device->connect(options));
    return std::unique_ptr<Device>(std::move(device));
}

}  // namespace sealcall::audio
