#include "enclave/audio/device.h"
#include "enclave/audio/portaudio.h"

namespace sealcall::audio {
namespace {

constexpr std::array<uint32_t, 6> kRates{8000, 16000, 32000, 44100, 48000, 96000};

std::vector<uint32_t> working_rates(PaDeviceIndex index, const PaDeviceInfo& d) {
    const PaStreamParameters one{.device = index,
                                 .channelCount = 1,
                                 .sampleFormat = paInt16,
                                 .suggestedLatency = 0.010,
                                 .hostApiSpecificStreamInfo = nullptr};
    std::vector<uint32_t> out;
    for (uint32_t rate : kRates)
        if (Pa_IsFormatSupported(d.maxInputChannels > 0 ? &one : nullptr, d.maxOutputChannels > 0 ? &one : nullptr,
                                 rate) == paFormatIsSupported)
            out.push_back(rate);
    return out;
}

}  // namespace

Result<std::vector<DeviceInfo>> list_devices() {
    TRY(PortAudio owner, PortAudio::create());
    std::vector<DeviceInfo> out;
    for (PaDeviceIndex i = 0; i < Pa_GetDeviceCount(); ++i) {
        const PaDeviceInfo* d = Pa_GetDeviceInfo(i);
        if (d == nullptr || (d->maxInputChannels <= 0 && d->maxOutputChannels <= 0)) continue;
        const PaHostApiInfo* api = Pa_GetHostApiInfo(d->hostApi);
        out.push_back({.index = i,
                       .name = d->name,
                       .host_api = api != nullptr ? api->name : "",
                       .inputs = d->maxInputChannels,
                       .outputs = d->maxOutputChannels,
                       .default_input = i == Pa_GetDefaultInputDevice(),
                       .default_output = i == Pa_GetDefaultOutputDevice(),
                       .default_rate = d->defaultSampleRate,
                       .rates = working_rates(i, *d)});
    }
    return out;
}

}  // namespace sealcall::audio
