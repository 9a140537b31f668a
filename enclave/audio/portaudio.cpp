#include "enclave/audio/portaudio.h"

#include <alsa/asoundlib.h>
#include <dlfcn.h>
#include <jack/jack.h>
#include <link.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "enclave/audio/device.h"

namespace sealcall::audio {
namespace {

void ignore_alsa(const char*, int, const char*, int, const char*, ...) {}
void ignore_jack(const char*) {}

int collect(dl_phdr_info* info, size_t, void* out) {
    if (info->dlpi_name != nullptr && info->dlpi_name[0] == '/')
        static_cast<std::vector<std::string>*>(out)->emplace_back(info->dlpi_name);
    return 0;
}

// ALSA loads these by the names that the configuration gives, when a device is opened, and unloads them again.
void load_alsa_plugins(const std::string& libasound) {
    const std::string directory = libasound.substr(0, libasound.rfind('/')) + "/alsa-lib/";
    for (const char* kind : {"conf", "pcm", "ctl"})
        for (const char* server : {"pulse", "pipewire"}) {
            const std::string name = directory + "libasound_module_" + kind + "_" + server + ".so";
            (void)::dlopen(name.c_str(), RTLD_NOW | RTLD_NODELETE);
        }
}

}  // namespace

Result<PortAudio> PortAudio::create() {
    ::setenv("JACK_NO_START_SERVER", "1", 1);  // asking for JACK must never start a daemon
    ::snd_lib_error_set_handler(&ignore_alsa);
    ::jack_set_error_function(&ignore_jack);
    ::jack_set_info_function(&ignore_jack);
    TRY_STATUS(pa_check(Pa_Initialize(), "the sound system cannot be initialised"));
    return PortAudio();
}

PortAudio::~PortAudio() {
    if (owned_) Pa_Terminate();
}

void Device::keep_libraries() {
    std::vector<std::string> names;
    ::dl_iterate_phdr(collect, &names);
    for (const std::string& name : names)
        if (name.find("/libasound.so") != std::string::npos) load_alsa_plugins(name);
    names.clear();
    ::dl_iterate_phdr(collect, &names);
    for (const std::string& name : names) (void)::dlopen(name.c_str(), RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

}  // namespace sealcall::audio
